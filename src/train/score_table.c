/* score_table.c - the rows, and one cell after the other. */
#include "train/score_table.h"

#include "base/file.h"
#include "base/text.h"
#include "measure/metrics.h"
#include "pass/pass.h"
#include "train/run.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *score_table_caption(void)
{
    return _("switched off now: how much weights that learnt with a part lean on it;\n"
             "trained without it: what can be learnt without. Neither shows the other.");
}

const char *score_number(double x, char out[SCORE_NUMBER])
{
    double size = fabs(x);
    if (size >= 99999.5 || (size > 0 && size < 0.0005))
        snprintf(out, SCORE_NUMBER, "%.0e", x);
    else
        snprintf(out, SCORE_NUMBER, size < 999.95 ? "%.*f" : "%.*f.", size < 99.9995 ? 3 : size < 999.95 ? 1 : 0, x);
    return out;
}

const char *score_meaning(TaskScore kind)
{
    switch (kind) {
    case TASK_SCORE_GENERATED:
        return _("share of examples whose output is right to its end");
    case TASK_SCORE_EXAMPLES:
        return _("share of examples in which every answer is right");
    case TASK_SCORE_TARGETS:
        return _("share of answers that are right");
    case TASK_SCORE_PERPLEXITY:
        return _("perplexity: exp of the loss");
    }
    return "";
}

/* ---- rows ---- */

/* The folder `path.name`, where it holds a whole model; NULL where it does not. */
static char *find_variant(const char *path, const char *name)
{
    static const char *const parts[] = {"config.json", "model.safetensors", "recipe.json"};
    Buffer folder = {0};
    buffer_printf(&folder, "%s.%s", path, name);
    bool whole = !folder.failed;
    for (size_t i = 0; whole && i < sizeof parts / sizeof *parts; i++) {
        char *file = file_join(buffer_text(&folder), parts[i]);
        whole = file && file_exists(file);
        free(file);
    }
    char *found = whole ? strdup(buffer_text(&folder)) : NULL;
    buffer_free(&folder);
    return found;
}

static ScoreRow *add_row(ScoreTable *t, const char *name, Ablations bit, Error *e)
{
    ScoreRow *more = realloc(t->rows, (t->count + 1) * sizeof *more);
    if (more)
        t->rows = more;
    char *copy = more ? strdup(name) : NULL;
    if (!copy) {
        error_memory(e, "table");
        return NULL;
    }
    ScoreRow *row = &t->rows[t->count++];
    *row = (ScoreRow){.name = copy, .ablation = bit};
    return row;
}

static int add_ablation(ScoreTable *t, const AblationInfo *info, Error *e)
{
    ScoreRow *row = add_row(t, info->name, info->bit, e);
    if (!row)
        return -1;
    row->idle = ablations_without_effect(info->bit, &t->model->config) || (t->recipe.ablations & info->bit);
    char *folder = find_variant(t->model->path, info->name);
    if (folder && run_trained_without(folder) == (t->recipe.ablations | info->bit))
        row->cells[SCORE_TRAINED].folder = folder;
    else
        free(folder);
    return 0;
}

/* Every other model beside it that is called NAME.CHOICE. */
static int add_choice(ScoreTable *t, const char *choice, Error *e)
{
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (strcmp(choice, ablation_table[i].name) == 0)
            return 0;
    char *folder = find_variant(t->model->path, choice);
    if (!folder)
        return 0;
    ScoreRow *row = add_row(t, choice, 0, e);
    if (row)
        row->cells[SCORE_TRAINED].folder = folder;
    else
        free(folder);
    return row ? 0 : -1;
}

