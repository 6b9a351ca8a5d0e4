/* explain.c - the subcommand `explain`: the tables behind the explaining views. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "cli/waiting.h"
#include "measure/attribution.h"
#include "measure/belt.h"
#include "measure/heads.h"
#include "measure/label.h"
#include "measure/lens.h"
#include "measure/reach.h"
#include "measure/tracing.h"
#include "measure/trunk.h"
#include "model/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const OptionId taken[] = {OPTION_MODEL,  OPTION_TOKENIZER, OPTION_TEXT,   OPTION_TARGET,   OPTION_IDS,   OPTION_TARGET_IDS,
                                 OPTION_ABLATE, OPTION_EDIT,      OPTION_EDITS,  OPTION_POSITION, OPTION_TOKEN, OPTION_AGAINST,
                                 OPTION_LAYER,  OPTION_PIECES,    OPTION_PATCH,  OPTION_CORRUPT,  OPTION_OTHER, OPTION_NOISE,
                                 OPTION_NUMBER, OPTION_SEED,      OPTION_FORMAT, OPTION_OUTPUT,   OPTION_END};

static const OptionNote notes[] = {{OPTION_NUMBER, "N", N_("trace: the mean over so many draws of the noise (5)")},
                                   {OPTION_SEED, "N", N_("trace: of the noise (0)")},
                                   {OPTION_END, NULL, NULL}};

static const CommandSpec spec = {
    .name = "explain",
    .operands = "WHAT",
    .what = N_("Prints what the debugger's explaining views show. WHAT is one of\n"
               "  lens         each point of the residual stream, read out as if the last\n"
               "  attribution  what each part wrote for a token; the parts sum to its logit\n"
               "  belt         what each part added to the stream of one position\n"
               "  heads        each head's class, scores and entropy on this text\n"
               "  reach        each weight beside the norm of what it moved\n"
               "  trace        causal tracing: which vector, put back, restores the answer"),
    .formats = "text|json|csv",
    .example = "stepformer explain lens -m hand-wired -t \"A B C A\"\n"
               "stepformer explain attribution -m hand-wired --token B --against C\n"
               "stepformer explain trace -m hand-wired --other \"A D C A\" --format csv",
    .options = taken,
    .notes = notes,
};

/* What every table is made from. */
typedef struct Request {
    const Options *o;
    Pass *pass;
    size_t row;
    int token, against;
    long layer; /* -1: all */
    Listing *t;
} Request;

/* ---- what is asked ---- */

/* A token as it is shown, "▁the" for " the", or "#17" for the id 17. */
static int find_token(const Model *m, const char *text, OptionId option, int *id, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT], *end = NULL;
    Buffer spaced = {0};
    const char *mark = "▁";
    *id = vocab_find(m->vocab, text);
    if (*id < 0 && strncmp(text, mark, strlen(mark)) == 0) {
        buffer_printf(&spaced, " %s", text + strlen(mark));
        *id = vocab_find(m->vocab, buffer_text(&spaced));
        buffer_free(&spaced);
    }
    if (*id < 0 && text[0] == '#' && text[1] >= '0' && text[1] <= '9') {
        long n = strtol(text + 1, &end, 10);
        if (*end == '\0' && n < (long)m->config.vocab_size)
            *id = (int)n;
    }
    if (*id >= 0)
        return 0;
    Nearest near = nearest_to(text, strlen(text));
    for (size_t i = 0; i < m->config.vocab_size; i++)
        nearest_offer(&near, vocab_token(m->vocab, (int)i));
    return error_set(e, "--%s: expected a token of %s, or #ID, found %s%s", option_table[option].name, m->name,
                     quote_short(text, strlen(text), quoted), nearest_hint(&near, hint));
}

