/* options.c - parses a command line and prints a subcommand's help. */
#include "cli/options.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/waiting.h"
#include "model/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const OptionInfo option_table[OPTION_COUNT] = {
    [OPTION_MODEL] = {'m', "model", "MODEL", 0, N_("a name, a folder, a file *.gguf or *.bin, or random:KEY=VALUE,...")},
    [OPTION_TOKENIZER] = {0, "tokenizer", "FILE", 0, N_("the vocabulary, where it is not beside the model")},
    [OPTION_TEXT] = {'t', "text", "TEXT", 0, N_("what the model reads; '-' reads it from standard input")},
    [OPTION_TARGET] = {0, "target", "TEXT", 0, N_("what the decoder of an encoder-decoder is fed")},
    [OPTION_IDS] = {0, "ids", "N,N,...", 0, N_("token ids instead of a text, exactly as given")},
    [OPTION_TARGET_IDS] = {0, "target-ids", "N,N,...", 0, N_("token ids instead of --target, exactly as given")},
    [OPTION_ABLATE] = {'a', "ablate", "NAME,...", ',', N_("switch parts off; 'stepformer ablations' lists the names")},
    [OPTION_EDIT] = {0, "edit", "EDIT", '\n', N_("change numbers: ADDRESS=NUMBER, =zero, =mean, *=2, ...; see the manual")},
    [OPTION_EDITS] = {0, "edits", "FILE", 0, N_("a file of edits, one a line")},
    [OPTION_WITH_TEXT] = {0, "with-text", "TEXT", 0, N_("the twin reads this text instead")},
    [OPTION_WITH_TARGET] = {0, "with-target", "TEXT", 0, N_("the twin's decoder is fed this instead")},
    [OPTION_WITH_MODEL] = {0, "with-model", "MODEL", 0, N_("the twin is this model")},
    [OPTION_TABLE] = {0, "table", NULL, 0, N_("the score without each part: switched off now, and trained without it")},
    [OPTION_BUG] = {0, "bug", "ID", 0, N_("with this bug of the hunt in it; 'stepformer hunt --cards' lists them")},
    [OPTION_ANSWER] = {0, "answer", "STAGE", 0, N_("where the bug is: a stage's name, or what it ends in")},
    [OPTION_CARDS] = {0, "cards", NULL, 0, N_("the cards of all bugs: what each is, where it was found, how to catch it")},
    [OPTION_CARD] = {0, "card", "ID", 0, N_("the card of this bug")},
    [OPTION_TARGETS] = {0, "targets", "N,N,...", 0, N_("the id each position should predict; -1 is not counted")},
    [OPTION_STAGE] = {0, "stage", "NAME", ',', N_("only this stage; may be given several times")},
    [OPTION_NUMBER] = {'n', "number", "N", 0, N_("at most this many new tokens (60)")},
    [OPTION_TEMPERATURE] = {0, "temperature", "T", 0, N_("0, the default, takes the likeliest token; 1 draws as the model says")},
    [OPTION_TOP_K] = {0, "top-k", "K", 0, N_("draw from the K likeliest tokens; 0 is all")},
    [OPTION_TOP_P] = {0, "top-p", "P", 0, N_("draw from the likeliest tokens that have probability P together")},
    [OPTION_SEED] = {0, "seed", "N", 0, N_("of the random numbers (0); the same seed draws the same text")},
    [OPTION_STEPS] = {0, "steps", NULL, 0, N_("show every step of the sampler for every new token")},
    [OPTION_NO_CACHE] = {0, "no-cache", NULL, 0, N_("compute every key and value again for every new token")},
    [OPTION_WATCH] = {0, "watch", NULL, 0, N_("in a terminal: a live loss curve, and the attention of one sentence")},
    [OPTION_CHARACTERS] = {0, "characters", NULL, 0, N_("every character of the text is a token (the default)")},
    [OPTION_WORDS] = {0, "words", NULL, 0, N_("every word of the text is a token")},
    [OPTION_DIFFICULTY] = {0, "difficulty", "N", 0, N_("the size of the examples, where the task has one; 0 is its own mix")},
    [OPTION_POSITION] = {0, "position", "N", 0, N_("the row of the output, from 0 (the last; an encoder's first mask)")},
    [OPTION_TOKEN] = {0, "token", "TOKEN", 0, N_("the answer that is followed: a token, or #ID (the likeliest)")},
    [OPTION_AGAINST] = {0, "against", "TOKEN", 0, N_("attribution: minus the logit of this token")},
    [OPTION_TOLERANCE] = {0, "tolerance", "X", 0, N_("how far a tensor may be off, of its largest number (5e-5; 3e-2 in half precision)")},
    [OPTION_LAYER] = {0, "layer", "N", 0, N_("only the rows of this layer, from 0")},
    [OPTION_PIECES] = {0, "pieces", NULL, 0, N_("attribution: every key of a head, every unit of an FFN, too")},
    [OPTION_PATCH] = {0, "patch", "PART", 0, N_("trace: what is put back: stream (the default), attention or ffn")},
    [OPTION_CORRUPT] = {0, "corrupt", "N,N,...", 0, N_("trace: noise at these positions (the one that costs the answer most)")},
    [OPTION_OTHER] = {0, "other", "TEXT", 0, N_("trace: instead of noise another text, of as many tokens")},
    [OPTION_NOISE] = {0, "noise", "X", 0, N_("trace: how many standard deviations of the embeddings (3)")},
    [OPTION_SMALL] = {0, "small", NULL, 0, N_("the small parameters: seconds instead of minutes")},
    [OPTION_SIZE] = {0, "size", "COLSxROWS", 0, N_("how large the screen is (80x24)")},
    [OPTION_KEYS] = {0, "keys", "KEYS", 0, N_("keys to press first: \"n n Enter\"; 'stepformer keys' lists them")},
    [OPTION_THEME] = {0, "theme", "THEME", 0, N_("dark, light, high-contrast or monochrome")},
    [OPTION_SESSION] = {0, "session", "FILE", 0, N_("go on where this session was saved; C-s saves it")},
    [OPTION_RESUME] = {0, "resume", NULL, 0, N_("go on with the session that was broken off, as by a lost connection")},
    [OPTION_RECORD] = {0, "record", "FILE", 0, N_("record the screen and the keys, as asciinema does (asciicast 2)")},
    [OPTION_PLAY] = {0, "play", "FILE", 0, N_("play a recording: its keys are pressed again, at this size")},
    [OPTION_DELAY] = {0, "delay", "SECONDS", 0, N_("with --play: so long between two keys, instead of as recorded")},
    [OPTION_AS_RECORDED] = {0, "as-recorded", NULL, 0, N_("with --play: show the screen as it was, byte by byte")},
    [OPTION_NAMES] = {0, "names", "WHOSE", 0, N_("own (the default), or transformer-lens: its hook names and shapes")},
    [OPTION_FORMAT] = {0, "format", "FORMAT", 0, NULL},
    [OPTION_OUTPUT] = {'o', "output", "FILE", 0, N_("write to this file instead of standard output")},
    [OPTION_PREDICT] = {0, "predict", NULL, 0, N_("ask before each matrix is shown what it will be; P in the debugger")},
    [OPTION_CHECK] = {0, "check", NULL, 0, N_("run every claim; exit status 1: one is false, 2: a file is malformed")},
    [OPTION_WORKSHEET] = {0, "worksheet", NULL, 0, N_("a sheet to be printed and filled in, from the same numbers")},
    [OPTION_ANSWERS] = {0, "answers", NULL, 0, N_("the worksheet with its answers")},
    [OPTION_LESSON] = {0, "lesson", "LESSON", 0, N_("a lesson beside it: its name, folder or file")},
    [OPTION_PRESENT] = {0, "present", NULL, 0, N_("for teaching: answers are shown on a key, nothing is kept")},
    [OPTION_FORGET] = {0, "forget", NULL, 0, N_("remove the answers instead")},
    [OPTION_COLOR] = {0, "color", "WHEN", 0, N_("auto, always or never")},
    [OPTION_LANG] = {0, "lang", "LANG", 0, N_("en or zh")},
    [OPTION_HELP] = {'h', "help", NULL, 0, N_("show this help")},
    [OPTION_VERSION] = {0, "version", NULL, 0, N_("show the version")},
};

