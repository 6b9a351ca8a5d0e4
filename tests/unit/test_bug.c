/* test_bug.c - the bugs of the hunt: each is caught at its own stage by the golden cases, changes nothing where it does not apply, has
 * gradients of its own, and leaves nothing behind. Runs from the top folder. */
#include "bug_help.h"

#include "base/file.h"
#include "measure/explain.h"
#include "measure/explain_gradient.h"
#include "measure/gradient_check.h"
#include "measure/verify.h"
#include "pass/edit.h"
#include "pass/input.h"

#include <dirent.h>
#include <stdio.h>

#define GOLDEN "tests/golden/"

/* Every value is a number, or −∞ where a score is hidden. */
static void check_no_nan(Pass *p, const char *where)
{
    const Plan *plan = pass_plan(p);
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < plan->stages[i].count; j++)
            cr_assert(!isnan((double)pass_value(p, i)[j]), "%s: %s[%zu] is not a number", where, stage_name(&plan->stages[i], name), j);
}

/* The arithmetic of every stage agrees with what it holds, but for the stages that the bug touches: what follows from a bug is computed
 * rightly from wrong numbers. */
static void check_arithmetic(const Bug *b, Pass *p, const char *where)
{
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < pass_plan(p)->count; i++) {
        StageCheck c;
        Error e = {{0}};
        if (b && bug_touches(b, p, i))
            continue;
        cr_assert_eq(explain_check_stage(p, i, 60, &c, &e), 0, "%s", e.text);
        cr_assert_eq(c.wrong, 0, "%s: %s[%zu,%zu,%zu]: the arithmetic gives %.9g, the stage holds %.9g", where,
                     stage_name(&pass_plan(p)->stages[i], name), c.first.index[0], c.first.index[1], c.first.index[2], c.exact, c.stored);
    }
}

/* Bugs that differ from the right network by less than a float's rounding wherever a row is of ordinary size. */
static bool is_fine(const Bug *b)
{
    return b == &bug_table[BUG_EPS_OUTSIDE];
}

/* Puts the bug into p and compares with the same pass without it. True where it applies. */
static bool check_bug(const Bug *b, Pass *clean, Pass *p, const char *where)
{
    double error;
    char name[STAGE_NAME_MAX], what[512];
    snprintf(what, sizeof what, "%s in %.400s", b->id, where);
    cr_assert_eq(first_difference(clean, p, &error), -1, "%s: before", what);
    bool applies = bug_applies(b, p);
    put(b, p);
    int found = first_difference(clean, p, &error);
    if (!applies)
        cr_assert_eq(found, -1, "%s: does not apply, but changes %s", what,
                     found < 0 ? "" : stage_name(&pass_plan(p)->stages[found], name));
    else if (!is_fine(b) || found >= 0) {
        cr_assert(found >= 0, "%s: applies, but changes nothing", what);
        cr_assert(bug_touches(b, p, (size_t)found), "%s: first seen in %s, which it does not touch", what,
                  stage_name(&pass_plan(p)->stages[found], name));
        cr_assert_eq(found, bug_first_stage(b, p), "%s: first seen in %s", what, stage_name(&pass_plan(p)->stages[found], name));
        if (!is_fine(b))
            cr_assert(error > 1e-5, "%s: %s differs by %.2g only", what, stage_name(&pass_plan(p)->stages[found], name), error);
    }
    check_no_nan(p, what);
    check_arithmetic(b, p, what);
    put(NULL, p);
    cr_assert_eq(first_difference(clean, p, &error), -1, "%s: after it was taken out", what);
    return applies;
}

/* ---- the golden cases ---- */

static size_t golden_hits[BUG_COUNT];

