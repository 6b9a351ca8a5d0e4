/* memory.c - where the bytes are: by kind of stage, in training and in inference; and what a key/value cache costs and saves.
 *
 * Owns the sums. Bytes are those of plans (the shapes of every stage's value), multiplications those of measure/cost.h; that a cache
 * changes no number is checked on the model itself. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/cost.h"

#include <stdlib.h>

enum { VOCAB = 256 };

static Model *open_model(Lab *lab, Error *e)
{
    Init init = {.kind = INIT_XAVIER, .seed = 1};
    size_t d = lab_size(lab, "d_model");
    return setup_model(&init, e,
                       "kind=decoder,d_model=%zu,n_heads=%zu,n_kv_heads=%zu,d_ff=%zu,decoder_layers=%zu,vocab_size=%d,position=rope", d,
                       lab_size(lab, "n_heads"), lab_size(lab, "n_kv_heads"), 4 * d, lab_size(lab, "layers"), VOCAB);
}

static bool is_square(const Stage *s)
{
    return s->rank == 3 && s->axes[1] == AXIS_QUERY && s->axes[2] == AXIS_KEY;
}

typedef struct Bytes {
    double kinds[STAGE_KIND_COUNT];
    double values; /* all stages' */
    double square; /* of these, [heads, n, n] */
    double live;   /* the most that must be there at once where a stage is given back as soon as its last reader has run */
    double square_live;
} Bytes;

/* What must be kept at once: a stage's value lives from its own turn until its last reader's. */
static int count_live(const Plan *plan, Bytes *out, Error *e)
{
    size_t *last = calloc(plan->count, sizeof *last);
    if (!last)
        return error_memory(e, "memory");
    for (size_t i = 0; i < plan->count; i++) {
        last[i] = last[i] > i ? last[i] : i;
        for (int k = 0; k < 2; k++)
            if (plan->stages[i].in[k] != NO_STAGE)
                last[plan->stages[i].in[k]] = i;
    }
    for (size_t i = 0; i < plan->count; i++) {
        double now = 0, square = 0;
        for (size_t j = 0; j <= i; j++)
            if (last[j] >= i) {
                now += (double)plan->stages[j].count * sizeof(real);
                square += is_square(&plan->stages[j]) ? (double)plan->stages[j].count * sizeof(real) : 0;
            }
        out->live = now > out->live ? now : out->live;
        out->square_live = square > out->square_live ? square : out->square_live;
    }
    free(last);
    return 0;
}

static int count_bytes(const Model *m, size_t n, Bytes *out, Error *e)
{
    Plan plan;
    *out = (Bytes){.values = 0};
    if (plan_build(&plan, m, (PlanInput){.target_len = n}, 0, e) != 0)
        return -1;
    for (size_t i = 0; i < plan.count; i++) {
        double bytes = (double)plan.stages[i].count * sizeof(real);
        out->kinds[plan.stages[i].kind] += bytes;
        out->values += bytes;
        out->square += is_square(&plan.stages[i]) ? bytes : 0;
    }
    int status = count_live(&plan, out, e);
    plan_free(&plan);
    return status;
}

/* ---- by stage, and by length ---- */