static bool is_taken(const CommandSpec *spec, OptionId id)
{
    if (id >= OPTION_COLOR)
        return true;
    for (const OptionId *p = spec->options; *p != OPTION_END; p++)
        if (*p == id)
            return true;
    return false;
}

/* ---- help ---- */

static void add_formats(const CommandSpec *spec, Buffer *out)
{
    for (const char *p = spec->formats; *p;) {
        size_t n = strcspn(p, "|");
        if (p != spec->formats)
            buffer_puts(out, p[n] ? ", " : _(" or "));
        buffer_add(out, p, n);
        p += n + (p[n] == '|');
    }
}

/* What an option takes and does, for this subcommand. */
static OptionNote note_of(const CommandSpec *spec, OptionId id)
{
    for (const OptionNote *n = spec->notes; n && n->id != OPTION_END; n++)
        if (n->id == id)
            return *n;
    return (OptionNote){id, option_table[id].argument, option_table[id].what};
}

static void add_option(const CommandSpec *spec, OptionId id, Buffer *out)
{
    enum { WHAT_COLUMN = 28 };
    const OptionInfo *info = &option_table[id];
    OptionNote note = note_of(spec, id);
    size_t start = out->len;
    if (info->letter)
        buffer_printf(out, "  -%c, --%s", info->letter, info->name);
    else
        buffer_printf(out, "      --%s", info->name);
    if (note.argument)
        buffer_printf(out, " %s", note.argument);
    size_t used = out->len - start;
    buffer_fill(out, ' ', used < WHAT_COLUMN ? WHAT_COLUMN - used : 1);
    if (id == OPTION_FORMAT) {
        add_formats(spec, out);
        buffer_putc(out, '\n');
    } else
        listing_wrap(out, _(note.what), WHAT_COLUMN, waiting_columns(STDOUT_FILENO), cli_lists_ascii());
}

