/* config_keys.h - one row for each key of config.json, shared by its reader, its writer and its checks.
 *
 * To add a key: a field in Config, its default in config_default, a row in config_keys, what it may be in config_check, what is
 * said of it in config_describe where it makes another architecture (all in config.c), and a paragraph in the manual page's MODELS. */
#ifndef MODEL_CONFIG_KEYS_H
#define MODEL_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum {
    KEY_SIZE,   /* size_t, from least to most */
    KEY_NUMBER, /* double */
    KEY_BOOL,   /* bool */
    KEY_SWITCH, /* Switch: true, false, or not given */
    KEY_CHOICE  /* an enum; its names in the enum's order, NULL behind the last that can be written */
} ConfigKeyType;

typedef struct ConfigKey {
    const char *name;
    size_t offset; /* of the field in Config */
    ConfigKeyType type;
    size_t least, most;
    const char *const *choices;
    bool rare; /* written only where it is not the default */
} ConfigKey;

/* Ends with a row without a name. */
extern const ConfigKey config_keys[];

#endif
