/* test_tracing.c - causal tracing, against passes changed number by number. */
#include "measure/tracing.h"
#include "measure/trunk.h"
#include "pass/edit.h"
#include "pass/input.h"

#include "explain_help.h"

/* ---- causal tracing ---- */

static double answer_of(Pass *p, const TracingQuery *q)
{
    return (double)pass_value(p, pass_plan(p)->count - 1)[q->row * pass_plan(p)->config->vocab_size + (size_t)q->answer];
}

/* Another sentence: each cell is the same as writing the vector number by number into a pass over that sentence. */
static void check_tracing_other(Pass *p)
{
    const Plan *plan = pass_plan(p);
    size_t d = plan->config->d_model, row = output_rows(p) - 1, n;
    TracingQuery q = tracing_query(p, row, trunk_likeliest(p, row));
    Tracing t;
    Error e = {{0}};
    const int *ids = pass_ids(p, q.stack, &n);
    int other[64];
    for (size_t i = 0; i < n; i++)
        other[i] = (ids[i] + (i == 1 ? 4 : 0)) % 11;
    q.other = other;
    cr_assert_eq(tracing_run(p, &q, &t, &e), 0, "%s", e.text);
    cr_assert_eq(t.runs, tracing_cost(p, &q));
    PassInput in;
    in.source = pass_ids(p, STACK_ENCODER, &in.source_len);
    in.target = pass_ids(p, STACK_DECODER, &in.target_len);
    if (q.stack == STACK_ENCODER)
        in.source = other;
    else
        in.target = other;
    Pass *spoilt = pass_create(pass_model(p), in, plan->ablations, &e);
    cr_assert(spoilt, "%s", e.text);
    cr_assert_eq(t.clean.probability, answer_of(p, &q));
    cr_assert_eq(t.corrupted.probability, answer_of(spoilt, &q));
    cr_assert_eq(t.grid_count, plan->config->kind == KIND_ENCODER_DECODER ? 2 : 1);
    for (size_t g = 0; g < t.grid_count; g++)
        for (size_t k = 0; k < t.grids[g].points; k++) {
            size_t stage = t.grids[g].stages[k], position = k % t.grids[g].positions;
            const TracingCell *cell = &t.grids[g].cells[k * t.grids[g].positions + position];
            real saved[64];
            memcpy(saved, pass_value(spoilt, stage) + position * d, d * sizeof *saved);
            for (size_t i = 0; i < d; i++)
                pass_override(spoilt, stage, position * d + i, pass_value(p, stage)[position * d + i]);
            cr_assert_eq(cell->probability, answer_of(spoilt, &q), "%s: %zu, %zu", current, k, position);
            for (size_t i = 0; i < d; i++)
                pass_override(spoilt, stage, position * d + i, saved[i]);
        }
    /* only position 1 differs: its embedding put back is the clean pass; and the last point decides alone */
    const TracingGrid *last = &t.grids[t.grid_count - 1];
    cr_assert_eq(t.grids[0].cells[1].probability, t.clean.probability, "%s", current);
    cr_assert_eq(last->cells[(last->points - 1) * last->positions + row].probability, t.clean.probability, "%s", current);
    pass_free(spoilt);
    tracing_free(&t);
}

Test(tracing, cells_are_passes_with_one_vector_of_another)
{
    on_everything(check_tracing_other);
}

