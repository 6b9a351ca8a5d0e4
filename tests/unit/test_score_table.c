/* test_score_table.c - the ablation table: against scores taken one by one, and against plain sums. */
#include "train/score_table.h"

#include "measure/metrics.h"
#include "pass/pass.h"
#include "train/run.h"
#include "view/app.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { N = 12 };

static Model *open_model(const char *name)
{
    Error e = {{0}};
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

/* Mean entropy of attention and mean cosine of all pairs, example by example, pair by pair. */
static void plain_sums(const ScoreTable *t, const Model *m, Ablations a, double *attention, double *likeness)
{
    TaskExample x = {0};
    Error e = {{0}};
    double h = 0, alike = 0;
    size_t with = 0;
    for (size_t i = 0; i < N; i++) {
        cr_assert_eq(examples_draw(t->examples, 0, TASK_HELD_OUT, i, &x, &e), 0);
        Pass *p = pass_create(m, (PassInput){x.source.data, x.input.data, x.source.len, x.input.len}, a, &e);
        cr_assert(p, "%s", e.text);
        double sum = 0, stages = 0, pairs = 0, cos = 0;
        const Plan *plan = pass_plan(p);
        for (size_t k = 0; k < plan->count; k++) {
            const Stage *s = &plan->stages[k];
            if (s->kind != STAGE_WEIGHTS)
                continue;
            double all = 0;
            const real *w = pass_value(p, k);
            for (size_t j = 0; j < s->count; j++)
                all -= w[j] > 0 ? (double)w[j] * log((double)w[j]) : 0;
            sum += all / (double)(s->shape[0] * s->shape[1]);
            stages++;
        }
        h += stages > 0 ? sum / stages : 0;
        size_t last = (size_t)plan->stages[plan->count - 2].in[0], T = plan->stages[last].shape[0], d = plan->stages[last].shape[1];
        const real *v = pass_value(p, last); /* what the unembedding reads */
        for (size_t r = 0; r < T; r++)
            for (size_t s = 0; s < T; s++)
                if (r != s) {
                    cos += cosine(v + r * d, v + s * d, d);
                    pairs++;
                }
        if (pairs > 0) {
            alike += cos / pairs;
            with++;
        }
        pass_free(p);
    }
    *attention = h / N;
    *likeness = alike / (double)with;
    task_example_free(&x);
}

static void check_table(const char *name)
{
    Model *m = open_model(name);
    ScoreTable t;
    Error e = {{0}};
    cr_assert_eq(score_table_open(&t, m, N, &e), 0, "%s", e.text);
    cr_assert_geq(t.count, 1 + ABLATION_COUNT);
    for (size_t row; score_table_pending(&t, &row);) {
        cr_assert_lt(row, t.count);
        cr_assert_eq(score_table_step(&t, &e), 0, "%s", e.text);
    }
    for (size_t i = 0; i <= ABLATION_COUNT; i++) {
        const ScoreRow *row = &t.rows[i];
        const ScoreCell *c = &row->cells[SCORE_OFF];
        cr_assert_eq(row->ablation, i ? ablation_table[i - 1].bit : 0);
        if (row->idle) {
            cr_assert(!c->known);
            continue;
        }
        Eval v;
        double attention, likeness;
        EvalOptions o = {.n = N, .ablations = t.recipe.ablations | row->ablation, .difficulty = (int)t.recipe.difficulty};
        cr_assert_eq(eval_run(&v, m, t.examples, &o, &e), 0, "%s", e.text);
        cr_assert(c->known && c->score == v.score && c->loss == v.loss, "%s: %s", name, row->name);
        eval_free(&v);
        plain_sums(&t, m, o.ablations, &attention, &likeness);
        if (row->ablation == NO_ATTENTION)
            cr_assert(isnan(c->entropy));
        else
            cr_assert(fabs(c->entropy - attention) < 1e-9 * fmax(1, attention), "%s: %s: entropy %g, expected %g", name, row->name, c->entropy, attention);
        cr_assert(fabs(c->likeness - likeness) < 1e-6, "%s: %s: likeness %g, expected %g", name, row->name, c->likeness, likeness);
        cr_assert(!row->ablation || c->changes, "%s: %s", name, row->name);
    }
    for (size_t i = 0; i < t.count; i++)
        cr_assert_eq(t.rows[i].cells[SCORE_TRAINED].known, t.rows[i].cells[SCORE_TRAINED].folder != NULL);
    score_table_free(&t);
    model_free(m);
}

Test(score_table, the_scores_of_a_translator)
{
    check_table("tiny-models/zh-en");
}

Test(score_table, the_scores_of_a_decoder)
{
    check_table("tiny-models/sum");
}

Test(score_table, the_scores_of_an_encoder)
{
    check_table("tiny-models/mask");
}

/* A uniform guess: of one counted target among V tokens it is right once in V. */
Test(score_table, chance)
{
    Model *m = open_model("tiny-models/mask");
    ScoreTable t;
    Error e = {{0}};
    cr_assert_eq(score_table_open(&t, m, 3, &e), 0, "%s", e.text);
    cr_assert(fabs(t.chance_loss - log((double)m->config.vocab_size)) < 1e-12);
    cr_assert(fabs(t.chance_score * (double)m->config.vocab_size - 1) < 1e-12);
    score_table_free(&t);
    model_free(m);
}

/* In the debugger: Z, a number at a time, Esc in between; what is drawn is what was computed. */
Test(score_table, in_the_debugger)
{
    static const int sizes[][2] = {{80, 24}, {200, 60}, {40, 12}};
    Error e = {{0}};
    App *app = app_create(open_model("tiny-models/recall"), (InputText){0}, 0, THEME_MONO, false, &e);
    cr_assert(app, "%s", e.text);
    Event open = {.type = EVENT_KEY, .key = 'Z'}, close = {.type = EVENT_KEY, .key = K_ESC};
    cr_assert(!app_work(app));
    app_event(app, &open);
    cr_assert(app_is_working(app) && app_work(app) && app_work(app));
    cr_assert(app->table->rows[1].cells[SCORE_OFF].known && !app->table->rows[3].cells[SCORE_OFF].known);
    app_event(app, &close);
    cr_assert(app->view == VIEW_STEP && !app_work(app), "left: nothing is computed");
    app_event(app, &open);
    while (app_work(app))
        continue;
    for (size_t i = 0; i < 3; i++) {
        Canvas c = {0};
        Buffer text = {0};
        cr_assert_eq(canvas_init(&c, sizes[i][0], sizes[i][1], i == 1, &e), 0);
        app_draw(app, &c);
        for (int row = 0; row < c.rows; row++) {
            for (int col = 0; col < c.cols; col++)
                buffer_puts(&text, canvas_row(&c, row)[col].text);
            buffer_putc(&text, '\n');
        }
        cr_assert(strstr(buffer_text(&text), "no-positions"), "%s", buffer_text(&text));
        char loss[32];
        snprintf(loss, sizeof loss, "%.3f", app->table->rows[1].cells[SCORE_OFF].loss);
        cr_assert(strstr(buffer_text(&text), loss), "%s: %s", loss, buffer_text(&text));
        if (i < 2)
            cr_assert(strstr(buffer_text(&text), "trained without it") && strstr(buffer_text(&text), "Neither shows the other."), "%s", buffer_text(&text));
        buffer_free(&text);
        canvas_free(&c);
    }
    app_free(app);
}

Test(score_table, a_model_without_a_task)
{
    Model *m = open_model("tiny-models/hand-wired");
    ScoreTable t;
    Error e = {{0}};
    cr_assert_eq(score_table_open(&t, m, 3, &e), -1);
    cr_assert(strstr(e.text, "recipe.json"), "%s", e.text);
    model_free(m);
    m = open_model("random:");
    cr_assert_eq(score_table_open(&t, m, 3, &e), -1);
    cr_assert(strstr(e.text, "random weights"), "%s", e.text);
    model_free(m);
}

Test(score_table, a_number_takes_six_columns_and_does_not_seem_to_be_zero)
{
    static const struct {
        double x;
        const char *text;
    } cases[] = {{0, "0.000"}, {0.0004, "4e-04"}, {-0.00004, "-4e-05"}, {0.0005, "0.001"}, {1, "1.000"}, {12.3456, "12.346"},
                 {99.9999, "100.0"}, {235.61, "235.6"}, {23456.7, "23457."}, {1234567, "1e+06"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SCORE_NUMBER];
        cr_expect_str_eq(score_number(cases[i].x, text), cases[i].text, "%g: found %s", cases[i].x, text);
        cr_expect(strlen(text) <= 6);
    }
}
