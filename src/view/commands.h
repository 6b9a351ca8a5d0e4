/* commands.h - the table of commands: from a key or a name to what the user asked for.
 *
 * Owns commands.def. What a command does is up to the view. */
#ifndef VIEW_COMMANDS_H
#define VIEW_COMMANDS_H

#include <stddef.h>
#include <stdint.h>

typedef enum CommandGroup { GROUP_STEP, GROUP_LOOK, GROUP_CHANGE, GROUP_PROGRAM, GROUP_COUNT } CommandGroup;

typedef enum CommandId {
    COMMAND_NONE = -1,
#define COMMAND(ID, ...) CMD_##ID,
#include "view/commands.def"
#undef COMMAND
    COMMAND_COUNT
} CommandId;

typedef struct CommandInfo {
    const char *keys;   /* "n Space" */
    const char *name;   /* "next" */
    const char *status; /* translatable; "" where the status line leaves it out */
    const char *what;   /* translatable */
    CommandGroup group;
} CommandInfo;

extern const CommandInfo command_table[COMMAND_COUNT];

/* The command of a key, or COMMAND_NONE. */
CommandId command_of_key(int32_t key);
/* The command of a name or of the only name that begins so, or COMMAND_NONE. */
CommandId command_find(const char *name);
/* The first of its keys, as written. Writes at most 16 bytes into out, returns out. */
const char *command_key(CommandId id, char out[16]);
/* All its keys, "c G", or how it is typed where it has none, ":print". Writes at most size bytes into out, returns out. */
const char *command_keys(CommandId id, char *out, size_t size);
/* "Stepping", "Looking", … translatable */
const char *command_group_name(CommandGroup g);

#endif
