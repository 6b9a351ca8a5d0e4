/* output.c - results: to standard output as they are made, or to a file, which appears whole.
 *
 * Owns the first error of standard output. */
#include "base/text.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/waiting.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int stdout_errno; /* of the first write that failed: a later one may fail for another reason */

Output output_open(const Options *o)
{
    const char *path = o->value[OPTION_OUTPUT];
    return (Output){.path = path && strcmp(path, "-") != 0 ? path : NULL};
}

int output_columns(const Output *out)
{
    return !out->path && isatty(STDOUT_FILENO) ? waiting_terminal_columns(STDOUT_FILENO) : TEXT_ANY_COLUMNS;
}

bool output_lines(Output *out, const char *lines)
{
    Buffer folded = {0};
    text_fold(&folded, lines, output_columns(out));
    bool sent = folded.failed ? output_emit(out, lines, strlen(lines)) : output_emit(out, buffer_text(&folded), folded.len);
    buffer_free(&folded);
    return sent;
}

bool output_result(Output *out, bool folds, const Buffer *text)
{
    return folds ? output_lines(out, buffer_text(text)) : output_emit(out, buffer_text(text), text->len);
}

/* What is not whole is taken away before a signal ends the program. */
static void on_end(int number)
{
    file_take_away();
    signal(number, SIG_DFL);
    raise(number);
}

void output_catch_ends(void (*handler)(int number))
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction old, ours = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&ours.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(ends[i], &ours, NULL);
}

/* Gives the file what is there. */
static bool write_piece(Output *out)
{
    if (out->piece.failed) {
        out->failed = true;
        error_memory(&out->why, out->path);
    }
    if (!out->failed && !out->begun) {
        output_catch_ends(on_end);
        out->failed = file_begin(&out->file, out->path, &out->why) != 0;
        out->begun = !out->failed;
    }
    if (!out->failed)
        out->failed = file_add(&out->file, buffer_text(&out->piece), out->piece.len, &out->why) != 0;
    buffer_clear(&out->piece);
    return !out->failed;
}

bool output_emit(void *context, const char *bytes, size_t n)
{
    enum { PIECE = 1 << 16 };
    Output *out = context;
    if (out->path) {
        buffer_add(&out->piece, bytes, n);
        return !out->failed && (out->piece.len < PIECE || write_piece(out));
    }
    errno = 0;
    if (fwrite(bytes, 1, n, stdout) == n)
        return true;
    if (!stdout_errno)
        stdout_errno = errno;
    return false;
}

bool output_flush(Output *out)
{
    errno = 0;
    if (out->path || fflush(stdout) == 0)
        return true;
    if (!stdout_errno)
        stdout_errno = errno;
    return false;
}

int output_close(Output *out, Error *e)
{
    int status = 0;
    if (out->path && (out->failed || !write_piece(out)))
        status = error_set(e, "%s", out->why.text);
    else if (out->begun) {
        status = file_end(&out->file, e);
        out->begun = false;
    }
    output_drop(out);
    return status;
}

void output_drop(Output *out)
{
    if (out->begun)
        file_drop(&out->file);
    out->begun = false;
    buffer_free(&out->piece);
}

int output_finish(int status)
{
    bool failed = ferror(stdout) != 0;
    file_take_away(); /* of a command that gave up */
    errno = 0;
    if (fflush(stdout) != 0)
        failed = true;
    if (failed && !stdout_errno)
        stdout_errno = errno;
    if (fclose(stdout) != 0) {
        if (!failed && !stdout_errno)
            stdout_errno = errno;
        failed = true;
    }
    if (!failed)
        return status;
    if (status != CLI_WRONG)
        cli_say("standard output: cannot be written: %s", stdout_errno ? strerror(stdout_errno) : _("an earlier write failed"));
    return CLI_WRONG;
}

int output_check_trace(const Options *o, Error *e)
{
    int format = options_format(o, e);
    const char *path = o->value[OPTION_OUTPUT];
    if (format == TRACE_SAFETENSORS && (!path || strcmp(path, "-") == 0) && isatty(STDOUT_FILENO))
        return error_set(e, "--format safetensors: expected a file or a pipe, found a terminal; give -o FILE");
    return format < 0 ? -1 : 0;
}

/* A real model has more numbers than one wants to read: to a terminal they do not go, and elsewhere it is said how many there are. */
static int check_amount(const Trace *t, const Output *out, Error *e)
{
    const double most = 10e6, bytes = 12; /* of a number as text */
    double numbers = 0;
    for (size_t i = 0; i < t->count; i++) {
        double n = 1;
        for (int k = 0; k < t->items[i].rank; k++)
            n *= (double)t->items[i].shape[k];
        numbers += n;
    }
    if (numbers < most)
        return 0;
    if (!out->path && isatty(STDOUT_FILENO))
        return error_set(e, "standard output: expected at most %.0f million numbers on a terminal, found %.0f million; give --stage NAME for one, or -o FILE.safetensors",
                         1e-6 * most, 1e-6 * numbers);
    cli_say("%.0f million numbers: about %.2g GB of text; --stage NAME takes one, -o FILE.safetensors %.2g GB", 1e-6 * numbers, 1e-9 * bytes * numbers,
            1e-9 * (double)sizeof(real) * numbers);
    return 0;
}

int output_write_trace(Trace *t, const Options *o, Error *e)
{
    int format = options_format(o, e);
    Output out = output_open(o);
    t->columns = output_columns(&out);
    if (format < 0 || (format != TRACE_SAFETENSORS && check_amount(t, &out, e) != 0))
        return -1;
    if (format == TRACE_SAFETENSORS) {
        output_catch_ends(on_end);
        return trace_save(t, out.path ? out.path : "-", e);
    }
    if (trace_write(t, (TraceFormat)format, output_emit, &out, e) != 0) {
        output_drop(&out);
        return -1;
    }
    return output_close(&out, e);
}
