/* hypotheses.c - what can be counted of "attention compresses, the FFN computes": entropy and sparsity by depth, and what is lost without
 * each.
 *
 * Owns the measurement. A reading of a hypothesis is not the hypothesis: see what the experiment says it does not show. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "measure/metrics.h"
#include "pass/input.h"
#include "train/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS_MAX = 64 };

static const char *const shipped[] = {"zh-en", "story", "sum", "mask"};
enum { SHIPPED = sizeof shipped / sizeof *shipped };

typedef struct Depth {
    Spread share[2][LAYERS_MAX], off[2][LAYERS_MAX]; /* by stack and layer: entropy over its largest; share of units <= 0 */
} Depth;

/* Mean over rows with a choice of entropy / log(visible). */
static void add_entropy(Spread *to, Pass *p, size_t i)
{
    const Stage *s = &pass_plan(p)->stages[i];
    double sum = 0;
    size_t rows = 0;
    for (size_t h = 0; h < s->shape[0]; h++)
        for (size_t q = 0; q < s->shape[1]; q++) {
            AttentionRow row = attention_row(p, i, h, q);
            if (row.visible > 1) {
                sum += row.share;
                rows++;
            }
        }
    if (rows)
        spread_add(to, sum / (double)rows);
}

static void add_pass(Depth *d, Pass *p)
{
    const Config *c = &pass_model(p)->config;
    for (int s = 0; s < 2; s++)
        for (size_t l = 0; l < config_layers(c, (Stack)s) && l < LAYERS_MAX; l++) {
            int weights = setup_stage(p, "%s.%zu.self.weights", stack_name((Stack)s), l),
                units = setup_stage(p, "%s.%zu.ffn.activate", stack_name((Stack)s), l);
            if (weights >= 0)
                add_entropy(&d->share[s][l], p, (size_t)weights);
            if (units >= 0)
                spread_add(&d->off[s][l], share_not_positive(pass_value(p, (size_t)units), pass_plan(p)->stages[units].count));
        }
}

/* Over held-out texts of its task; where the model has no recipe, over the one text that it begins with, or what the user names. */
static int by_depth(const Model *m, const Examples *x, const char *text, size_t n, Depth *d, Error *e)
{
    TaskExample example = {0};
    Pass *p = NULL;
    int status = 0;
    memset(d, 0, sizeof *d);
    if (!x) {
        Input in;
        InputText given = {.text = text[0] ? text : NULL};
        if (input_read(&in, m, given, 0, e) != 0)
            return -1;
        p = pass_create(m, input_ids(&in), 0, e);
        if (p)
            add_pass(d, p);
        pass_free(p);
        input_free(&in);
        return p ? 0 : -1;
    }
    for (size_t i = 0; i < n && status == 0; i++) {
        status = examples_draw(x, 0, TASK_HELD_OUT, i, &example, e);
        PassInput input = {example.source.data, example.input.data, example.source.len, example.input.len};
        if (status == 0 && p)
            status = pass_feed(p, input, e);
        else if (status == 0)
            status = (p = pass_create(m, input, 0, e)) ? 0 : -1;
        if (status == 0)
            add_pass(d, p);
    }
    pass_free(p);
    task_example_free(&example);
    return status;
}

static void add_depth_rows(Table *t, Plot *p, const Model *m, const Depth *trained, const Depth *start)
{
    size_t a = plot_series(p, m->name), count = 0;
    for (int s = 0; s < 2; s++)
        for (size_t l = 0; l < LAYERS_MAX; l++) {
            char key[96];
            if (trained->share[s][l].n == 0)
                continue;
            size_t row = table_row(t);
            snprintf(key, sizeof key, "%s.%s.%zu", m->name, stack_name((Stack)s), l);
            table_set_text(t, row, "layer", key);
            table_set(t, row, "entropy", trained->share[s][l].mean);
            table_set(t, row, "entropy_spread", spread_deviation(&trained->share[s][l]));
            table_set(t, row, "entropy_start", start->share[s][l].n ? start->share[s][l].mean : NAN);
            table_set(t, row, "off", trained->off[s][l].n ? trained->off[s][l].mean : NAN);
            table_set(t, row, "off_start", start->off[s][l].n ? start->off[s][l].mean : NAN);
            plot_point(p, a, (double)++count, trained->share[s][l].mean);
        }
}

/* Whether a measure falls from each layer of a stack to the next: 1 yes, 0 no, -1 where there is only one layer. */
static int falls(const Spread *x)
{
    int answer = -1;
    for (size_t l = 1; l < LAYERS_MAX && x[l].n; l++)
        answer = answer == 0 || x[l].mean >= x[l - 1].mean ? 0 : 1;
    return answer;
}

/* ---- what is lost ---- */

static int add_loss(Table *t, const char *key, const Model *m, const Examples *x, Ablations a, size_t n, Error *e)
{
    Eval v;
    EvalOptions o = {.n = n, .ablations = a};
    if (eval_run(&v, m, x, &o, e) != 0)
        return -1;
    size_t row = table_row(t);
    table_set_text(t, row, "case", key);
    table_set(t, row, "score", v.score);
    table_set(t, row, "loss", v.loss);
    eval_free(&v);
    return 0;
}

