/* cli.h - the subcommands, and what they share.
 *
 * Every subcommand is a function of one file, of its arguments (argv[0] is not looked at) to the program's exit status: CLI_DONE,
 * CLI_FAILED or CLI_WRONG. Results go to standard output, talk to standard error. Nothing here exits: main does. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/file.h"
#include "cli/options.h"
#include "model/model.h"
#include "pass/bug.h"
#include "pass/edit.h"
#include "pass/input.h"
#include "measure/trace.h"

enum {
    CLI_DONE = 0,
    CLI_FAILED = 1, /* a check failed */
    CLI_WRONG = 2   /* the command or its input was wrong, or there was no room for the result */
};

/* A row of main's table. */
typedef struct Command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what; /* one line, translatable */
} Command;

int cli_step(int argc, char **argv);
int cli_frame(int argc, char **argv);
int cli_trace(int argc, char **argv);
int cli_grad(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_generate(int argc, char **argv);
int cli_tokens(int argc, char **argv);
int cli_stages(int argc, char **argv);
int cli_models(int argc, char **argv);
int cli_ablations(int argc, char **argv);
int cli_verify(int argc, char **argv);
int cli_convert(int argc, char **argv);
int cli_train(int argc, char **argv);
int cli_eval(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_answers(int argc, char **argv);
int cli_lesson(int argc, char **argv);
int cli_lab(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_print(int argc, char **argv);
int cli_hunt(int argc, char **argv);

/* ---- talk (talk.c) ---- */

/* Prints "stepformer: …" to standard error. */
void cli_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Each line of a text (work.c); NULL is none. */
void cli_say_lines(const char *lines);
/* The same for an error; returns CLI_WRONG. */
int cli_wrong(const Error *e);
/* Sets the locale, and where translations are; once, at the start. */
void cli_start(void);
/* Speaks this language from now on. */
void cli_set_language(const char *lang);
/* For what draws in ASCII: where the language has other characters, says so and speaks English. */
void cli_speak_ascii(void);
/* True where a list is written in ASCII: the locale has nothing else, and the language needs nothing else. */
bool cli_lists_ascii(void);
/* "stepformer 0.1" and what it was built with. */
void cli_print_version(void);

/* ---- output (output.c) ---- */

/* Where a result goes: standard output, or a file that is written whole or not at all: under a temporary name beside it as it is made. */
typedef struct Output {
    const char *path; /* NULL: standard output */
    Buffer piece;     /* what the file has not been given yet */
    FileWriter file;
    bool begun, failed;
    Error why; /* it failed */
} Output;

/* -o: "-" is standard output. */
Output output_open(const Options *o);
/* Columns that a line may take: the terminal's where it goes to one, else TEXT_ANY_COLUMNS. */
int output_columns(const Output *out);
/* A TraceEmit; context is an Output. False once it cannot be written: there is no use in going on. */
bool output_emit(void *context, const char *bytes, size_t n);
/* Sends lines of text, folded where they go to a terminal that is narrower (text_fold). */
bool output_lines(Output *out, const char *lines);
/* Sends a whole result: as lines of text where it folds, a format for programs as it is. */
bool output_result(Output *out, bool folds, const Buffer *text);
/* Sends on what has been written so far; false once standard output fails. */
bool output_flush(Output *out);
/* Gives the file, if it is one, its name. -1 with e set where not all of it could be written: nothing of it is there then. */
int output_close(Output *out, Error *e);
/* Gives it up. */
void output_drop(Output *out);
/* Lets a handler see what asks the program to end (SIGINT, SIGTERM, SIGHUP), where nobody else does and it is not ignored. */
void output_catch_ends(void (*handler)(int number));
/* Flushes and closes standard output. Returns the exit status: `status`, or CLI_WRONG with the reason said where
 * not everything could be written. */
int output_finish(int status);

/* Checks --format before any work is done: safetensors do not go to a terminal. */
int output_check_trace(const Options *o, Error *e);
/* Writes a trace in the format and to the place that the options say. */
int output_write_trace(Trace *t, const Options *o, Error *e);

/* ---- a model and what it is fed (work.c) ---- */

typedef struct Work {
    Model *model;
    Ablations ablations;
    Input input;
    Edits edits;
    const Bug *bug; /* of --bug; NULL: none */
} Work;

/* The model that is opened where nobody names one. */
#define CLI_DEFAULT_MODEL "zh-en"

/* Says when a model's weights are random, and what its notes say. */
void cli_say_model(const Model *m);
/* The model that -m names, the default where it is not given, with --tokenizer; said about as above. NULL with e set. */
Model *cli_open_model(const Options *o, Error *e);
/* Reads -a; "" where it is not given. */
int cli_read_ablations(const Options *o, Ablations *a, Error *e);
/* Adds the edits of --edits and --edit, in this order. */
int cli_read_edits(const Options *o, Edits *edits, Error *e);
/* Opens the model, reads the ablations, the input and the edits. On an error there is nothing to free. */
int work_open(Work *w, Options *o, Error *e);
/* The pass of all that. NULL with e set. */
Pass *work_pass(const Work *w, Error *e);
void work_free(Work *w);
/* Warns of each ablation of the pass that changed nothing: the model has no such part, or the logits are the same
 * to the last bit without it. */
void work_warn(const Work *w, Pass *p);

#endif
