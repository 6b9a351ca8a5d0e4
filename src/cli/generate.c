/* generate.c - the subcommand `generate`: the model goes on from a text, token by token. */
#include "base/text.h"
#include "cli/cli.h"
#include "measure/metrics.h"
#include "pass/sample.h"
#include "train/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const OptionId taken[] = {OPTION_MODEL,  OPTION_TOKENIZER, OPTION_TEXT,        OPTION_TARGET, OPTION_IDS,   OPTION_TARGET_IDS,
                                 OPTION_ABLATE, OPTION_NUMBER,    OPTION_TEMPERATURE, OPTION_TOP_K,  OPTION_TOP_P, OPTION_SEED,
                                 OPTION_STEPS,  OPTION_NO_CACHE,  OPTION_BUG,         OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec spec = {
    .name = "generate",
    .what = N_("Prints the text and how the model goes on (of an encoder-decoder: only what its\n"
               "decoder says), until the end token, -n tokens, or the end of learned positions.\n"
               "The likeliest token or a drawn one each time, never a beam: 'stepformer lab\n"
               "exposure' has beam search."),
    .formats = "text|ids",
    .example = "stepformer generate -m hand-wired -t \"A B C A\" -n 3\n"
               "stepformer generate -m sum -t 123+456= --temperature 0.8 --seed 7 --steps",
    .options = taken,
};

enum { FORMAT_TEXT, FORMAT_IDS };

/* ---- printing tokens as they are made ---- */

typedef struct Printer {
    const Model *model;
    const Ids *ids;
    int format;
    bool guard; /* a terminal: control characters in the vocabulary must not steer it */
    size_t shown_ids;
    size_t shown_text;  /* bytes of the decoded text */
    SampleSteps *steps; /* shown for every token; NULL: none are */
    double temperature;
    size_t step;
    Output out;
} Printer;

/* How many of the n bytes at s end in a whole character: the last one's other bytes may be the next token. */
static size_t whole_characters(const char *s, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)s[n - back];
        if (c < 0x80)
            return n;
        if (c >= 0xc0) {
            size_t needs = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
            return back < needs ? n - back : n;
        }
    }
    return n;
}

/* Adds text with its control characters, except line ends and tabs, and what is not UTF-8 as escapes. */
static void add_guarded(Buffer *out, const char *s, size_t n)
{
    while (n) {
        int32_t c;
        size_t used = text_decode(s, n, &c);
        if (c == '\n' || c == '\t' || c == '\\')
            buffer_add(out, s, used);
        else
            text_escape(out, s, used, false);
        s += used;
        n -= used;
    }
}

/* The whole text is decoded and what is new of it printed: a token's text may depend on those before it. */
static bool print_text(Printer *p, bool last)
{
    Buffer text = {0}, piece = {0};
    vocab_decode(p->model->vocab, p->ids->data, p->ids->len, &text);
    size_t end = last ? text.len : whole_characters(buffer_text(&text), text.len);
    if (end > p->shown_text) {
        if (p->guard)
            add_guarded(&piece, text.data + p->shown_text, end - p->shown_text);
        else
            buffer_add(&piece, text.data + p->shown_text, end - p->shown_text);
        p->shown_text = end;
    }
    if (last)
        buffer_putc(&piece, '\n');
    bool good = output_emit(&p->out, buffer_text(&piece), piece.len);
    buffer_free(&text);
    buffer_free(&piece);
    return good;
}

static bool print_ids(Printer *p, bool last)
{
    Buffer piece = {0};
    for (; p->shown_ids < p->ids->len; p->shown_ids++)
        buffer_printf(&piece, "%s%d", p->shown_ids ? "," : "", p->ids->data[p->shown_ids]);
    if (last)
        buffer_putc(&piece, '\n');
    bool good = output_emit(&p->out, buffer_text(&piece), piece.len);
    buffer_free(&piece);
    return good;
}

static bool print_new(Printer *p, bool last)
{
    bool good = p->format == FORMAT_IDS ? print_ids(p, last) : print_text(p, last);
    return good && output_flush(&p->out);
}

/* ---- the sampler's steps ---- */

enum { STEP_ROWS = 8, STEP_COLUMNS = 10 };