static int switched_off(Table *t, const Model *m, const Recipe *r, const Examples *x, size_t n, Error *e)
{
    static const struct {
        const char *name;
        Ablations bits;
    } cases[] = {{"whole", 0}, {"no-attention-now", NO_ATTENTION}, {"uniform-attention-now", UNIFORM_ATTENTION}, {"no-ffn-now", NO_FFN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char key[96];
        snprintf(key, sizeof key, "%s-%s", m->name, cases[i].name);
        if (add_loss(t, key, m, x, r->ablations | cases[i].bits, n, e) != 0)
            return -1;
    }
    return 0;
}

/* The relatives of zh-en that were trained without. */
static int trained_without(Table *t, size_t n, Error *e)
{
    static const char *const names[] = {"zh-en.uniform-attention", "zh-en.no-ffn"};
    for (int i = 0; i < 2; i++) {
        Recipe r = {0};
        Examples *x = NULL;
        char key[96];
        snprintf(key, sizeof key, "%s (%s)", names[i], "trained without");
        Model *m = model_open(names[i], NULL, e);
        int status = m && setup_examples(m, &r, &x, e) == 0 ? add_loss(t, key, m, x, r.ablations, n, e) : -1;
        examples_free(x);
        recipe_free(&r);
        model_free(m);
        if (status != 0)
            return -1;
    }
    return 0;
}

/* ---- the whole ---- */

typedef struct Tables {
    Table *depth, *lost;
    Plot *plot;
    Depth trained, start;
} Tables;

static int one_model(Lab *lab, Tables *t, const char *name, Error *e)
{
    size_t n = lab_size(lab, "examples");
    Recipe r = {0};
    Examples *x = NULL;
    Model *m = model_open(name, NULL, e), *fresh = NULL;
    memset(&t->start, 0, sizeof t->start);
    if (!m)
        return -1;
    Error no_recipe = {{0}};
    bool has_recipe = setup_examples(m, &r, &x, &no_recipe) == 0;
    int status = by_depth(m, has_recipe ? x : NULL, lab_value(lab, "text")->text, n, &t->trained, e);
    if (status == 0 && has_recipe) {
        fresh = setup_model_of(&m->config, &r.init, e);
        status = fresh ? by_depth(fresh, x, "", n, &t->start, e) : -1;
    }
    if (status == 0) {
        add_depth_rows(t->depth, t->plot, m, &t->trained, &t->start);
        Stack last = config_last_stack(&m->config);
        int answer = falls(t->trained.share[last]);
        if (answer >= 0)
            lab_note(lab,
                     answer ? _("%s: the entropy of self-attention falls from every layer of the %s to the next.")
                            : _("%s: the entropy of self-attention does not fall from every layer of the %s to the next."),
                     m->name, stack_name(last));
    }
    if (status == 0 && has_recipe)
        status = switched_off(t->lost, m, &r, x, n, e);
    model_free(fresh);
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

int lab_run_hypotheses(Lab *lab, Error *e)
{
    const char *file = lab_value(lab, "file")->text;
    Tables *t = calloc(1, sizeof *t);
    if (!t)
        return error_memory(e, "hypotheses");
    t->depth = lab_table_new(lab, "depth", _("self-attention: entropy as a share of its largest; FFN: units that are off"));
    table_text_column(t->depth, "layer", _("model.stack.layer"));
    table_column(t->depth, "entropy", _("entropy / log n, trained"), 3);
    table_column(t->depth, "entropy_spread", _("± texts"), 3);
    table_column(t->depth, "entropy_start", _("before training"), 3);
    table_column(t->depth, "off", _("units off, trained"), 3);
    table_column(t->depth, "off_start", _("before training"), 3);
    t->lost = lab_table_new(lab, "lost", _("what is lost without attention and without the FFN"));
    table_text_column(t->lost, "case", _("model-what"));
    table_column(t->lost, "score", _("score (story: perplexity)"), 3);
    table_column(t->lost, "loss", _("loss, nats"), 3);
    t->plot = lab_plot_new(lab, _("entropy of self-attention by layer, trained"), _("layer (encoder first)"), _("entropy / log n"));
    int status = 0;
    for (size_t i = 0; i < SHIPPED && status == 0; i++) {
        status = one_model(lab, t, shipped[i], e);
        if (status == 0)
            status = lab_progress(lab, (double)(i + 1) / (SHIPPED + 2), shipped[i], e);
    }
    if (status == 0 && file[0])
        status = one_model(lab, t, file, e);
    if (status == 0)
        status = trained_without(t->lost, lab_size(lab, "examples"), e);
    if (status == 0)
        lab_note(lab, _("\"Now\" is switched off in a model that was trained with it: it shows what these weights rest on. \"Trained "
                        "without\" is another model, which had the chance to do without it. "
                        "Neither says what the part does."));
    free(t);
    return status;
}

const LabParam lab_params_hypotheses[] = {
    {"examples", LAB_INTEGER, "200", "20", 1, 10000, NULL, N_("held-out texts of each model's task")},
    {"file", LAB_TEXT, "", NULL, 0, 0, NULL, N_("one more model, such as stories260K.bin; only its layers are looked at")},
    {"text", LAB_TEXT, "", NULL, 0, 0, NULL, N_("the text it is looked at on, where it has no task of its own")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