/* The stored numbers find the bug out, at the first stage that it touches; where it does not apply they agree as before. */
static void check_golden(const char *name)
{
    char folder[320];
    snprintf(folder, sizeof folder, GOLDEN "%s", name);
    if (!file_is_folder(folder))
        return;
    for (int i = 0; i < BUG_COUNT; i++) {
        VerifyCase v;
        Error e = {{0}};
        const Bug *b = &bug_table[i];
        cr_assert_eq(verify_with_bug(folder, b, &v, &e), 0, "%s: %s", name, e.text);
        if (!v.bug_stage[0]) {
            cr_expect(v.passed, "%s does not apply in %s, but %s differs by %.2g", b->id, name, v.trace.worst, v.trace.error);
        } else if (!is_fine(b)) {
            golden_hits[i]++;
            cr_expect(!v.passed && v.trace.error > v.trace.tolerance, "%s goes unnoticed in %s", b->id, name);
            cr_expect_str_eq(v.trace.first, v.bug_stage, "%s in %s", b->id, name);
        }
    }
}

Test(bug, golden_cases_catch_each)
{
    DIR *dir = opendir(GOLDEN);
    cr_assert(dir);
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            check_golden(d->d_name);
    closedir(dir);
    for (int i = 0; i < BUG_COUNT; i++)
        if (!bug_needs_padding(&bug_table[i]) && !is_fine(&bug_table[i]))
            cr_expect(golden_hits[i] > 0, "%s: no golden case has what it breaks", bug_table[i].id);
}

/* ---- models of every kind, with and without ablations and padding ---- */

static size_t hits[BUG_COUNT];

/* Every step-th bug from the first one on. */
static void check_config(const char *config, const char *ablations, size_t source_len, size_t target_len, int first, int step)
{
    Model *m = help_model(config);
    for (int i = first; i < BUG_COUNT; i += step) {
        Pass *clean = help_pass_of(m, source_len, target_len, help_ablation(ablations));
        Pass *p = help_pass_of(m, source_len, target_len, help_ablation(ablations));
        char where[480];
        snprintf(where, sizeof where, "%s [%s]", config, ablations);
        hits[i] += check_bug(&bug_table[i], clean, p, where);
        pass_free(clean);
        pass_free(p);
    }
    model_free(m);
}

/* Under an ablation a third of the bugs, another one for the next config: each bug meets each ablation in many of them. */
Test(bug, every_config_and_ablation)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        for (int a = 0; a < HELP_ABLATIONS; a++) {
            bool whole = !*help_ablations[a];
            check_config(gradient_config(c), help_ablations[a], HELP_SOURCE, HELP_TARGET, whole ? 0 : (a + c) % 3, whole ? 1 : 3);
        }
        check_config(gradient_config(c), "", 1, 1, 0, 1);
    }
    for (int i = 0; i < BUG_COUNT; i++)
        cr_expect(hits[i] > 0, "%s applies nowhere", bug_table[i].id);
}

/* ---- a network without a bug is never accused ---- */

Test(bug, the_arithmetic_of_every_shipped_model_agrees)
{
    DIR *dir = opendir("tiny-models");
    cr_assert(dir);
    int models = 0;
    for (struct dirent *d; (d = readdir(dir));) {
        char path[320];
        Error e = {{0}};
        snprintf(path, sizeof path, "tiny-models/%s/config.json", d->d_name);
        if (!file_exists(path))
            continue;
        snprintf(path, sizeof path, "tiny-models/%s", d->d_name);
        Model *m = model_open(path, NULL, &e);
        cr_assert(m, "%s", e.text);
        Input in;
        cr_assert_eq(input_read(&in, m, (InputText){0}, 0, &e), 0, "%s", e.text);
        Pass *p = pass_create(m, input_ids(&in), 0, &e);
        cr_assert(p, "%s", e.text);
        check_arithmetic(NULL, p, path);
        pass_free(p);
        input_free(&in);
        model_free(m);
        models++;
    }
    closedir(dir);
    cr_assert_geq(models, 7);
}

Test(bug, the_arithmetic_of_every_gradient_agrees)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        Pass *p = help_backward(m, 0);
        const Plan *plan = pass_plan(p);
        for (size_t i = 0; i < plan->count; i++)
            for (size_t at = 0; at < plan->stages[i].count; at += 1 + plan->stages[i].count / 40) {
                Explanation x;
                Error e = {{0}};
                char name[STAGE_NAME_MAX];
                Cellref cell = {.stage = i};
                size_t left = at;
                for (int k = plan->stages[i].rank - 1; k >= 0; left /= plan->stages[i].shape[k--])
                    cell.index[k] = left % plan->stages[i].shape[k];
                cr_assert_eq(explain_gradient(p, cell, &x, &e), 0, "%s", e.text);
                cr_assert(explanation_agrees(&x), "%s: %s[%zu]: the arithmetic gives %.9g, the stage holds %.9g", gradient_config(c),
                          stage_name(&plan->stages[i], name), at, x.exact, x.stored);
                explanation_free(&x);
            }
        pass_free(p);
        model_free(m);
    }
}

