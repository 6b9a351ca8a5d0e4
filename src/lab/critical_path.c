/* critical_path.c - how many steps must wait for one another: RNN, convolutions, attention; training and generating.
 *
 * Owns the graphs of the RNN and of convolutions; attention's is the plan itself. Every length is the longest path of a graph that is
 * really built, and what a formula says stands beside it. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdlib.h>

/* Additions that wait for one another where n numbers are summed as a tree. */
static size_t tree(size_t n)
{
    size_t depth = 0;
    while (n > 1) {
        n = (n + 1) / 2;
        depth++;
    }
    return depth;
}

/* Operations of one stage that wait for one another, where nothing but data dependence holds them up: a sum of k products is 1 + log2 k. */
static size_t inner_depth(const Plan *plan, const Stage *s)
{
    const Stage *in = s->in[0] == NO_STAGE ? NULL : &plan->stages[s->in[0]];
    size_t width = in ? in->shape[in->rank - 1] : 1;
    if (stage_is_linear(s->kind))
        return 1 + tree(width) + (s->w[1] != NO_WEIGHT);
    switch (s->kind) {
    case STAGE_SCORES:
    case STAGE_HEADS:
        return 1 + tree(width);
    case STAGE_WEIGHTS:
    case STAGE_PROBS:
        return tree(width) + 2 + tree(width) + 1; /* largest; subtract, exp; sum; divide */
    case STAGE_NORM:
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        return tree(width) + 1 + 2 + tree(width) + 1 + 3 + 2; /* mean; subtract, square; mean; add eps, root, divide; gain, bias */
    case STAGE_CONCAT:
    case STAGE_MASKED:
        return 0;
    default:
        return 1;
    }
}

/* Every stage is one. */
static size_t one_stage(const Plan *plan, const Stage *s)
{
    (void)plan;
    (void)s;
    return 1;
}

/* The longest chain of stages of a plan that wait for one another, each as long as `length` says. */
static int longest_chain(const Plan *plan, size_t (*length)(const Plan *plan, const Stage *s), size_t *out, Error *e)
{
    size_t *depth = calloc(plan->count, sizeof *depth);
    *out = 0;
    if (!depth)
        return error_memory(e, "critical-path");
    for (size_t i = 0; i < plan->count; i++) {
        for (int k = 0; k < 2; k++)
            if (plan->stages[i].in[k] != NO_STAGE && depth[plan->stages[i].in[k]] > depth[i])
                depth[i] = depth[plan->stages[i].in[k]];
        depth[i] += length(plan, &plan->stages[i]);
        *out = depth[i] > *out ? depth[i] : *out;
    }
    free(depth);
    return 0;
}

/* An RNN of `layers` layers over n tokens: cell (layer, t) waits for (layer, t-1) and (layer-1, t). */
static int longest_rnn(size_t n, size_t layers, size_t *out, Error *e)
{
    size_t *depth = calloc(n * layers, sizeof *depth);
    *out = 0;
    if (!depth)
        return error_memory(e, "critical-path");
    for (size_t l = 0; l < layers; l++)
        for (size_t t = 0; t < n; t++) {
            size_t before = t ? depth[l * n + t - 1] : 0, below = l ? depth[(l - 1) * n + t] : 0;
            depth[l * n + t] = 1 + (before > below ? before : below);
            *out = depth[l * n + t] > *out ? depth[l * n + t] : *out;
        }
    free(depth);
    return 0;
}

/* Layers of causal convolutions of `kernel` taps until the last output depends on all n inputs; dilated: layer l takes taps kernel^l apart.
 */
static size_t convolutions(size_t n, size_t kernel, bool dilated)
{
    size_t field = 1, layers = 0, step = 1;
    while (field < n) {
        field += (kernel - 1) * step;
        step *= dilated ? kernel : 1;
        layers++;
    }
    return layers;
}

typedef struct Row {
    size_t n, stages, operations, rnn, cnn, dilated;
} Row;

static int measure(const Model *m, Row *r, size_t layers, size_t kernel, Error *e)
{
    Plan plan;
    if (plan_build(&plan, m, (PlanInput){.target_len = r->n}, 0, e) != 0)
        return -1;
    int status = longest_chain(&plan, one_stage, &r->stages, e) == 0 && longest_chain(&plan, inner_depth, &r->operations, e) == 0 ? 0 : -1;
    plan_free(&plan);
    r->cnn = convolutions(r->n, kernel, false);
    r->dilated = convolutions(r->n, kernel, true);
    return status == 0 ? longest_rnn(r->n, layers, &r->rnn, e) : -1;
}