void options_help(const CommandSpec *spec, Buffer *out)
{
    buffer_printf(out, _("Usage: stepformer %s [OPTION]...%s%s\n"), spec->name, spec->operands ? " " : "",
                  spec->operands ? spec->operands : "");
    buffer_printf(out, "%s\n\n", _(spec->what));
    for (int id = 0; id < OPTION_COUNT; id++)
        if (is_taken(spec, (OptionId)id))
            add_option(spec, (OptionId)id, out);
    if (spec->more) {
        buffer_putc(out, '\n');
        spec->more(out);
    }
    buffer_puts(out, _("\nExample:\n"));
    for (const char *p = spec->example; *p;) {
        size_t n = strcspn(p, "\n");
        buffer_printf(out, "  %.*s\n", (int)n, p);
        p += n + (p[n] == '\n');
    }
}

static void print_help(const CommandSpec *spec)
{
    Buffer help = {0};
    options_help(spec, &help);
    fputs(buffer_text(&help), stdout);
    buffer_free(&help);
}

/* ---- parsing ---- */

static OptionId find_letter(const CommandSpec *spec, char letter)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        if (letter && option_table[id].letter == letter && is_taken(spec, (OptionId)id))
            return (OptionId)id;
    return OPTION_END;
}

static OptionId find_name(const CommandSpec *spec, const char *name, size_t n)
{
    for (int id = 0; id < OPTION_COUNT; id++)
        if (strlen(option_table[id].name) == n && memcmp(option_table[id].name, name, n) == 0 && is_taken(spec, (OptionId)id))
            return (OptionId)id;
    return OPTION_END;
}

/* True where a word that should be a value is an option of this subcommand, whose own value was forgotten. */
static bool looks_like_option(const CommandSpec *spec, const char *word)
{
    if (word[0] != '-' || word[1] == '\0')
        return false;
    if (word[1] != '-')
        return find_letter(spec, word[1]) != OPTION_END && (word[2] == '\0' || !option_table[find_letter(spec, word[1])].argument);
    return find_name(spec, word + 2, strcspn(word + 2, "=")) != OPTION_END;
}