static int read_request(Request *q, const Model *m, Error *e)
{
    uint64_t position, layer;
    const Config *c = &m->config;
    const Options *o = q->o;
    size_t rows, layers = config_layers(c, STACK_ENCODER) > config_layers(c, STACK_DECODER) ? config_layers(c, STACK_ENCODER)
                                                                                            : config_layers(c, STACK_DECODER);
    pass_ids(q->pass, config_last_stack(c), &rows);
    q->layer = -1;
    q->against = -1;
    if (options_count(o, OPTION_POSITION, 0, rows - 1, trunk_default_row(q->pass), &position, e) != 0)
        return -1;
    if (o->value[OPTION_LAYER] && layers == 0)
        return error_set(e, "--layer: %s has no layers", m->name);
    if (options_count(o, OPTION_LAYER, 0, layers ? layers - 1 : 0, 0, &layer, e) != 0)
        return -1;
    if (o->value[OPTION_LAYER])
        q->layer = (long)layer;
    q->row = (size_t)position;
    q->token = trunk_likeliest(q->pass, q->row);
    if (o->value[OPTION_TOKEN] && find_token(m, o->value[OPTION_TOKEN], OPTION_TOKEN, &q->token, e) != 0)
        return -1;
    return o->value[OPTION_AGAINST] ? find_token(m, o->value[OPTION_AGAINST], OPTION_AGAINST, &q->against, e) : 0;
}

/* ---- cells that several tables have ---- */

static void put_token(Listing *t, const Pass *p, int id)
{
    Buffer name = {0};
    if (id >= 0)
        label_token(p, id, &name);
    if (name.len)
        listing_word(t, buffer_text(&name));
    else
        listing_nothing(t);
    buffer_free(&name);
}

static void fact_token(Listing *t, const char *what, const Pass *p, int id)
{
    Buffer name = {0};
    label_token(p, id, &name);
    listing_fact_word(t, what, buffer_text(&name));
    buffer_free(&name);
}

static void put_stage(Listing *t, const Pass *p, size_t stage)
{
    char name[STAGE_NAME_MAX];
    listing_word(t, stage_name(&pass_plan(p)->stages[stage], name));
}

static void put_layer(Listing *t, const Stage *s)
{
    if (s->layer >= 0)
        listing_count(t, (size_t)s->layer);
    else
        listing_nothing(t);
}

static bool is_asked(const Request *q, size_t stage)
{
    return q->layer < 0 || pass_plan(q->pass)->stages[stage].layer == q->layer;
}

/* What a stack was fed, as --ids takes it. */
static void fact_ids(const Request *q, const char *name, Stack stack)
{
    size_t n;
    const int *ids = pass_ids(q->pass, stack, &n);
    Buffer list = {0};
    for (size_t i = 0; i < n; i++)
        buffer_printf(&list, i ? ",%d" : "%d", ids[i]);
    if (n)
        listing_fact_word(q->t, name, buffer_text(&list));
    buffer_free(&list);
}

/* The model, and what is followed. */
static void put_facts(const Request *q, bool answer)
{
    size_t n;
    const int *ids = pass_ids(q->pass, config_last_stack(pass_plan(q->pass)->config), &n);
    size_t probs = pass_plan(q->pass)->count - 1, at = q->row * pass_plan(q->pass)->config->vocab_size + (size_t)q->token;
    listing_fact_word(q->t, "model", pass_model(q->pass)->name);
    fact_ids(q, "source", STACK_ENCODER);
    fact_ids(q, "target", STACK_DECODER);
    if (!answer)
        return;
    listing_fact_count(q->t, "position", q->row);
    fact_token(q->t, "at", q->pass, ids[q->row]);
    fact_token(q->t, "token", q->pass, q->token);
    listing_fact_number(q->t, "probability", (double)pass_value(q->pass, probs)[at]);
}

/* ---- the tables ---- */

static int make_lens(Request *q, Error *e)
{
    static const char *const columns[] = {"stage", "probability", "logit", "rank", "kl", "entropy", "top1", "p1", "top2",
                                          "p2",    "top3",        "p3",    "top4", "p4", "top5",    "p5",   NULL};
    LensPoint *points;
    size_t n;
    if (lens_make(q->pass, q->row, q->token, &points, &n, e) != 0)
        return -1;
    listing_begin(q->t, columns);
    put_facts(q, true);
    listing_fact_word(q->t, "read_out",
                    pass_plan(q->pass)->config->output_head ? _("the output's own head, then W_U, computed for each point")
                    : lens_has_norm(q->pass) ? _("final norm recomputed for each point, then W_U")
                                           : _("W_U alone: no final norm stands before it"));
    for (size_t i = 0; i < n; i++) {
        const LensPoint *p = &points[i];
        if (!is_asked(q, p->stage))
            continue;
        put_stage(q->t, q->pass, p->stage);
        listing_number(q->t, p->probability);
        listing_number(q->t, p->logit);
        listing_count(q->t, p->rank);
        listing_number(q->t, p->divergence);
        listing_number(q->t, p->entropy);
        for (int k = 0; k < LENS_TOP; k++) {
            put_token(q->t, q->pass, p->top[k].id);
            listing_number(q->t, p->top[k].id < 0 ? NAN : p->top[k].probability);
        }
    }
    free(points);
    return 0;
}