static void add_row(Buffer *out, const Printer *p, size_t id, bool drawn, const real *logits)
{
    const SampleSteps *s = p->steps;
    const real columns[] = {logits[id], s->scaled[id], s->top_k[id], s->top_p[id], s->probs[id]};
    Buffer token = {0};
    text_escape(&token, vocab_token(p->model->vocab, (int)id), strlen(vocab_token(p->model->vocab, (int)id)), false);
    buffer_printf(out, "%c %7zu", drawn ? '>' : ' ', id);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        char number[TRACE_NUMBER_MAX];
        trace_number_short(number, columns[i]);
        buffer_printf(out, " %*s", i + 1 < sizeof columns / sizeof *columns ? STEP_COLUMNS : STEP_COLUMNS + 1, number);
    }
    buffer_printf(out, "  %s\n", buffer_text(&token));
    buffer_free(&token);
}

/* What each step left, and where the draw fell. */
static void add_summary(Buffer *out, const Printer *p, const real *logits)
{
    const SampleSteps *s = p->steps;
    size_t vocab = p->model->config.vocab_size;
    const real *left[] = {logits, logits, s->top_k, s->top_p};
    double h[4];
    if (p->temperature == 0)
        left[1] = s->top_k;
    for (int i = 0; i < 4; i++) {
        sample_shares(s->probs + vocab, left[i], logits, i ? p->temperature : 1, vocab);
        h[i] = entropy(s->probs + vocab, vocab);
    }
    buffer_printf(out, _("# entropy: %.3f nats, scaled %.3f, top-k %.3f, top-p %.3f\n"), h[0], h[1], h[2], h[3]);
    buffer_printf(out, _("# left: top-k %zu with %.4f of the share, top-p %zu with %.4f of that\n"), s->left[0], s->kept[0], s->left[1],
                  s->kept[1]);
    if (p->temperature > 0)
        buffer_printf(out, _("# the number drawn: %.4f; %.4f to %.4f is this token's share\n"), s->place, s->from, s->upto);
}

/* The likeliest tokens, and the drawn one, after each step. */
static bool print_step(Printer *p, int drawn, const real *logits)
{
    size_t vocab = p->model->config.vocab_size, last = vocab;
    bool shown = false;
    Buffer out = {0};
    buffer_printf(&out, _("# step %zu: drawn %d\n"), ++p->step, drawn);
    add_summary(&out, p, logits);
    text_pad(&out, _("# id"), -9);
    buffer_printf(&out, " %10s %10s %10s %10s %11s  %s\n", "logit", "scaled", "top-k", "top-p", "probability", _("token"));
    for (int row = 0; row < STEP_ROWS && (size_t)row < vocab; row++) {
        size_t best = vocab; /* the largest logit behind `last`, of equal ones the smallest id */
        for (size_t id = 0; id < vocab; id++) {
            bool behind = last == vocab || logits[id] < logits[last] || (logits[id] == logits[last] && id > last);
            if (behind && (best == vocab || logits[id] > logits[best]))
                best = id;
        }
        last = best;
        shown = shown || best == (size_t)drawn;
        add_row(&out, p, best, best == (size_t)drawn, logits);
    }
    if (!shown)
        add_row(&out, p, (size_t)drawn, true, logits);
    buffer_putc(&out, '\n');
    bool good = output_emit(&p->out, buffer_text(&out), out.len);
    buffer_free(&out);
    return good && output_flush(&p->out);
}

static bool on_token(void *context, int id, const real *logits)
{
    Printer *p = context;
    return p->steps ? print_step(p, id, logits) : print_new(p, false);
}

/* ---- the subcommand ---- */

static int read_sampler(const Options *o, GenerateOptions *g, Error *e)
{
    uint64_t number, top_k, seed;
    g->sampler = (Sampler){0};
    if (options_count(o, OPTION_NUMBER, 0, CONFIG_MAX_SIZE, 60, &number, e) != 0 ||
        options_number(o, OPTION_TEMPERATURE, 0, 1e6, 0, &g->sampler.temperature, e) != 0 ||
        options_count(o, OPTION_TOP_K, 0, CONFIG_MAX_SIZE, 0, &top_k, e) != 0 ||
        options_number(o, OPTION_TOP_P, 0, 1, 1, &g->sampler.top_p, e) != 0 ||
        options_count(o, OPTION_SEED, 0, UINT64_MAX, 0, &seed, e) != 0)
        return -1;
    if (g->sampler.top_p == 0)
        return error_set(e, "--top-p: expected a number above 0 and at most 1, found 0; the likeliest token alone is --temperature 0");
    if (g->sampler.temperature == 0 && (o->value[OPTION_TOP_K] || o->value[OPTION_TOP_P] || o->value[OPTION_SEED]))
        cli_say("the likeliest token is taken each time: --top-k, --top-p and --seed need a --temperature above 0");
    g->max_new = (size_t)number;
    g->sampler.top_k = (size_t)top_k;
    g->sampler.random = random_seeded(seed);
    return 0;
}