static int add_choices(ScoreTable *t, Error *e)
{
    const char *slash = strrchr(t->model->path, '/'), *name = slash ? slash + 1 : t->model->path;
    size_t n = strlen(name);
    char *parent = slash ? strndup(t->model->path, (size_t)(slash - t->model->path)) : strdup(".");
    struct dirent **entries = NULL;
    int count = parent ? scandir(*parent ? parent : "/", &entries, NULL, alphasort) : 0, status = parent ? 0 : error_memory(e, "table");
    for (int i = 0; i < count; i++) {
        const char *found = entries[i]->d_name;
        if (status == 0 && n && strncmp(found, name, n) == 0 && found[n] == '.' && found[n + 1])
            status = add_choice(t, found + n + 1, e);
        free(entries[i]);
    }
    free(entries);
    free(parent);
    return status;
}

static int add_rows(ScoreTable *t, Error *e)
{
    if (!add_row(t, "", 0, e))
        return -1;
    for (int i = 0; i < ABLATION_COUNT; i++)
        if (add_ablation(t, &ablation_table[i], e) != 0)
            return -1;
    return add_choices(t, e);
}

/* ---- chance ---- */

static int find_chance(ScoreTable *t, Error *e)
{
    double V = (double)t->model->config.vocab_size, all = 0;
    TaskExample x = {0};
    int status = 0;
    for (size_t i = 0; i < t->n && status == 0; i++) {
        double counted = 0;
        status = examples_draw(t->examples, 0, TASK_HELD_OUT, i, &x, e);
        for (size_t k = 0; k < x.targets.len && status == 0; k++)
            counted += x.targets.data[k] >= 0;
        all += pow(V, -counted) / (double)t->n;
    }
    task_example_free(&x);
    t->chance_loss = log(V);
    t->chance_score = t->kind == TASK_SCORE_PERPLEXITY ? V : t->kind == TASK_SCORE_TARGETS ? 1 / V : all;
    t->least_loss = examples_entropy(t->examples);
    return status;
}

int score_table_open(ScoreTable *t, const Model *m, size_t n, Error *e)
{
    *t = (ScoreTable){.model = m, .n = n};
    if (!m->path)
        return error_set(e, "%s: expected a model that was trained for a task, found random weights", m->name);
    if (run_recipe(&t->recipe, m->path, e) != 0)
        return -1;
    t->examples = examples_open(&t->recipe, m->path, e);
    int status = t->examples ? 0 : -1;
    if (status == 0 && (t->recipe.config.kind != m->config.kind || t->recipe.config.vocab_size != m->config.vocab_size))
        status = error_set(e, "%s: expected the model of recipe.json's task, with %zu tokens, found one with %zu", m->path,
                           t->recipe.config.vocab_size, m->config.vocab_size);
    if (status == 0) {
        t->kind = examples_score(t->examples);
        status = find_chance(t, e) == 0 ? add_rows(t, e) : -1;
    }
    if (status != 0)
        score_table_free(t);
    return status;
}

void score_table_free(ScoreTable *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->rows[i].name);
        for (int k = 0; k < SCORE_COLUMNS; k++)
            free(t->rows[i].cells[k].folder);
    }
    free(t->rows);
    examples_free(t->examples);
    recipe_free(&t->recipe);
    *t = (ScoreTable){0};
}

/* ---- one cell ---- */

/* What is not the eval's: attention, likeness, and whether anything changed beside the whole model. */
typedef struct Sums {
    double entropy, likeness;
    size_t with_attention, with_likeness;
    bool changes;
} Sums;

static void add_pass(Sums *s, Pass *p)
{
    const Plan *plan = pass_plan(p);
    double entropy = 0, layers = 0;
    size_t last = 0;
    for (size_t i = 0; i < plan->count; i++) {
        if (is_stream_point(plan, i))
            last = i;
        if (plan->stages[i].kind != STAGE_WEIGHTS)
            continue;
        entropy += attention_entropy(p, i);
        layers++;
    }
    if (layers > 0) {
        s->entropy += entropy / layers;
        s->with_attention++;
    }
    double likeness = stream_point(p, last).cosine;
    if (isfinite(likeness)) {
        s->likeness += likeness;
        s->with_likeness++;
    }
}