/* ---- gradients: those of the network with the bug ---- */

static size_t checked[BUG_COUNT];

static void check_gradient(const Bug *b, const GradientCheck *g, double all, const char *where)
{
    if (g->constant || g->corners)
        return;
    double least = fmax(fabs(g->analytic), 1e-3 * all);
    checked[b - bug_table]++;
    if (REAL_IS_DOUBLE)
        cr_assert(g->error <= 2e-6 * least, "%s: %s: backward %.12g, differences %.12g, noise %g", b->id, where, g->analytic, g->numeric,
                  g->noise);
    else
        cr_assert(g->error <= 4 * g->noise + 1e-3 * least, "%s: %s: backward %.9g, differences %.9g, noise %g", b->id, where, g->analytic,
                  g->numeric, g->noise);
}

static void check_gradients(const Bug *b, const Model *m, const char *config)
{
    Pass *p = help_pass(m, 0);
    const Plan *plan = pass_plan(p);
    Random random = random_seeded(11);
    Error e = {{0}};
    GradientCheck g;
    char where[512], name[STAGE_NAME_MAX];
    size_t n;
    double loss, all = 0;
    const int *targets = help_targets(p, &n);
    put(b, p);
    if (bug_applies(b, p)) {
        cr_assert_eq(pass_backward(p, targets, n, &loss, &e), 0, "%s", e.text);
        for (size_t i = 0; i < plan->count; i++)
            for (size_t j = 0; j < plan->stages[i].count; j++)
                all = fmax(all, fabs((double)pass_gradient(p, i)[j]));
        for (size_t i = 0; i < plan->count; i++)
            for (int k = 0; k < 2; k++) {
                const Stage *s = &plan->stages[i];
                Cellref cell = {.stage = i};
                if (b == &bug_table[BUG_DIAGONAL_MASKED] && s->kind == STAGE_MASKED)
                    continue; /* the step is measured by the largest number, and one is 1e9; the stage before is checked */
                for (int a = 0; a < s->rank; a++)
                    cell.index[a] = random_below(&random, s->shape[a]);
                if (!isfinite((double)pass_value(p, i)[cell_offset(s, cell.index)]))
                    continue;
                cr_assert_eq(gradient_check_cell(p, cell, &g, &e), 0, "%s", e.text);
                snprintf(where, sizeof where, "%.380s: %s[%zu,%zu,%zu]", config, stage_name(s, name), cell.index[0], cell.index[1],
                         cell.index[2]);
                check_gradient(b, &g, all, where);
            }
        for (size_t w = 0; w < m->weights.count; w++) {
            const Weight *weight = &m->weights.items[w];
            size_t row = random_below(&random, weight->shape[0]), col = weight->rank == 2 ? random_below(&random, weight->shape[1]) : 0;
            cr_assert_eq(gradient_check_weight(p, w, row, col, &g, &e), 0, "%s", e.text);
            snprintf(where, sizeof where, "%.380s: %s[%zu,%zu]", config, weight->name, row, col);
            check_gradient(b, &g, all, where);
        }
    }
    pass_free(p);
}

Test(bug, gradients_are_those_of_the_network_with_the_bug)
{
    for (int c = 0; c < GRADIENT_CONFIGS; c++) {
        Model *m = help_model(gradient_config(c));
        for (int i = 0; i < BUG_COUNT; i++)
            check_gradients(&bug_table[i], m, gradient_config(c));
        model_free(m);
    }
    for (int i = 0; i < BUG_COUNT; i++)
        cr_assert(checked[i] > 0, "%s", bug_table[i].id);
}

/* ---- it can be found where it is offered ---- */