/* The n bytes at word, as given on the command line, are no option here. */
static int unknown_option(const CommandSpec *spec, const char *word, size_t n, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    Buffer names = {0}; /* "--model\0--text\0…": what is offered must outlive the search */
    for (int id = 0; id < OPTION_COUNT; id++)
        if (is_taken(spec, (OptionId)id)) {
            buffer_printf(&names, "--%s", option_table[id].name);
            buffer_putc(&names, '\0');
        }
    Nearest near = nearest_to(word, n);
    for (size_t at = 0; !names.failed && at < names.len; at += strlen(names.data + at) + 1)
        nearest_offer(&near, names.data + at);
    error_set(e, "%s: expected an option, found %s%s", spec->name, quote_short(word, n, quoted), nearest_hint(&near, hint));
    buffer_free(&names);
    return -1;
}

static int store(Options *o, OptionId id, const char *value, Error *e)
{
    const OptionInfo *info = &option_table[id];
    const char *before = o->value[id];
    if (info->list) {
        Buffer *joined = &o->joined[id];
        if (joined->len && value[0])
            buffer_putc(joined, info->list);
        buffer_puts(joined, value);
        if (joined->failed)
            return error_memory(e, info->name);
        o->value[id] = buffer_text(joined);
        return 0;
    }
    if (before && strcmp(before, value) != 0) {
        char a[QUOTE_SHORT], b[QUOTE_SHORT];
        return error_set(e, "%s: --%s: expected it once, found %s and %s", o->spec->name, info->name,
                         quote_short(before, strlen(before), a), quote_short(value, strlen(value), b));
    }
    o->value[id] = value;
    return 0;
}

/* The value of option id: what follows it in its own word, else the next word. */
static int store_with_value(Options *o, OptionId id, const char *inside, int argc, char **argv, int *at, Error *e)
{
    const OptionInfo *info = &option_table[id];
    if (inside)
        return store(o, id, inside, e);
    if (*at + 1 >= argc)
        return error_set(e, "%s: --%s: expected a value (%s), found nothing", o->spec->name, info->name, info->argument);
    const char *value = argv[++*at];
    if (looks_like_option(o->spec, value))
        return error_set(e, "%s: --%s: expected a value (%s), found the option %s; if it is meant, write --%s=%s", o->spec->name,
                         info->name, info->argument, value, info->name, value);
    return store(o, id, value, e);
}

static int read_long(Options *o, int argc, char **argv, int *at, Error *e)
{
    const char *name = argv[*at] + 2;
    size_t n = strcspn(name, "=");
    OptionId id = find_name(o->spec, name, n);
    if (id == OPTION_END)
        return unknown_option(o->spec, argv[*at], n + 2, e);
    const char *inside = name[n] == '=' ? name + n + 1 : NULL;
    if (option_table[id].argument)
        return store_with_value(o, id, inside, argc, argv, at, e);
    if (inside)
        return error_set(e, "%s: --%s: expected no value, found one", o->spec->name, option_table[id].name);
    return store(o, id, "", e);
}

/* "-mX", "-m X", or several letters together of which only the last takes a value. */
static int read_short(Options *o, int argc, char **argv, int *at, Error *e)
{
    for (const char *p = argv[*at] + 1; *p; p++) {
        OptionId id = find_letter(o->spec, *p);
        if (id == OPTION_END) {
            char word[3] = {'-', *p, '\0'};
            bool whole = p == argv[*at] + 1; /* "-model" may be a misspelt "--model" */
            return unknown_option(o->spec, whole ? argv[*at] : word, whole ? strlen(argv[*at]) : 2, e);
        }
        if (option_table[id].argument)
            return store_with_value(o, id, p[1] ? p + 1 : NULL, argc, argv, at, e);
        if (store(o, id, "", e) != 0)
            return -1;
    }
    return 0;
}