static int by_length(Lab *lab, const Model *m, Error *e)
{
    const LabValue *lengths = lab_value(lab, "n");
    const Config *c = &m->config;
    double weights = (double)m->weights.total * sizeof(real);
    Bytes b = {.values = 0};
    Table *t = lab_table_new(lab, "memory", _("bytes for one sequence of n tokens"));
    table_column(t, "n", _("n"), 0);
    table_column(t, "training", _("training: values"), 0);
    table_column(t, "square", _("of these n × n"), 0);
    table_column(t, "inference", _("inference: live"), 0);
    table_column(t, "square_live", _("of these n × n"), 0);
    table_column(t, "cache", _("key/value cache"), 0);
    Plot *p = lab_plot_new(lab, _("bytes for one sequence"), _("n"), _("bytes"));
    p->x_log = p->y_log = true;
    size_t all = plot_series(p, _("training, all values")), square = plot_series(p, _("of these n × n")),
           live = plot_series(p, _("inference")), cache = plot_series(p, _("cache"));
    for (size_t k = 0; k < lengths->count; k++) {
        double n = lengths->numbers[k], kept = 2 * (double)(c->decoder_layers * c->n_kv_heads * c->d_head) * n * sizeof(real);
        if (count_bytes(m, (size_t)n, &b, e) != 0)
            return -1;
        size_t row = table_row(t);
        table_set(t, row, "n", n);
        table_set(t, row, "training", b.values);
        table_set(t, row, "square", b.square);
        table_set(t, row, "inference", b.live);
        table_set(t, row, "square_live", b.square_live);
        table_set(t, row, "cache", kept);
        plot_point(p, all, n, b.values);
        plot_point(p, square, n, b.square);
        plot_point(p, live, n, b.live);
        plot_point(p, cache, n, kept);
    }
    t = lab_table_new(lab, "stages", _("bytes by kind of stage, all layers, at the longest n"));
    table_text_column(t, "stage", _("stage"));
    table_column(t, "bytes", _("bytes"), 0);
    table_column(t, "share", _("share"), 3);
    for (int kind = 0; kind < STAGE_KIND_COUNT; kind++) {
        if (b.kinds[kind] == 0)
            continue;
        size_t row = table_row(t);
        table_set_text(t, row, "stage", stage_table[kind].id);
        table_set(t, row, "bytes", b.kinds[kind]);
        table_set(t, row, "share", b.kinds[kind] / b.values);
    }
    lab_note(lab,
             _("At n = %g the n × n matrices are %.0f%% of all values kept for training: one for each of %zu heads, in each of %zu layers, "
               "in each of the stages from raw scores to weights. In "
               "inference those of one layer are live at once: %.2f of that."),
             lengths->numbers[lengths->count - 1], 100 * b.square / b.values, c->n_heads, c->decoder_layers, b.square_live / b.square);
    lab_note(lab,
             _("The weights take %.0f bytes, whatever n is; in training three times as many again, for their gradients and AdamW's two "
               "moments."),
             weights);
    lab_note(lab, _("These are the stages as the debugger keeps them, each on its own. Programs that train fuse some of them, or compute "
                    "them again on the way back (checkpointing: memory for time)."));
    return 0;
}

/* ---- the cache ---- */

typedef struct Work {
    double projections, products, rest;
} Work;

/* Multiplications of one pass: of q, k, v and W_O; of the two products; of everything else. */
static int work_of(const Model *m, size_t len, size_t past, Work *out, Error *e)
{
    Plan plan;
    if (plan_build(&plan, m, (PlanInput){.target_len = len, .past = past}, 0, e) != 0)
        return -1;
    for (size_t i = 0; i < plan.count; i++) {
        StageKind kind = plan.stages[i].kind;
        double x = (double)cost_of_stage(m, &plan, i).multiplications;
        if (kind == STAGE_Q || kind == STAGE_K || kind == STAGE_V || kind == STAGE_OUT)
            out->projections += x;
        else if (kind == STAGE_SCORES || kind == STAGE_HEADS)
            out->products += x;
        else
            out->rest += x;
    }
    plan_free(&plan);
    return 0;
}

/* The largest difference of the logits of n tokens fed one at a time to a cache from those of one pass. */
static int same_numbers(const Model *m, size_t n, double *most, Error *e)
{
    int *ids = malloc(n * sizeof *ids);
    if (!ids)
        return error_memory(e, "memory");
    setup_ids(ids, n, VOCAB, 1);
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, 0, e);
    Decoding *d = p ? decoding_create(m, NULL, 0, n, 0, e) : NULL;
    int status = d ? 0 : -1;
    *most = 0;
    for (size_t t = 0; t < n && status == 0; t++) {
        const real *logits;
        status = decoding_feed(d, ids + t, 1, &logits, e);
        double x = status == 0 ? setup_difference(logits, setup_logits(p) + t * VOCAB, VOCAB) : 0;
        *most = x > *most ? x : *most;
    }
    decoding_free(d);
    pass_free(p);
    free(ids);
    return status;
}