/* The arithmetic of a stage that the bug touches disagrees; or, where only the wires are wrong, it names the stage that is read. */
Test(bug, each_is_found_by_its_arithmetic_in_the_model_where_it_is_hunted)
{
    for (int i = 0; i < BUG_COUNT; i++) {
        const Bug *b = &bug_table[i];
        char path[320];
        Error e = {{0}};
        StageCheck c;
        snprintf(path, sizeof path, "%s%s", strncmp(b->model, "random:", 7) == 0 ? "" : "tiny-models/", b->model);
        Model *m = model_open(path, NULL, &e);
        cr_assert(m, "%s", e.text);
        Input in;
        cr_assert_eq(input_read(&in, m, (InputText){0}, 0, &e), 0, "%s", e.text);
        if (bug_needs_padding(b))
            cr_assert_eq(ids_add(in.source.len ? &in.source : &in.target, m->config.pad, &e), 0);
        Pass *clean = pass_create(m, input_ids(&in), 0, &e), *p = pass_create(m, input_ids(&in), 0, &e);
        cr_assert(clean && p, "%s", e.text);
        put(b, p);
        int at = bug_first_stage(b, p);
        cr_assert(at >= 0, "%s: not in %s", b->id, b->model);
        bool wires = memcmp(pass_plan(clean)->stages[at].in, pass_plan(p)->stages[at].in, sizeof pass_plan(p)->stages[at].in) != 0;
        cr_assert_eq(explain_check_stage(p, (size_t)at, 0, &c, &e), 0, "%s", e.text);
        cr_assert_eq(c.wrong > 0, !wires, "%s in %s: %zu of %zu cells do not agree", b->id, b->model, c.wrong, c.cells);
        pass_free(clean);
        pass_free(p);
        input_free(&in);
        model_free(m);
    }
}

/* ---- together with edits ---- */

/* A patch is from the same network: from the same text it changes nothing. */
Test(bug, a_patch_has_the_bug_too)
{
    Model *m = help_model("kind=decoder,d_model=16,n_heads=4,d_ff=24,decoder_layers=2,vocab_size=11,position=sinusoidal");
    static const int ids[] = {3, 8, 2, 9};
    static const BugId some[] = {BUG_SOFTMAX_AXIS, BUG_VALUES_UNUSED, BUG_STALE_CACHE};
    for (size_t k = 0; k < sizeof some / sizeof *some; k++) {
        Error e = {{0}};
        Edits edits = {0};
        double error;
        Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 4}, 0, &e), *patched = pass_create(m, (PassInput){NULL, ids, 0, 4}, 0, &e);
        cr_assert(p && patched, "%s", e.text);
        put(&bug_table[some[k]], p);
        put(&bug_table[some[k]], patched);
        cr_assert_eq(edits_add(&edits, "decoder.0.self.out=patch(3,8,2,9)", &e), 0, "%s", e.text);
        cr_assert_eq(pass_set_edits(patched, &edits, &e), 0, "%s", e.text);
        cr_assert_eq(first_difference(p, patched, &error), -1, "%s", bug_table[some[k]].id);
        edits_free(&edits);
        pass_free(p);
        pass_free(patched);
    }
    model_free(m);
}

/* ---- the table ---- */

Test(bug, cards_are_complete)
{
    int levels[BUG_LEVELS + 1] = {0};
    Error e = {{0}};
    for (int i = 0; i < BUG_COUNT; i++) {
        const Bug *b = &bug_table[i];
        cr_assert(b->level >= 1 && b->level <= BUG_LEVELS);
        levels[b->level]++;
        const char *const texts[] = {b->title, b->wrong, b->found, b->trains, b->catch, b->hints[0], b->hints[1]};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            cr_assert(strlen(texts[k]) > 12, "%s", b->id);
        cr_assert(strncmp(b->link, "https://", 8) == 0, "%s", b->id);
        cr_assert_eq(bug_find(b->id, &e), b);
    }
    for (int l = 1; l <= BUG_LEVELS; l++)
        cr_assert_geq(levels[l], 4);
    cr_assert_null(bug_find("softmax-axes", &e));
    cr_assert(strstr(e.text, "\"softmax-axis\""), "%s", e.text);
}