static int read_words(Options *o, int argc, char **argv, Error *e)
{
    bool only_operands = false;
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        int status = 0;
        if (!only_operands && strcmp(word, "--") == 0)
            only_operands = true;
        else if (!only_operands && word[0] == '-' && word[1] == '-')
            status = read_long(o, argc, argv, &at, e);
        else if (!only_operands && word[0] == '-' && word[1] &&
                 !(o->spec->operands && strchr("0123456789.(", word[1]))) /* -2^2 is an expression */
            status = read_short(o, argc, argv, &at, e);
        else if (o->spec->operands)
            o->operands[o->operand_count++] = argv[at];
        else {
            char quoted[QUOTE_SHORT];
            status = error_set(e, "%s: expected only options, found %s%s", o->spec->name, quote_short(word, strlen(word), quoted),
                               !is_taken(o->spec, OPTION_TEXT)      ? ""
                               : strcmp(o->spec->name, "step") == 0 ? _("; a command is the first word, a text is given with -t")
                                                                    : _("; a text is given with -t"));
        }
        if (status != 0 && (o->value[OPTION_HELP] || o->value[OPTION_VERSION]))
            break; /* whoever asks for help gets it */
        if (status != 0)
            return -1;
    }
    if (options_choice(o, OPTION_LANG, "en|zh", e) < 0 || options_choice(o, OPTION_COLOR, "auto|always|never", e) < 0)
        return -1;
    return 0;
}

/* --lang counts before anything else is read: what is wrong with the other words is said in that language, too. */
static void speak_first(int argc, char **argv)
{
    for (int at = 1; at < argc && strcmp(argv[at], "--") != 0; at++) {
        const char *lang = strncmp(argv[at], "--lang=", 7) == 0               ? argv[at] + 7
                           : strcmp(argv[at], "--lang") == 0 && at + 1 < argc ? argv[at + 1]
                                                                              : "";
        if (strcmp(lang, "en") == 0 || strcmp(lang, "zh") == 0)
            cli_set_language(lang);
    }
}

bool options_read(Options *o, const CommandSpec *spec, int argc, char **argv, int *status)
{
    Error e = {{0}};
    *o = (Options){.spec = spec};
    *status = CLI_WRONG;
    speak_first(argc, argv);
    o->operands = calloc((size_t)argc + 1, sizeof *o->operands);
    if (!o->operands)
        error_memory(&e, "options");
    else if (read_words(o, argc, argv, &e) == 0)
        *status = CLI_DONE;

    bool go_on = false;
    if (*status != CLI_DONE)
        cli_say("%s; try 'stepformer %s --help'", e.text, spec->name);
    else if (o->value[OPTION_HELP])
        print_help(spec);
    else if (o->value[OPTION_VERSION])
        cli_print_version();
    else
        go_on = true;
    if (!go_on)
        options_free(o);
    return go_on;
}

void options_free(Options *o)
{
    for (int i = 0; i < OPTION_COUNT; i++)
        buffer_free(&o->joined[i]);
    buffer_free(&o->text);
    free(o->operands);
    *o = (Options){0};
}

/* ---- values ---- */

int options_number(const Options *o, OptionId id, double least, double most, double otherwise, double *out, Error *e)
{
    const char *text = o->value[id];
    *out = otherwise;
    if (!text)
        return 0;
    char quoted[QUOTE_SHORT], *end = NULL;
    bool plain = text[0] && text[strspn(text, "0123456789.eE+-")] == '\0'; /* strtod also reads "inf", "0x1" and spaces */
    double x = plain ? strtod(text, &end) : 0;
    if (!plain || *end || !isfinite(x) || x < least || x > most)
        return error_set(e, "--%s: expected a number from %g to %g, found %s", option_table[id].name, least, most,
                         quote_short(text, strlen(text), quoted));
    *out = x;
    return 0;
}

int options_count(const Options *o, OptionId id, uint64_t least, uint64_t most, uint64_t otherwise, uint64_t *out, Error *e)
{
    const char *text = o->value[id];
    *out = otherwise;
    if (!text)
        return 0;
    char quoted[QUOTE_SHORT], *end = NULL;
    bool plain = text[0] && text[strspn(text, "0123456789")] == '\0';
    errno = 0;
    unsigned long long x = plain ? strtoull(text, &end, 10) : 0;
    if (!plain || *end || errno || x < least || x > most)
        return error_set(e, "--%s: expected a whole number from %llu to %llu, found %s", option_table[id].name, (unsigned long long)least,
                         (unsigned long long)most, quote_short(text, strlen(text), quoted));
    *out = x;
    return 0;
}

