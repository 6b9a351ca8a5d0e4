/* test_adamw.c - the optimiser's rule, its schedule, and three steps of it on stored cases. Runs from the top folder. */
#include "train/adamw.h"

#include "model_help.h"
#include "model/safetensors.h"
#include "tensor/kernels.h"
#include "train/batch.h"
#include "train/schedule.h"

#include <jansson.h>
#include <math.h>

#define GOLDEN "tests/golden/"

/* Within a few units in the last place of `real`. */
static const double CLOSE = REAL_IS_DOUBLE ? 1e-14 : 1e-6;

/* ---- the rule ---- */

/* PyTorch's single_tensor_adamw, one number at a time and in double. */
static void reference_step(double *w, double *m, double *v, double g, const AdamW *a, double lr, int step)
{
    *w -= lr * a->weight_decay * *w;
    *m += (1 - a->beta1) * (g - *m);
    *v = a->beta2 * *v + (1 - a->beta2) * g * g;
    double denominator = sqrt(*v) / sqrt(1 - pow(a->beta2, step)) + a->eps;
    *w -= lr / (1 - pow(a->beta1, step)) * *m / denominator;
}

Test(adamw, is_the_published_rule)
{
    enum { N = 37, STEPS = 5 };
    const AdamW a = {0.9, 0.99, 1e-8, 0.1};
    real w[N], m[N] = {0}, v[N] = {0}, g[N];
    double ww[N], mm[N] = {0}, vv[N] = {0};
    Random r = random_seeded(3);
    for (int i = 0; i < N; i++)
        ww[i] = (double)(w[i] = (real)random_normal(&r));
    for (int step = 1; step <= STEPS; step++) {
        double lr = 0.01 * step, scale = 0.25;
        for (int i = 0; i < N; i++) {
            g[i] = i == 5 ? 0 : (real)(random_normal(&r) * pow(10, i % 9 - 4));
            reference_step(&ww[i], &mm[i], &vv[i], (double)g[i] * scale, &a, lr, step);
        }
        adamw_update(w, m, v, g, N, &a, lr, scale, (uint64_t)step);
    }
    for (int i = 0; i < N; i++) {
        cr_expect_float_eq((double)w[i], ww[i], 20 * CLOSE, "weight %d: %.17g, expected %.17g", i, (double)w[i], ww[i]);
        cr_expect_float_eq((double)m[i], mm[i], 20 * CLOSE * fabs(mm[i]), "m %d", i);
        cr_expect_float_eq((double)v[i], vv[i], 20 * CLOSE * vv[i], "v %d", i);
    }
    cr_expect_float_eq((double)m[5], 0, 0);
}

/* However the numbers are split among threads. */
Test(adamw, a_number_does_not_depend_on_its_neighbours)
{
    enum { N = 1000 };
    const AdamW a = {0.9, 0.999, 1e-8, 0.01};
    static real w[2][N], m[2][N], v[2][N], g[N];
    Random r = random_seeded(4);
    for (int i = 0; i < N; i++) {
        w[0][i] = w[1][i] = (real)random_normal(&r);
        g[i] = (real)random_normal(&r);
    }
    for (uint64_t step = 1; step <= 3; step++) {
        adamw_update(w[0], m[0], v[0], g, N, &a, 0.01, 0.5, step);
        for (size_t from = 0, n; from < N; from += n) {
            n = 1 + from % 13 < N - from ? 1 + from % 13 : N - from;
            adamw_update(w[1] + from, m[1] + from, v[1] + from, g + from, n, &a, 0.01, 0.5, step);
        }
    }
    cr_assert_arr_eq(w[0], w[1], sizeof w[0]);
    cr_assert_arr_eq(v[0], v[1], sizeof v[0]);
}

