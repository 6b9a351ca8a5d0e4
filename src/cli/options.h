/* options.h - the command line: one table of all options, and which of them a subcommand takes.
 *
 * Owns the table and the parsed texts. Knows nothing of what a value means to a subcommand. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "base/buffer.h"
#include "base/error.h"
#include "pass/input.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To add an option: an entry here, its row in option_table (options.c), and its place in the list of the subcommands that take it.
 * The help follows; the manual page and the completion are checked against the table by tests/unit/test_options.c. */
typedef enum OptionId {
    OPTION_END = -1, /* behind the last of a list */
    OPTION_MODEL,
    OPTION_TOKENIZER,
    OPTION_TEXT,
    OPTION_TARGET,
    OPTION_IDS,
    OPTION_TARGET_IDS,
    OPTION_ABLATE,
    OPTION_EDIT,
    OPTION_EDITS,
    OPTION_WITH_TEXT,
    OPTION_WITH_TARGET,
    OPTION_WITH_MODEL,
    OPTION_TABLE,
    OPTION_BUG,
    OPTION_ANSWER,
    OPTION_CARDS,
    OPTION_CARD,
    OPTION_TARGETS,
    OPTION_STAGE,
    OPTION_NUMBER,
    OPTION_TEMPERATURE,
    OPTION_TOP_K,
    OPTION_TOP_P,
    OPTION_SEED,
    OPTION_STEPS,
    OPTION_NO_CACHE,
    OPTION_WATCH,
    OPTION_CHARACTERS,
    OPTION_WORDS,
    OPTION_DIFFICULTY,
    OPTION_POSITION,
    OPTION_TOKEN,
    OPTION_AGAINST,
    OPTION_TOLERANCE,
    OPTION_LAYER,
    OPTION_PIECES,
    OPTION_PATCH,
    OPTION_CORRUPT,
    OPTION_OTHER,
    OPTION_NOISE,
    OPTION_SMALL,
    OPTION_SIZE,
    OPTION_KEYS,
    OPTION_THEME,
    OPTION_SESSION,
    OPTION_RESUME,
    OPTION_RECORD,
    OPTION_PLAY,
    OPTION_DELAY,
    OPTION_AS_RECORDED,
    OPTION_NAMES,
    OPTION_FORMAT,
    OPTION_OUTPUT,
    OPTION_PREDICT,
    OPTION_FORGET,
    OPTION_CHECK,
    OPTION_WORKSHEET,
    OPTION_ANSWERS,
    OPTION_PRESENT,
    OPTION_LESSON,
    OPTION_COLOR, /* this one and those below: taken by every subcommand */
    OPTION_LANG,
    OPTION_HELP,
    OPTION_VERSION,
    OPTION_COUNT
} OptionId;

typedef struct OptionInfo {
    char letter;          /* 'm', or 0 */
    const char *name;     /* "model" */
    const char *argument; /* "MODEL"; NULL: takes no value */
    char list;            /* may be given several times; the values are joined by this character; 0: given once */
    const char *what;     /* one line for the help, translatable */
} OptionInfo;

extern const OptionInfo option_table[OPTION_COUNT];

/* What an option means to a subcommand, where that is not what the table says. */
typedef struct OptionNote {
    OptionId id;
    const char *argument, *what;
} OptionNote;

/* A subcommand, as its help shows it. */
typedef struct CommandSpec {
    const char *name;        /* "trace" */
    const char *operands;    /* what may stand beside the options: "[CASE_DIR...]"; NULL: nothing may */
    const char *what;        /* what it does: lines of at most 78 columns, translatable */
    const char *formats;     /* what --format may be, the default first: "text|json|csv"; NULL where it is not taken */
    const char *example;     /* one or more lines */
    const OptionId *options; /* those it takes, ended by OPTION_END; the common ones are added */
    const OptionNote *notes; /* ended by OPTION_END; NULL where there is none */
    void (*more)(Buffer *out); /* adds what else its help lists, in front of the example; or NULL */
} CommandSpec;

/* What was given. Texts belong to argv or to the Options. */
typedef struct Options {
    const CommandSpec *spec;
    const char *value[OPTION_COUNT]; /* NULL where it was not given; "" for an option without a value */
    Buffer joined[OPTION_COUNT];     /* of a list */
    char **operands;                 /* operand_count of them; the array is owned, the texts are argv's */
    int operand_count;
    Buffer text; /* what `-t -` read */
} Options;

/* Parses argv[1] … argv[argc - 1] and acts on --lang at once. True where the subcommand should go on; else it is over (the help or
 * the version was printed, or an error), *status is the program's exit status, and there is nothing to free. */
bool options_read(Options *o, const CommandSpec *spec, int argc, char **argv, int *status);
void options_free(Options *o);

/* The same help that --help prints. */
void options_help(const CommandSpec *spec, Buffer *out);

/* The number an option was given as, between least and most; `otherwise` where it was not given. -1 with e set where
 * it is not such a number. */
int options_number(const Options *o, OptionId id, double least, double most, double otherwise, double *out, Error *e);
int options_count(const Options *o, OptionId id, uint64_t least, uint64_t most, uint64_t otherwise, uint64_t *out, Error *e);
/* Which of "text|json|csv" the value is, 0 where it was not given; -1 with e set where it is none of them. */
int options_choice(const Options *o, OptionId id, const char *choices, Error *e);
/* Which of the spec's formats: as --format says, else as the end of the output file's name says, else the first. -1 with e set where
 * --format is none of them, or the name ends as a file of another kind (.png). */
int options_format(const Options *o, Error *e);

/* What input_read takes. `-t -` is read here, from standard input, one line end behind it left out. */
int options_input(Options *o, InputText *given, Error *e);
/* True where colour is wanted on standard output: --color, else a terminal that is not dumb and no $NO_COLOR. */
bool options_color(const Options *o);

#endif