/* As work_open, but the decoder of an encoder-decoder that was given no target begins with its begin token alone. */
static int open_to_go_on(Work *w, Options *o, Error *e)
{
    InputText given;
    char begin[24];
    *w = (Work){0};
    if (cli_read_ablations(o, &w->ablations, e) != 0 || options_input(o, &given, e) != 0 || !(w->model = cli_open_model(o, e)))
        return -1;
    w->ablations |= run_trained_without(w->model->path);
    const Config *c = &w->model->config;
    if (c->kind == KIND_ENCODER_DECODER && !given.target && !given.target_ids) {
        snprintf(begin, sizeof begin, "%d", input_begin_id(w->model));
        given.target_ids = begin;
    }
    if (o->value[OPTION_BUG] && !(w->bug = bug_find(o->value[OPTION_BUG], e)))
        return -1;
    return input_read(&w->input, w->model, given, w->ablations, e);
}

static void warn(const Work *w, GenerateOptions *g)
{
    const char *form = run_only_form(w->model->path, &w->input.target);
    if (form)
        cli_say(_("%s was trained only on %s: what it says of other text means little"), w->model->name, form);
    Pass *p = w->ablations ? pass_create(w->model, input_ids(&w->input), w->ablations, NULL) : NULL;
    if (p)
        work_warn(w, p);
    pass_free(p);
    if ((w->ablations & NO_MASK) && g->cache) {
        cli_say("no-mask: every new token changes the earlier rows, so nothing can be cached; all is computed again for every token");
        g->cache = false;
    }
}

static int allocate_steps(SampleSteps *s, size_t vocab, Error *e)
{
    real *block = calloc(5 * vocab, sizeof *block); /* the last one is room for shares */
    if (!block)
        return error_memory(e, "sampler");
    *s = sample_steps(block, vocab);
    return 0;
}

static int run(Work *w, const Options *o, const GenerateOptions *asked, Error *e)
{
    GenerateOptions g = *asked;
    int format = options_format(o, e);
    if (format < 0)
        return -1;
    SampleSteps steps = {0};
    Printer p = {.model = w->model, .ids = &w->input.target, .format = format, .temperature = asked->sampler.temperature, .out = output_open(o)};
    p.guard = !p.out.path && isatty(STDOUT_FILENO);
    if (o->value[OPTION_STEPS]) {
        if (allocate_steps(&steps, w->model->config.vocab_size, e) != 0)
            return -1;
        p.steps = g.steps = &steps;
    }
    g.to_end = true;
    g.cache = !o->value[OPTION_NO_CACHE];
    g.bug = w->bug;
    g.on_token = on_token;
    g.context = &p;
    warn(w, &g);

    bool at_limit = false;
    bool good = p.steps || !config_has_stack(&w->model->config, STACK_DECODER) || print_new(&p, false);
    int status = good ? generate(w->model, &w->input, w->ablations, &g, &at_limit, e) : 0;
    if (p.shown_ids || p.shown_text || status == 0)
        print_new(&p, true);
    if (at_limit)
        cli_say("stopped at %zu tokens: %s has no more learned positions", w->input.target.len, w->model->name);
    const Config *c = &w->model->config;
    if (c->position == POSITION_ROPE && !w->model->untrained && w->input.target.len > c->max_len)
        cli_say("%s: %zu tokens, but it was made for %zu (max_len): what it says behind those may be worth little", w->model->name,
                w->input.target.len, c->max_len);
    free(steps.scaled);
    if (status == 0)
        return output_close(&p.out, e);
    output_drop(&p.out);
    return -1;
}

int cli_generate(int argc, char **argv)
{
    Options o;
    Work w = {0};
    GenerateOptions g = {0};
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    bool good = read_sampler(&o, &g, &e) == 0 && options_format(&o, &e) >= 0 &&
                open_to_go_on(&w, &o, &e) == 0 && run(&w, &o, &g, &e) == 0;
    work_free(&w);
    options_free(&o);
    return good ? CLI_DONE : cli_wrong(&e);
}