Test(adamw, squares_are_added_up_in_double)
{
    enum { N = 100003 };
    static real x[N];
    double sum = 0;
    Random r = random_seeded(5);
    for (int i = 0; i < N; i++) {
        x[i] = (real)random_normal(&r);
        sum += (double)x[i] * (double)x[i];
    }
    cr_assert_float_eq(sum_of_squares(x, N), sum, 1e-9 * sum);
    cr_assert_float_eq(sum_of_squares(x, 3), (double)x[0] * (double)x[0] + (double)x[1] * (double)x[1] + (double)x[2] * (double)x[2], 1e-15 * N);
    cr_assert_eq(sum_of_squares(x, 0), 0);
}

/* ---- the schedule ---- */

Test(adamw, the_schedule_warms_up_and_comes_down)
{
    Schedule s = {.lr = 1, .lr_end = 0.1, .warmup = 4, .steps = 24};
    const struct {
        size_t step;
        double lr;
    } expected[] = {{0, 0.25}, {1, 0.5}, {3, 1}, {13, 0.55}, {23, 0.1}, {99, 0.1}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_expect_float_eq(schedule_lr(&s, expected[i].step), expected[i].lr, 1e-12, "step %zu: %g", expected[i].step,
                           schedule_lr(&s, expected[i].step));
    for (size_t i = 4; i + 1 < 24; i++)
        cr_expect_gt(schedule_lr(&s, i), schedule_lr(&s, i + 1));
    Schedule none = {.lr = 2, .lr_end = 2, .warmup = 0, .steps = 3};
    cr_expect_float_eq(schedule_lr(&none, 0), 2, 1e-12);
    Schedule only = {.lr = 2, .lr_end = 0, .warmup = 3, .steps = 3};
    cr_expect_float_eq(schedule_lr(&only, 2), 2, 1e-12);
}

Test(adamw, the_rate_is_changed_on_the_way)
{
    Schedule s = {.lr = 1, .lr_end = 1, .steps = 1000};
    cr_expect(schedule_change(&s, 10, 4) && schedule_change(&s, 20, 0.5));
    cr_expect_float_eq(schedule_lr(&s, 9), 1, 1e-12);
    cr_expect_float_eq(schedule_lr(&s, 10), 4, 1e-12);
    cr_expect_float_eq(schedule_lr(&s, 19), 4, 1e-12);
    cr_expect_float_eq(schedule_lr(&s, 20), 0.5, 1e-12);
    cr_expect(schedule_change(&s, 20, 4) && s.change_count == 1, "the factor of before takes the change away");
    cr_expect(schedule_change(&s, 10, 1) && s.change_count == 0);
    for (size_t i = 0; i < SCHEDULE_CHANGES; i++)
        cr_expect(schedule_change(&s, i, (double)i + 2));
    cr_expect(!schedule_change(&s, 500, 1), "no room");
    cr_expect(schedule_change(&s, SCHEDULE_CHANGES - 1, 7) && schedule_factor(&s, 999) == 7, "the last one can be changed");
}

/* ---- stored cases ---- */

static json_t *read_case(const char *folder)
{
    char path[320];
    snprintf(path, sizeof path, "%s/case.json", folder);
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert(root, "%s", path);
    return root;
}

static void read_ids(Ids *ids, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        cr_assert_eq(ids_add(ids, (int)json_integer_value(json_array_get(list, i)), NULL), 0);
}

/* max|ours - theirs| / max(max|theirs|, 1e-3 of the largest in the file) */
static double error_of(const real *ours, const SafeTensor *theirs, double largest)
{
    double worst = 0, size = 1e-3 * largest;
    for (size_t i = 0; i < theirs->count; i++) {
        worst = fmax(worst, fabs((double)ours[i] - safetensors_value(theirs, i)));
        size = fmax(size, fabs(safetensors_value(theirs, i)));
    }
    return worst / size;
}

static void compare_weights(const Weights *w, const char *folder)
{
    SafeTensors s;
    Error e = {{0}};
    char path[320];
    double largest = 0, tolerance = REAL_IS_DOUBLE ? 1e-6 : 1e-3;
    snprintf(path, sizeof path, "%s/after_adamw.safetensors", folder);
    cr_assert_eq(safetensors_open(&s, path, &e), 0, "%s", e.text);
    cr_assert_eq(s.count, w->count);
    for (size_t i = 0; i < s.count; i++)
        for (size_t k = 0; k < s.items[i].count; k++)
            largest = fmax(largest, fabs(safetensors_value(&s.items[i], k)));
    for (size_t i = 0; i < w->count; i++) {
        const SafeTensor *t = safetensors_find(&s, w->items[i].name);
        cr_assert(t && t->count == w->items[i].count, "%s", w->items[i].name);
        if (!REAL_IS_DOUBLE && strstr(w->items[i].name, ".b_K"))
            continue; /* its gradient is 0 in theory: Adam makes rounding noise as large as the others */
        double error = error_of(weight_plain(&w->items[i]), t, largest);
        cr_expect_leq(error, tolerance, "%s: %s: error %.2g", folder, w->items[i].name, error);
    }
    safetensors_close(&s);
}

/* The steps that case.json describes, by the way that training takes: a batch of one sequence. */
static void check_case(const char *name)
{
    char folder[200];
    Error e = {{0}};
    snprintf(folder, sizeof folder, GOLDEN "%s", name);
    Model *m = model_open(folder, NULL, &e);
    cr_assert(m, "%s", e.text);
    cr_assert_eq(weights_own(&m->weights, &e), 0);
    json_t *root = read_case(folder), *adamw = json_object_get(root, "adamw"), *losses = json_object_get(adamw, "losses");
    Ids first = {0}, second = {0};
    TaskExample x = {0};
    read_ids(&first, json_object_get(root, "source"));
    read_ids(&second, json_object_get(root, "target"));
    read_ids(&x.targets, json_object_get(root, "targets"));
    x.source = first;
    x.input = second;

    AdamW a = {json_number_value(json_object_get(adamw, "beta1")), json_number_value(json_object_get(adamw, "beta2")),
               json_number_value(json_object_get(adamw, "eps")), json_number_value(json_object_get(adamw, "weight_decay"))};
    double lr = json_number_value(json_object_get(adamw, "lr"));
    Recipe r = {.batch = 1, .config = {.pad = -1}};
    Batch *b = batch_create(m, &r, NULL, &e);
    real *mm = calloc(m->weights.total, sizeof *mm), *vv = calloc(m->weights.total, sizeof *vv);
    cr_assert(b && mm && vv && json_array_size(losses) == 3);
    for (size_t step = 0; step < json_array_size(losses); step++) {
        BatchResult result;
        double expected = json_number_value(json_array_get(losses, step));
        cr_assert_eq(batch_run_examples(b, &x, 1, step, &result, &e), 0, "%s: %s", name, e.text);
        cr_expect_float_eq(result.loss, expected, (REAL_IS_DOUBLE ? 1e-6 : 1e-4) * expected, "%s: loss %zu: %.9g, expected %.9g", name, step,
                           result.loss, expected);
        adamw_update(m->weights.block, mm, vv, batch_gradient(b), m->weights.total, &a, lr, 1 / (double)result.counted, step + 1);
        memset(batch_gradient(b), 0, m->weights.total * sizeof(real));
    }
    compare_weights(&m->weights, folder);
    free(mm);
    free(vv);
    batch_free(b);
    task_example_free(&x);
    json_decref(root);
    model_free(m);
}

Test(adamw, three_steps_agree_with_stored_ones)
{
    static const char *const names[] = {"attention-only",  "bert-post-learned",        "llama-rope-gqa-gated", "one-token",
                                        "gpt-pre-learned", "original-post-sinusoidal", "encdec-gqa-alibi-rms"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_case(names[i]);
}
