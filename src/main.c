/* main.c - picks a subcommand from a table.
 *
 * Owns the list of subcommands and the program's exit. What a subcommand does is in its file of src/cli. */
#include "base/text.h"
#include "cli/cli.h"
#include "model/nearest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* To add a subcommand: a row here, its function in a file of src/cli (declared in cli.h), a line in the manual page, and its name in
 * the completion. The first one is run where none is named. */
static const Command commands[] = {
    {"step", cli_step, N_("the debugger: pause after every stage and look at it")},
    {"frame", cli_frame, N_("one screen of the debugger, as text, ansi, svg or html")},
    {"trace", cli_trace, N_("every stage of a pass, as numbers, tables or heat maps")},
    {"grad", cli_grad, N_("the gradient of every weight and stage")},
    {"explain", cli_explain, N_("logit lens, attribution, head classes, causal tracing, as tables")},
    {"compare", cli_compare, N_("a twin beside its baseline: what differs first, and how far")},
    {"print", cli_print, N_("what an expression about a pass comes to")},
    {"generate", cli_generate, N_("go on from a text, token by token")},
    {"tokens", cli_tokens, N_("how a text is cut into tokens")},
    {"stages", cli_stages, N_("list the stages of a pass")},
    {"models", cli_models, N_("list the models that can be named")},
    {"ablations", cli_ablations, N_("list what can be switched off")},
    {"convert", cli_convert, N_("write a model in stepformer's own format")},
    {"train", cli_train, N_("make a model from a recipe, or from a text")},
    {"eval", cli_eval, N_("a trained model's score on held-out examples")},
    {"answers", cli_answers, N_("what the answers given to questions sum up to")},
    {"hunt", cli_hunt, N_("find the bug in a network that has one")},
    {"lesson", cli_lesson, N_("take a lesson; list them; check what they claim")},
    {"lab", cli_lab, N_("an experiment: a table and a plot")},
    {"keys", cli_keys, N_("list the debugger's commands and keys")},
    {"verify", cli_verify, N_("recompute stored cases; print the largest error")},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static const Command *find_command(const char *name)
{
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static int print_help(void)
{
    printf("%s", _("Usage: stepformer [COMMAND] [OPTION]...\n"
                   "A debugger for the transformer. Without a command: step.\n\n"));
    for (int i = 0; i < COMMANDS; i++)
        printf("  %-10s %s\n", commands[i].name, _(commands[i].what));
    printf("%s", _("\n'stepformer COMMAND --help' shows a command's options. See also stepformer(1).\n\n"
                   "Example:\n"
                   "  stepformer -m hand-wired -t \"A B C A\"\n"));
    return CLI_DONE;
}

static int unknown_command(const char *name)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Nearest near = nearest_to(name, strlen(name));
    for (int i = 0; i < COMMANDS; i++)
        nearest_offer(&near, commands[i].name);
    cli_say("expected a command, found %s%s; try 'stepformer --help'; a text is given with -t", quote_short(name, strlen(name), quoted),
            nearest_hint(&near, hint));
    return CLI_WRONG;
}

static int run(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return print_help();
    if (strcmp(first, "--version") == 0) {
        cli_print_version();
        return CLI_DONE;
    }
    if (argc < 2 || first[0] == '-')
        return commands[0].run(argc, argv);
    const Command *command = find_command(first);
    return command ? command->run(argc - 1, argv + 1) : unknown_command(first);
}

/* A program may be started with standard input, output or error closed. The next file opened would take its number, and what is printed
 * would land in it: an end that cannot be used takes the number instead. */
static void hold_standard_files(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

int main(int argc, char **argv)
{
    hold_standard_files();
    signal(SIGPIPE, SIG_DFL); /* a closed pipe ends the program quietly, also where it was started with the signal ignored */
    signal(SIGXFSZ, SIG_IGN); /* a file too large is an error of its write */
    cli_start();
    return output_finish(run(argc, argv));
}