static void put_part(Request *q, const AttributionPart *part)
{
    static const char *const kinds[ATTRIBUTION_KINDS] = {"token", "position", "segment", "head", "ffn", "bias", "norm bias", "edit"};
    const Stage *s = &pass_plan(q->pass)->stages[part->stage];
    Buffer name = {0};
    for (size_t i = 0; i <= (q->o->value[OPTION_PIECES] ? part->count : 0); i++) {
        bool whole = i == 0;
        buffer_clear(&name);
        put_stage(q->t, q->pass, part->stage);
        listing_word(q->t, whole ? kinds[part->kind] : part->kind == ATTRIBUTION_HEAD ? "key" : "unit");
        put_layer(q->t, s);
        if (part->kind == ATTRIBUTION_HEAD)
            listing_count(q->t, part->head);
        else
            listing_nothing(q->t);
        if (whole)
            listing_nothing(q->t);
        else
            listing_count(q->t, i - 1);
        if (whole)
            attribution_name(q->pass, part, &name);
        else
            attribution_piece_name(q->pass, part, i - 1, &name);
        listing_number(q->t, whole ? part->value : part->pieces[i - 1]);
        listing_word(q->t, buffer_text(&name));
    }
    buffer_free(&name);
}

static int make_attribution(Request *q, Error *e)
{
    static const char *const columns[] = {"stage", "kind", "layer", "head", "piece", "value", "what", NULL};
    Attribution a;
    if (attribution_make(q->pass, q->row, q->token, q->against, &a, e) != 0)
        return -1;
    listing_begin(q->t, columns);
    put_facts(q, true);
    if (q->against >= 0)
        fact_token(q->t, "against", q->pass, q->against);
    listing_fact_number(q->t, q->against >= 0 ? "difference" : "logit", a.logit);
    listing_fact_number(q->t, "sum", a.sum);
    listing_fact_word(q->t, "norms", attribution_norms(q->pass));
    for (size_t i = 0; i < a.count; i++)
        if (is_asked(q, a.parts[i].stage))
            put_part(q, &a.parts[i]);
    attribution_free(&a);
    return 0;
}

static int make_belt(Request *q, Error *e)
{
    static const char *const columns[] = {"stage", "edit", "before", "added", "after", "cos_stream", "cos_answer", "logit", NULL};
    BeltPart *parts;
    size_t n;
    if (belt_make(q->pass, config_last_stack(pass_plan(q->pass)->config), q->row, q->token, &parts, &n, e) != 0)
        return -1;
    listing_begin(q->t, columns);
    put_facts(q, true);
    for (size_t i = 0; i < n; i++) {
        if (!is_asked(q, parts[i].stage))
            continue;
        put_stage(q->t, q->pass, parts[i].stage);
        listing_count(q->t, parts[i].edit);
        listing_number(q->t, parts[i].before_norm);
        listing_number(q->t, parts[i].added_norm);
        listing_number(q->t, parts[i].after_norm);
        listing_number(q->t, parts[i].cosine);
        listing_number(q->t, parts[i].answer);
        listing_number(q->t, parts[i].logit);
    }
    free(parts);
    return 0;
}

static int make_heads(Request *q, Error *e)
{
    static const char *const columns[] = {"stage",  "head",    "class",       "way",         "entropy",   "share",      "previous",
                                          "next",   "same",    "first",       "separator",   "induction", "c_previous", "c_next",
                                          "c_same", "c_first", "c_separator", "c_induction", NULL};
    HeadScore *heads;
    size_t n, measured = 0;
    if (heads_measure(q->pass, &heads, &n, e) != 0)
        return -1;
    listing_begin(q->t, columns);
    put_facts(q, false);
    listing_fact_word(q->t, "chance", _("c_...: what uniform attention would score on this text"));
    for (size_t i = 0; i < n; i++) {
        measured += heads[i].queries[HEAD_INDUCTION];
        if (!is_asked(q, heads[i].stage))
            continue;
        put_stage(q->t, q->pass, heads[i].stage);
        listing_count(q->t, heads[i].head);
        listing_word(q->t, head_class_id(heads[i].class));
        listing_number(q->t, heads[i].way);
        listing_number(q->t, heads[i].entropy);
        listing_number(q->t, heads[i].share);
        for (int k = 0; k < HEAD_CLASSES; k++)
            listing_number(q->t, heads[i].score[k]);
        for (int k = 0; k < HEAD_CLASSES; k++)
            listing_number(q->t, heads[i].chance[k]);
    }
    if (n && !measured)
        cli_say(_("note: no token occurs twice in this text with something behind it, so its induction columns are empty"));
    free(heads);
    return 0;
}