static bool same_logits(Pass *a, Pass *b)
{
    size_t i = pass_plan(a)->count - 2, j = pass_plan(b)->count - 2; /* the plan ends in logits, probs */
    return memcmp(pass_value(a, i), pass_value(b, j), pass_plan(a)->stages[i].count * sizeof(real)) == 0;
}

static int feed(Pass **pass, const Model *m, const TaskExample *x, Ablations a, Error *e)
{
    PassInput in = {x->source.data, x->input.data, x->source.len, x->input.len};
    if (*pass)
        return pass_feed(*pass, in, e);
    *pass = pass_create(m, in, a, e);
    return *pass ? 0 : -1;
}

static int add_examples(Sums *s, const ScoreTable *t, const Model *m, Ablations a, bool beside, Error *e)
{
    Pass *pass = NULL, *whole = NULL;
    TaskExample x = {0};
    int status = 0;
    for (size_t i = 0; i < t->n && status == 0; i++) {
        status = examples_draw(t->examples, 0, TASK_HELD_OUT, i, &x, e);
        if (status == 0)
            status = feed(&pass, m, &x, a, e);
        if (status == 0)
            add_pass(s, pass);
        if (status == 0 && beside && !s->changes) {
            status = feed(&whole, m, &x, t->recipe.ablations, e);
            s->changes = status == 0 && !same_logits(pass, whole);
        }
    }
    pass_free(pass);
    pass_free(whole);
    task_example_free(&x);
    return status;
}

static int compute(ScoreCell *cell, const ScoreTable *t, const Model *m, Ablations a, bool beside, Error *e)
{
    EvalOptions o = {.n = t->n, .difficulty = (int)t->recipe.difficulty, .ablations = a};
    Sums s = {0};
    Eval v;
    if (eval_run(&v, m, t->examples, &o, e) != 0 || add_examples(&s, t, m, a, beside, e) != 0)
        return -1;
    cell->score = v.score;
    cell->loss = v.loss;
    cell->entropy = s.with_attention ? s.entropy / (double)s.with_attention : (double)NAN;
    cell->likeness = s.with_likeness ? s.likeness / (double)s.with_likeness : (double)NAN;
    cell->changes = s.changes;
    cell->known = true;
    eval_free(&v);
    return 0;
}

static int compute_trained(ScoreCell *cell, const ScoreTable *t, Error *e)
{
    Model *m = model_open(cell->folder, NULL, e);
    if (!m)
        return -1;
    int status = 0;
    if (m->config.kind != t->model->config.kind || m->config.vocab_size != t->model->config.vocab_size)
        status = error_set(e, "%s: expected the tokens of %s, found others", cell->folder, t->model->name);
    if (status == 0)
        status = compute(cell, t, m, run_trained_without(m->path), false, e);
    model_free(m);
    return status;
}

/* Whether there is something to compute in a cell. */
static bool is_wanted(const ScoreRow *row, ScoreColumn column)
{
    if (column == SCORE_TRAINED)
        return row->cells[SCORE_TRAINED].folder != NULL;
    return (row->ablation && !row->idle) || !row->name[0];
}

bool score_table_pending(const ScoreTable *t, size_t *row)
{
    for (size_t at = t->next; at < t->count * SCORE_COLUMNS; at++)
        if (is_wanted(&t->rows[at / SCORE_COLUMNS], (ScoreColumn)(at % SCORE_COLUMNS))) {
            if (row)
                *row = at / SCORE_COLUMNS;
            return true;
        }
    return false;
}

int score_table_step(ScoreTable *t, Error *e)
{
    while (t->next < t->count * SCORE_COLUMNS) {
        ScoreRow *row = &t->rows[t->next / SCORE_COLUMNS];
        ScoreColumn column = (ScoreColumn)(t->next % SCORE_COLUMNS);
        t->next++;
        if (!is_wanted(row, column))
            continue;
        if (column == SCORE_TRAINED)
            return compute_trained(&row->cells[column], t, e);
        return compute(&row->cells[column], t, t->model, t->recipe.ablations | row->ablation, row->ablation != 0, e);
    }
    return 0;
}