static Table *training_table(Lab *lab)
{
    Table *t = lab_table_new(lab, "training", _("the longest chain of one forward pass over n tokens"));
    table_column(t, "n", _("n"), 0);
    table_column(t, "attention", _("attention, stages"), 0);
    table_column(t, "operations", _("with the sums inside"), 0);
    table_column(t, "rnn", _("RNN, steps"), 0);
    table_column(t, "rnn_formula", "n + L − 1", 0);
    table_column(t, "cnn", _("CNN, layers"), 0);
    table_column(t, "dilated", _("dilated CNN, layers"), 0);
    return t;
}

static Table *generation_table(Lab *lab)
{
    Table *t = lab_table_new(lab, "generation", _("n tokens generated, each from those before"));
    table_column(t, "n", _("n"), 0);
    table_column(t, "attention", _("attention, stages"), 0);
    table_column(t, "rnn", _("RNN, steps"), 0);
    table_column(t, "passes_teacher", _("training passes, teacher forcing"), 0);
    table_column(t, "passes_own", _("training passes, own output"), 0);
    return t;
}

int lab_run_critical_path(Lab *lab, Error *e)
{
    const LabValue *lengths = lab_value(lab, "n");
    size_t layers = lab_size(lab, "layers"), kernel = lab_size(lab, "kernel");
    Init init = {.kind = INIT_XAVIER, .seed = 1};
    Model *m = setup_model(&init, e, "kind=decoder,d_model=%zu,n_heads=4,d_ff=%zu,decoder_layers=%zu,vocab_size=32,position=rope",
                           lab_size(lab, "d_model"), 4 * lab_size(lab, "d_model"), layers);
    if (!m)
        return -1;
    Table *training = training_table(lab), *generation = generation_table(lab);
    Plot *p = lab_plot_new(lab, _("longest chain of one forward pass"), _("n"), _("steps that wait"));
    p->x_log = p->y_log = true;
    size_t series[] = {plot_series(p, _("attention, stages")), plot_series(p, _("attention, operations")), plot_series(p, _("RNN, steps")),
                       plot_series(p, _("CNN, layers"))};
    Row r = {0};
    int status = 0;
    for (size_t k = 0; k < lengths->count && status == 0; k++) {
        r.n = (size_t)lengths->numbers[k];
        status = measure(m, &r, layers, kernel, e);
        size_t row = table_row(training);
        table_set(training, row, "n", (double)r.n);
        table_set(training, row, "attention", (double)r.stages);
        table_set(training, row, "operations", (double)r.operations);
        table_set(training, row, "rnn", (double)r.rnn);
        table_set(training, row, "rnn_formula", (double)(r.n + layers - 1));
        table_set(training, row, "cnn", (double)r.cnn);
        table_set(training, row, "dilated", (double)r.dilated);
        row = table_row(generation);
        table_set(generation, row, "n", (double)r.n);
        table_set(generation, row, "attention", (double)(r.n * r.stages));
        table_set(generation, row, "rnn", (double)(r.n * layers));
        table_set(generation, row, "passes_teacher", 1);
        table_set(generation, row, "passes_own", (double)r.n);
        plot_point(p, series[0], (double)r.n, (double)r.stages);
        plot_point(p, series[1], (double)r.n, (double)r.operations);
        plot_point(p, series[2], (double)r.n, (double)r.rnn);
        plot_point(p, series[3], (double)r.n, r.cnn ? (double)r.cnn : NAN);
    }
    model_free(m);
    if (status != 0)
        return -1;
    lab_note(lab,
             _("With %zu layers the transformer's chain has %zu stages for every n; what grows is only the depth of the sums inside, with "
               "log n (%zu operations at n = %zu). The RNN's has n + L − 1 = %zu "
               "steps there."),
             layers, r.stages, r.operations, r.n, r.rnn);
    lab_note(lab, _("An RNN that is linear in its state (x_t = A x_{t-1} + B u_t) could be computed in about log n steps, by a scan; the "
                    "ones counted here are not linear."));
    lab_note(lab, _("Generating is sequential for all: each token waits for the one before. The RNN then carries a state of one size, "
                    "attention reads all keys and values so far."));
    return 0;
}

const LabParam lab_params_critical_path[] = {
    {"n", LAB_INTEGERS, "4,16,64,256,1024", "4,16,64", 1, 8192, NULL, N_("tokens")},
    {"layers", LAB_INTEGER, "6", NULL, 1, 48, NULL, N_("layers of the transformer and of the RNN")},
    {"kernel", LAB_INTEGER, "3", NULL, 2, 64, NULL, N_("taps of a convolution")},
    {"d_model", LAB_INTEGER, "64", NULL, 8, 1024, NULL, N_("width of the transformer")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