static int put_reach(Request *q, size_t stage, Error *e)
{
    const Stage *s = &pass_plan(q->pass)->stages[stage];
    size_t Tq = s->shape[1], Tk = s->shape[2], n;
    const int *from = pass_ids(q->pass, s->axis_stack[1], &n), *to = pass_ids(q->pass, s->axis_stack[2], &n);
    real *norms = calloc(Tq * Tk, sizeof *norms);
    int status = norms ? 0 : error_memory(e, "explain");
    for (size_t h = 0; h < s->shape[0] && status == 0; h++) {
        status = reach_norms(q->pass, stage, h, norms, e);
        for (size_t i = 0; i < Tq * Tk && status == 0; i++) {
            if (!pass_sees(q->pass, s, i / Tk, i % Tk))
                continue;
            put_stage(q->t, q->pass, stage);
            listing_count(q->t, h);
            listing_count(q->t, i / Tk);
            put_token(q->t, q->pass, from[i / Tk]);
            listing_count(q->t, i % Tk);
            put_token(q->t, q->pass, to[i % Tk]);
            listing_number(q->t, (double)pass_value(q->pass, stage)[h * Tq * Tk + i]);
            listing_number(q->t, (double)norms[i]);
        }
    }
    free(norms);
    return status;
}

static int make_reach(Request *q, Error *e)
{
    static const char *const columns[] = {"stage", "head", "query", "from", "key", "to", "weight", "moved", NULL};
    const Plan *plan = pass_plan(q->pass);
    int status = 0;
    listing_begin(q->t, columns);
    put_facts(q, false);
    listing_fact_word(q->t, "moved", _("norm of weight x value x W_O; keys that are masked are left out"));
    for (size_t i = 0; i < plan->count && status == 0; i++)
        if (plan->stages[i].kind == STAGE_WEIGHTS && is_asked(q, i))
            status = put_reach(q, i, e);
    return status;
}

/* The positions of --corrupt, or the one that costs the answer most. */
static int read_corrupted(Request *q, TracingQuery *query, size_t **positions, Error *e)
{
    const char *list = q->o->value[OPTION_CORRUPT];
    Ids ids = {0};
    size_t n;
    pass_ids(q->pass, query->stack, &n);
    if (list && ids_parse_positions(&ids, list, "--corrupt", n, e) != 0)
        return -1;
    query->position_count = list ? ids.len : 1;
    *positions = calloc(query->position_count + 1, sizeof **positions);
    int status = *positions ? 0 : error_memory(e, "explain");
    for (size_t i = 0; i < ids.len && status == 0; i++)
        (*positions)[i] = (size_t)ids.data[i];
    ids_free(&ids);
    query->positions = *positions;
    return status != 0 || list ? status : tracing_most_telling(q->pass, query, *positions, e);
}

static void put_cells(Request *q, const Tracing *t, const TracingGrid *g)
{
    size_t n;
    const int *ids = pass_ids(q->pass, g->stack, &n);
    for (size_t k = 0; k < g->points; k++)
        for (size_t i = 0; i < g->positions; i++) {
            const TracingCell *cell = &g->cells[k * g->positions + i];
            if (!is_asked(q, g->stages[k]))
                continue;
            put_stage(q->t, q->pass, g->stages[k]);
            listing_count(q->t, i);
            put_token(q->t, q->pass, ids[i]);
            listing_number(q->t, cell->probability);
            listing_number(q->t, cell->logit);
            listing_number(q->t, tracing_restored(t, cell));
        }
}