static int with_cache(Lab *lab, const Model *m, Error *e)
{
    const LabValue *lengths = lab_value(lab, "generated");
    double most = 0, x = 0, n = 0;
    Work without = {0, 0, 0}, with = {0, 0, 0};
    Table *t = lab_table_new(lab, "cache", _("n tokens generated one by one, multiplications"));
    table_column(t, "n", _("n"), 0);
    table_column(t, "projections_without", _("project, no cache"), 0);
    table_column(t, "projections_with", _("cache"), 0);
    table_column(t, "projections_ratio", _("ratio"), 3);
    table_column(t, "formula", "(n + 1) / 2", 3);
    table_column(t, "products_without", _("products, no cache"), 0);
    table_column(t, "products_with", _("cache"), 0);
    table_column(t, "products_ratio", _("ratio"), 3);
    table_column(t, "difference", _("logits differ by"), -3);
    for (size_t k = 0; k < lengths->count; k++) {
        n = lengths->numbers[k];
        without = with = (Work){0, 0, 0};
        for (size_t i = 0; i < (size_t)n; i++)
            if (work_of(m, i + 1, 0, &without, e) != 0 || work_of(m, 1, i, &with, e) != 0)
                return -1;
        if (same_numbers(m, (size_t)n, &x, e) != 0 || lab_progress(lab, (double)(k + 1) / (double)lengths->count, _("cache"), e) != 0)
            return -1;
        most = x > most ? x : most;
        size_t row = table_row(t);
        table_set(t, row, "n", n);
        table_set(t, row, "projections_without", without.projections);
        table_set(t, row, "projections_with", with.projections);
        table_set(t, row, "projections_ratio", without.projections / with.projections);
        table_set(t, row, "formula", (n + 1) / 2);
        table_set(t, row, "products_without", without.products);
        table_set(t, row, "products_with", with.products);
        table_set(t, row, "products_ratio", without.products / with.products);
        table_set(t, row, "difference", x);
    }
    lab_note(lab,
             _("The cache changes no number (logits differ by at most %.1e). Without it, generating %g tokens takes %.1f times the "
               "projections' multiplications, which is (n + 1) / 2, and %.1f times those of "
               "the two products."),
             most, n, without.projections / with.projections, without.products / with.products);
    lab_note(lab, _("It is paid in memory: 2 · layers · key/value heads · d_head numbers a token, %zu bytes here."),
             2 * m->config.decoder_layers * m->config.n_kv_heads * m->config.d_head * sizeof(real));
    return 0;
}

int lab_run_memory(Lab *lab, Error *e)
{
    Model *m = open_model(lab, e);
    int status = m && by_length(lab, m, e) == 0 && with_cache(lab, m, e) == 0 ? 0 : -1;
    model_free(m);
    return status;
}

const LabParam lab_params_memory[] = {
    {"n", LAB_INTEGERS, "16,64,256,1024,4096", "16,256", 1, 65536, NULL, N_("lengths")},
    {"generated", LAB_INTEGERS, "8,32,128", "8,16", 1, 512, NULL, N_("tokens that are generated, with and without a cache")},
    {"layers", LAB_INTEGER, "4", "2", 1, 48, NULL, N_("layers")},
    {"d_model", LAB_INTEGER, "64", "32", 8, 1024, NULL, N_("width; the FFN has 4 times as many units")},
    {"n_heads", LAB_INTEGER, "4", NULL, 1, 64, NULL, N_("heads; they must divide the width")},
    {"n_kv_heads", LAB_INTEGER, "4", NULL, 1, 64, NULL, N_("key/value heads; they must divide the heads")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
