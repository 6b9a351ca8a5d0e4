/* keys.c - the list of commands and their keys, for people and for the manual page. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/waiting.h"
#include "view/commands.h"

#include <stdio.h>
#include <unistd.h>

/* One .TP paragraph a command. */
static void add_man(Buffer *out, CommandId id)
{
    char keys[32], key[2] = "";
    buffer_puts(out, ".TP\n.B \"");
    for (const char *p = command_keys(id, keys, sizeof keys); *p; p++) {
        key[0] = *p;
        listing_add_man(out, *p == ' ' ? ", " : key);
    }
    buffer_puts(out, "\"\n");
    listing_add_man(out, _(command_table[id].what));
    buffer_putc(out, '\n');
}

static void add_row(Buffer *out, const CommandInfo *c)
{
    enum { KEYS = 2 + 14 + 1 + 17 + 1 };
    buffer_printf(out, "  %-14s %-17s ", c->keys, c->name);
    listing_wrap(out, _(c->what), KEYS, waiting_columns(STDOUT_FILENO), cli_lists_ascii());
}

static const OptionId keys_options[] = {OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec keys_spec = {
    .name = "keys",
    .what = N_("The debugger's commands: keys, name for the palette, what it does."),
    .formats = "text|man",
    .example = "stepformer keys",
    .options = keys_options,
};

int cli_keys(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &keys_spec, argc, argv, &status))
        return status;
    int format = options_format(&o, &e);
    Output out = output_open(&o);
    Buffer text = {0};
    for (int g = 0; g < GROUP_COUNT; g++) {
        buffer_printf(&text, format == 1 ? ".SS %s\n" : "%s\n", command_group_name((CommandGroup)g));
        for (int i = 0; i < COMMAND_COUNT; i++) {
            const CommandInfo *c = &command_table[i];
            if (c->group != (CommandGroup)g)
                continue;
            if (format == 1)
                add_man(&text, (CommandId)i);
            else
                add_row(&text, c);
        }
    }
    if (format >= 0)
        output_emit(&out, buffer_text(&text), text.len);
    status = format >= 0 && output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    buffer_free(&text);
    options_free(&o);
    return status;
}