static int make_trace(Request *q, Error *e)
{
    static const char *const columns[] = {"stage", "position", "at", "probability", "logit", "restored", NULL};
    TracingQuery query = tracing_query(q->pass, q->row, q->token);
    Tracing t;
    Ids other = {0};
    size_t *positions = NULL;
    uint64_t draws;
    int part = options_choice(q->o, OPTION_PATCH, "stream|attention|ffn", e), status = -1;
    if (part < 0 || options_number(q->o, OPTION_NOISE, 0, 1000, query.noise, &query.noise, e) != 0 ||
        options_count(q->o, OPTION_NUMBER, 1, 10000, query.samples, &draws, e) != 0 ||
        options_count(q->o, OPTION_SEED, 0, UINT64_MAX, 0, &query.seed, e) != 0)
        return -1;
    query.part = (TracingPart)part;
    query.samples = (size_t)draws;
    const char *text = q->o->value[OPTION_OTHER];
    if (text && q->o->value[OPTION_CORRUPT])
        return error_set(e, "--corrupt: expected either noise or --other TEXT, found both");
    if (text ? tracing_read_other(q->pass, query.stack, text, &other, e) == 0 : read_corrupted(q, &query, &positions, e) == 0) {
        Waiting waiting = waiting_begin();
        query.other = text ? other.data : NULL;
        query.watch = waiting_count;
        query.context = &waiting;
        status = tracing_run(q->pass, &query, &t, e);
        waiting_end(&waiting);
    }
    if (status == 0) {
        listing_begin(q->t, columns);
        put_facts(q, true);
        if (!text) {
            Buffer list = {0};
            for (size_t i = 0; i < query.position_count; i++)
                buffer_printf(&list, i ? ",%zu" : "%zu", positions[i]);
            listing_fact_word(q->t, "corrupted", buffer_text(&list));
            listing_fact_number(q->t, "noise", query.noise);
            listing_fact_count(q->t, "draws", query.samples);
            buffer_free(&list);
        } else {
            listing_fact_word(q->t, "other_text", text);
        }
        listing_fact_number(q->t, "clean_probability", t.clean.probability);
        listing_fact_number(q->t, "corrupted_probability", t.corrupted.probability);
        for (size_t i = 0; i < t.grid_count; i++)
            put_cells(q, &t, &t.grids[i]);
        tracing_free(&t);
    }
    free(positions);
    ids_free(&other);
    return status;
}

/* ---- the subcommand ---- */

static const struct {
    const char *name;
    int (*make)(Request *q, Error *e);
} tables[] = {
    {"lens", make_lens},   {"attribution", make_attribution}, {"belt", make_belt}, {"heads", make_heads}, {"reach", make_reach},
    {"trace", make_trace},
};
enum { TABLES = sizeof tables / sizeof *tables };

static int find_table(const Options *o, Error *e)
{
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    if (o->operand_count != 1)
        return error_set(e, "explain: expected one of lens, attribution, belt, heads, reach, trace, found %s",
                         o->operand_count ? _("more than one") : _("nothing"));
    const char *name = o->operands[0];
    Nearest near = nearest_to(name, strlen(name));
    for (int i = 0; i < TABLES; i++) {
        if (strcmp(tables[i].name, name) == 0)
            return i;
        nearest_offer(&near, tables[i].name);
    }
    return error_set(e, "explain: expected one of lens, attribution, belt, heads, reach, trace, found %s%s",
                     quote_short(name, strlen(name), quoted), nearest_hint(&near, hint));
}

static int print(const Listing *t, int format, const Options *o, Error *e)
{
    Output out = output_open(o);
    Buffer text = {0};
    int status = listing_write(t, (ListingFormat)format, output_columns(&out), &text, e);
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

static int run(Work *w, Options *o, Error *e)
{
    int which = find_table(o, e), format = options_format(o, e), status = -1;
    Listing t = {.width = 0};
    if (which < 0 || format < 0 || work_open(w, o, e) != 0)
        return -1;
    Request q = {.o = o, .t = &t, .pass = work_pass(w, e)};
    if (q.pass && read_request(&q, w->model, e) == 0) {
        work_warn(w, q.pass);
        status = tables[which].make(&q, e);
        if (status == 0)
            status = print(&t, format, o, e);
    }
    listing_free(&t);
    pass_free(q.pass);
    return status;
}

int cli_explain(int argc, char **argv)
{
    Options o;
    Work w = {0};
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    status = run(&w, &o, &e) == 0 ? CLI_DONE : cli_wrong(&e);
    work_free(&w);
    options_free(&o);
    return status;
}