static void check_tracing_noise(Pass *p)
{
    size_t row = output_rows(p) - 1, position = 1;
    TracingQuery q = tracing_query(p, row, trunk_likeliest(p, row));
    Tracing t, again;
    Error e = {{0}};
    q.positions = &position;
    q.position_count = 1;
    q.samples = 2;
    for (int part = TRACING_STREAM; part <= TRACING_FFN; part++) {
        q.part = (TracingPart)part;
        cr_assert_eq(tracing_run(p, &q, &t, &e), 0, "%s", e.text);
        cr_assert_eq(tracing_run(p, &q, &again, &e), 0, "%s", e.text);
        cr_assert_eq(t.corrupted.probability, again.corrupted.probability, "the same seed, the same numbers");
        cr_assert_eq(t.runs, tracing_cost(p, &q));
        if (t.clean.probability != t.corrupted.probability) {
            TracingCell half = {.probability = (t.clean.probability + t.corrupted.probability) / 2};
            cr_assert_eq(tracing_restored(&t, &t.clean), 1);
            cr_assert_eq(tracing_restored(&t, &t.corrupted), 0);
            cr_assert_float_eq(tracing_restored(&t, &half), 0.5, 1e-6);
        }
        if (part == TRACING_STREAM) {
            cr_assert(fabs(t.grids[0].cells[1].probability - t.clean.probability) < 1e-12, "%s: the spoilt embedding put back", current);
            cr_assert(fabs(t.grids[0].cells[0].probability - t.corrupted.probability) < 1e-12, "%s: an embedding that was not spoilt",
                      current);
        }
        tracing_free(&t);
        tracing_free(&again);
    }
    q.noise = 0;
    q.part = TRACING_STREAM;
    cr_assert_eq(tracing_run(p, &q, &t, &e), 0, "%s", e.text);
    cr_assert_eq(t.corrupted.probability, t.clean.probability, "no noise, no change");
    cr_assert(isnan(tracing_restored(&t, &t.clean)));
    tracing_free(&t);
}

Test(tracing, noise_is_reproducible_and_taken_back_by_its_own_position)
{
    on_everything(check_tracing_noise);
}

/* An edited pass is the clean one: the corrupted pass is edited, too, so that without noise nothing differs. */
Test(tracing, the_corrupted_pass_has_the_same_edits)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Edits edits = {0};
    Error e = {{0}};
    Tracing t;
    size_t position = 1;
    double before = (double)pass_value(p, pass_plan(p)->count - 1)[4 * 11 + 3];
    cr_assert_eq(edits_add(&edits, "decoder.0.self.heads[head=1]=zero", &e), 0);
    cr_assert_eq(pass_set_edits(p, &edits, &e), 0, "%s", e.text);
    TracingQuery q = tracing_query(p, 4, 3);
    q.positions = &position;
    q.position_count = 1;
    q.noise = 0;
    cr_assert_eq(tracing_run(p, &q, &t, &e), 0, "%s", e.text);
    cr_assert_float_eq(t.corrupted.probability, t.clean.probability, 1e-12);
    cr_assert_neq(t.clean.probability, before);
    tracing_free(&t);
    edits_free(&edits);
    pass_free(p);
    model_free(m);
}

Test(tracing, what_does_not_suit_is_an_error)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    TracingQuery q = tracing_query(p, 1, 0);
    Tracing t;
    Error e = {{0}};
    size_t far = HELP_TARGET;
    cr_assert_eq(tracing_run(p, &q, &t, &e), -1);
    cr_assert(strstr(e.text, "found none"), "%s", e.text);
    q.positions = &far;
    q.position_count = 1;
    cr_assert_eq(tracing_run(p, &q, &t, &e), -1);
    cr_assert(strstr(e.text, "from 0 to 4 of the decoder, found 5"), "%s", e.text);
    q.stack = STACK_ENCODER;
    cr_assert_eq(tracing_run(p, &q, &t, &e), -1);
    cr_assert(strstr(e.text, "has no encoder"), "%s", e.text);
    pass_free(p);
    model_free(m);
}

/* In the wired model the answer to A B C A is B: the B that is copied is what the answer hangs on. */
Test(tracing, the_most_telling_position)
{
    Error e = {{0}};
    Input in = {0};
    Model *m = model_open("tiny-models/hand-wired", NULL, &e);
    cr_assert(m, "%s", e.text);
    cr_assert_eq(input_read(&in, m, (InputText){.text = "A B C A"}, 0, &e), 0, "%s", e.text);
    Pass *p = pass_create(m, input_ids(&in), 0, &e);
    TracingQuery q = tracing_query(p, 4, trunk_likeliest(p, 4));
    size_t position;
    double least = 2;
    cr_assert_eq(tracing_most_telling(p, &q, &position, &e), 0, "%s", e.text);
    size_t best = 0;
    for (size_t i = 1; i < 4; i++) { /* begin token and the row itself left out */
        Tracing t;
        q.positions = &i;
        q.position_count = 1;
        cr_assert_eq(tracing_run(p, &q, &t, &e), 0, "%s", e.text);
        if (t.corrupted.probability < least) {
            least = t.corrupted.probability;
            best = i;
        }
        tracing_free(&t);
    }
    cr_assert_eq(position, best);
    pass_free(p);
    input_free(&in);
    model_free(m);
}