/* Which of the choices the n bytes at text are, or -1. */
static int find_choice(const char *choices, const char *text, size_t n)
{
    int i = 0;
    for (const char *p = choices; *p; i++) {
        size_t len = strcspn(p, "|");
        if (len == n && memcmp(p, text, n) == 0)
            return i;
        p += len + (p[len] == '|');
    }
    return -1;
}

/* "text|json" as "text json". */
static const char *list_choices(const char *choices, char *out, size_t size)
{
    snprintf(out, size, "%s", choices);
    for (char *p = out; *p; p++)
        if (*p == '|')
            *p = ' ';
    return out;
}

int options_choice(const Options *o, OptionId id, const char *choices, Error *e)
{
    const char *text = o->value[id];
    if (!text)
        return 0;
    int found = find_choice(choices, text, strlen(text));
    if (found < 0) {
        char quoted[QUOTE_SHORT], list[128];
        error_set(e, "--%s: expected one of: %s; found %s", option_table[id].name, list_choices(choices, list, sizeof list),
                  quote_short(text, strlen(text), quoted));
    }
    return found;
}

/* What no program opens that holds another format: a text called slide.png. */
static const char other_ends[] = "png|jpg|jpeg|gif|webp|pdf|eps|ps|doc|docx|odt|odp|ppt|pptx|xls|xlsx|html|htm|svg|json|csv|markdown|latex|"
                                 "safetensors|npy|npz|pt|pkl|zip";

int options_format(const Options *o, Error *e)
{
    const char *path = o->value[OPTION_OUTPUT], *dot = path ? strrchr(path, '.') : NULL;
    if (o->value[OPTION_FORMAT] || !dot)
        return options_choice(o, OPTION_FORMAT, o->spec->formats, e);
    static const struct {
        const char *end, *format;
    } ends[] = {{"md", "markdown"}, {"tex", "latex"}, {"txt", "text"}};
    const char *end = dot + 1;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(end, ends[i].end) == 0)
            end = ends[i].format;
    int found = find_choice(o->spec->formats, end, strlen(end));
    if (found < 0 && find_choice(other_ends, end, strlen(end)) >= 0) {
        char list[128], quoted[QUOTE_SHORT];
        bool picture = find_choice(o->spec->formats, "svg", 3) >= 0;
        return error_set(e, "--output: expected a file for one of: %s; found %s%s", list_choices(o->spec->formats, list, sizeof list),
                         quote_short(path, strlen(path), quoted), picture ? _("; a browser or rsvg-convert makes other pictures out of svg") : "");
    }
    return found < 0 ? 0 : found;
}

/* ---- input ---- */

static int read_stdin(Buffer *out, Error *e)
{
    enum { MOST = 64 << 20 };
    char piece[4096];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(e, "standard input: cannot be read: %s", strerror(errno));
        if (n == 0)
            break;
        buffer_add(out, piece, (size_t)n);
        if (out->failed)
            return error_memory(e, "standard input");
        if (out->len > MOST)
            return error_set(e, "standard input: expected at most %d bytes, found more", MOST);
    }
    if (out->len && memchr(out->data, '\0', out->len))
        return error_set(e, "standard input: expected text, found a zero byte");
    if (out->len && out->data[out->len - 1] == '\n')
        out->data[--out->len] = '\0';
    if (out->len && out->data[out->len - 1] == '\r')
        out->data[--out->len] = '\0';
    return 0;
}

int options_input(Options *o, InputText *given, Error *e)
{
    *given = (InputText){o->value[OPTION_TEXT], o->value[OPTION_TARGET], o->value[OPTION_IDS], o->value[OPTION_TARGET_IDS]};
    if (!given->text || strcmp(given->text, "-") != 0 || given->text == o->text.data)
        return 0;
    if (read_stdin(&o->text, e) != 0)
        return -1;
    given->text = o->value[OPTION_TEXT] = buffer_text(&o->text);
    return 0;
}

bool options_color(const Options *o)
{
    const char *when = o->value[OPTION_COLOR], *none = getenv("NO_COLOR"), *term = getenv("TERM");
    if (when && strcmp(when, "auto") != 0)
        return strcmp(when, "always") == 0;
    return isatty(STDOUT_FILENO) && !(none && none[0]) && !(term && strcmp(term, "dumb") == 0);
}
