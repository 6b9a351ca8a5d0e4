/* commands.c - looks commands up by key and by name. */
#include "view/commands.h"

#include "base/text.h"
#include "view/event.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const CommandInfo command_table[COMMAND_COUNT] = {
#define COMMAND(ID, keys, name, status, what, group) {keys, name, status, what, group},
#include "view/commands.def"
#undef COMMAND
};

enum { KEYS_MAX = 3 };

/* The table's key names as keys, read once. */
static int32_t keys[COMMAND_COUNT][KEYS_MAX];

static void read_keys(void)
{
    static bool done;
    if (done)
        return;
    for (int i = 0; i < COMMAND_COUNT; i++) {
        const char *p = command_table[i].keys;
        for (int k = 0; k < KEYS_MAX; k++) {
            size_t n = strcspn(p, " ");
            keys[i][k] = n ? key_parse(p, n) : -1;
            p += n + (p[n] == ' ');
        }
    }
    done = true;
}

CommandId command_of_key(int32_t key)
{
    read_keys();
    for (int i = 0; i < COMMAND_COUNT; i++)
        for (int k = 0; k < KEYS_MAX; k++)
            if (keys[i][k] == key && key >= 0)
                return (CommandId)i;
    return COMMAND_NONE;
}

CommandId command_find(const char *name)
{
    CommandId found = COMMAND_NONE;
    size_t n = strlen(name);
    for (int i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(command_table[i].name, name) == 0)
            return (CommandId)i;
        if (n && strncmp(command_table[i].name, name, n) == 0) {
            if (found != COMMAND_NONE)
                found = COMMAND_COUNT; /* more than one begins so; an exact name may still come */
            else
                found = (CommandId)i;
        }
    }
    return found == COMMAND_COUNT ? COMMAND_NONE : found;
}

const char *command_key(CommandId id, char out[16])
{
    const char *first = command_table[id].keys;
    snprintf(out, 16, "%.*s", (int)strcspn(first, " "), first);
    return out;
}

const char *command_keys(CommandId id, char *out, size_t size)
{
    const CommandInfo *c = &command_table[id];
    snprintf(out, size, "%s%s", *c->keys ? "" : ":", *c->keys ? c->keys : c->name);
    return out;
}

const char *command_group_name(CommandGroup g)
{
    static const char *const names[GROUP_COUNT] = {N_("Stepping"), N_("Looking"), N_("Changing"), N_("The program")};
    return _(names[g]);
}
