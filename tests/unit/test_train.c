/* test_train.c - training: the same numbers however it is run, interrupted or padded; recipes and folders that are refused. */
#include "train/run.h"

#include "model_help.h"
#include "pass/bundle.h"
#include "pass/sample.h"
#include "tensor/matmul.h"
#include "train/batch.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

/* ---- recipes ---- */

#define SMALL_DECODER "\"d_model\": 16, \"n_heads\": 2, \"d_ff\": 24, \"decoder_layers\": 1"
#define SMALL_PAIR                                                                                                                         \
    "\"kind\": \"encoder-decoder\", \"d_model\": 16, \"n_heads\": 2, \"d_ff\": 24, \"encoder_layers\": 1, \"decoder_layers\": 1, "         \
    "\"norm_position\": \"post\", \"embed_scale\": true"
#define QUICK "\"warmup\": 3, \"eval_every\": 0, \"save_every\": 7"

static const char sum_recipe[] = "{\"task\": \"sum\", \"config\": {" SMALL_DECODER "}, \"steps\": 30, \"batch\": 6, \"lr\": 0.01, "
                                 "\"dropout\": 0.1, \"label_smoothing\": 0.05, " QUICK "}";
static const char pair_recipe[] = "{\"task\": \"zh-en\", \"config\": {" SMALL_PAIR "}, \"steps\": 8, \"batch\": 9, " QUICK "}";

static Recipe read_recipe(const char *text)
{
    Recipe r;
    Error e = {{0}};
    cr_assert_eq(recipe_read(&r, text, strlen(text), "recipe.json", &e), 0, "%s", e.text);
    return r;
}

static Trainer *create_trainer(Recipe *r)
{
    Error e = {{0}};
    Trainer *t = trainer_create(r, "recipe.json", &e);
    cr_assert(t, "%s", e.text);
    return t;
}

static void take_steps(Trainer *t, size_t n)
{
    Error e = {{0}};
    TrainerStep step;
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(trainer_step(t, &step, &e), 0, "%s", e.text);
}

/* The weights after all steps of a recipe; the caller frees them. */
static real *train(const char *recipe, int threads, size_t *count)
{
    Recipe r = read_recipe(recipe);
    matmul_set_threads(threads);
    Trainer *t = create_trainer(&r);
    take_steps(t, r.schedule.steps);
    const Weights *w = &trainer_model(t)->weights;
    real *copy = malloc(w->total * sizeof *copy);
    memcpy(copy, w->block, w->total * sizeof *copy);
    *count = w->total;
    trainer_free(t);
    recipe_free(&r);
    return copy;
}

/* ---- the same numbers ---- */

Test(train, any_number_of_threads_gives_the_same_bits)
{
    const char *const recipes[] = {sum_recipe, pair_recipe};
    for (size_t i = 0; i < 2; i++) {
        size_t count;
        real *one = train(recipes[i], 1, &count);
        for (int threads = 2; threads <= 5; threads += 3) {
            real *many = train(recipes[i], threads, &count);
            cr_expect_arr_eq(one, many, count * sizeof *one, "recipe %zu, %d threads", i, threads);
            free(many);
        }
        free(one);
    }
}

Test(train, seeds_of_data_and_weights_count)
{
    const char *const variants[] = {"\"data_seed\": 2", "\"weight_seed\": 2", "\"init\": \"normal\""};
    size_t count;
    real *base = train(sum_recipe, 1, &count);
    for (size_t i = 0; i < 3; i++) {
        char recipe[512];
        snprintf(recipe, sizeof recipe, "{%s, %s", variants[i], sum_recipe + 1);
        real *other = train(recipe, 1, &count);
        cr_expect_arr_neq(base, other, count * sizeof *base, "%s", variants[i]);
        free(other);
    }
    free(base);
}

static bool stop_after_15(void *context, Trainer *t, const RunProgress *p)
{
    size_t *calls = context;
    (*calls)++;
    cr_assert_eq(p->step, trainer_steps(t));
    return p->step < 15;
}

static const char *folder_file(const char *folder, const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool has_file(const char *folder, const char *name)
{
    return file_exists(folder_file(folder, name));
}

/* Goes on in a folder to the end; what is there afterwards is a model with the weights `expected`. */
static void finish_run(const char *recipe, const char *folder, size_t begins_at, const real *expected)
{
    Recipe r = read_recipe(recipe);
    Trainer *t = create_trainer(&r);
    Error e = {{0}};
    cr_assert_eq(run_open(t, folder, &e), 0, "%s", e.text);
    cr_assert_eq(trainer_steps(t), begins_at);
    cr_assert_eq(run_train(t, folder, NULL, NULL, &e), RUN_FINISHED, "%s", e.text);
    trainer_free(t);
    recipe_free(&r);
    cr_assert(!has_file(folder, "checkpoint.safetensors"));
    Model *m = model_open(folder, NULL, &e);
    cr_assert(m && !m->untrained, "%s", e.text);
    for (size_t i = 0, at = 0; i < m->weights.count; at += m->weights.items[i++].count)
        cr_assert_arr_eq(weight_plain(&m->weights.items[i]), expected + at, m->weights.items[i].count * sizeof *expected, "%s", m->weights.items[i].name);
    model_free(m);
}

Test(train, an_interrupted_run_goes_on_to_the_same_numbers)
{
    char folder[64], run[80];
    size_t count, calls = 0;
    real *whole = train(sum_recipe, 1, &count);
    snprintf(run, sizeof run, "%s/run", help_folder(folder));
    Recipe r = read_recipe(sum_recipe);
    Trainer *t = create_trainer(&r);
    Error e = {{0}};
    cr_assert_eq(run_open(t, run, &e), 0, "%s", e.text);
    cr_assert(has_file(run, "recipe.json") && has_file(run, "config.json") && has_file(run, "vocab.txt") && has_file(run, "model.safetensors"));
    cr_assert_eq(run_train(t, run, stop_after_15, &calls, &e), RUN_STOPPED, "%s", e.text);
    cr_assert_eq(calls, 15);
    trainer_free(t);
    recipe_free(&r);
    cr_assert(has_file(run, "checkpoint.safetensors"));
    finish_run(sum_recipe, run, 15, whole);
    free(whole);
    help_remove(folder);
}

/* Twice the rate after 5 steps; after 9 a try that is taken back; a quarter after 12, of a run that stops there when `context` says so. */
static bool change_rate(void *context, Trainer *t, const RunProgress *p)
{
    const bool *stops = context;
    if (p->step == 5 || p->step == 9 || p->step == 12)
        cr_assert_eq(trainer_change_lr(t, p->step == 12 ? 0.25 : p->step == 9 ? 64 : 2, NULL), 0);
    if (p->step == 9)
        cr_assert_eq(trainer_change_lr(t, 2, NULL), 0);
    return !*stops || p->step < 12;
}

/* The recipe beside a model whose learning rate was changed by hand gives that model; so does a run that was interrupted and gone on with by the
 * recipe as it was given. */
Test(train, a_changed_rate_is_reproducible)
{
    char folder[64], run[80], other[80];
    size_t count;
    real *unchanged = train(sum_recipe, 1, &count);
    help_folder(folder);
    snprintf(run, sizeof run, "%s/run", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    Error e = {{0}};
    for (int i = 0; i < 2; i++) {
        bool stops = i == 1;
        Recipe r = read_recipe(sum_recipe);
        Trainer *t = create_trainer(&r);
        cr_assert_eq(run_open(t, i ? other : run, &e), 0, "%s", e.text);
        cr_assert_eq(run_train(t, i ? other : run, change_rate, &stops, &e), stops ? RUN_STOPPED : RUN_FINISHED, "%s", e.text);
        trainer_free(t);
        recipe_free(&r);
    }
    Recipe r;
    cr_assert_eq(run_recipe(&r, run, &e), 0, "%s", e.text);
    cr_assert_eq(r.schedule.change_count, 2);
    cr_expect(r.schedule.changes[0].step == 5 && r.schedule.changes[0].factor == 2);
    cr_expect(r.schedule.changes[1].step == 12 && r.schedule.changes[1].factor == 0.25);
    real *changed = train(r.source, 2, &count);
    cr_expect(memcmp(changed, unchanged, count * sizeof *changed) != 0, "the changes did nothing");
    recipe_free(&r);
    finish_run(sum_recipe, other, 12, changed);
    Model *m = model_open(run, NULL, &e);
    cr_assert(m, "%s", e.text);
    for (size_t i = 0, at = 0; i < m->weights.count; at += m->weights.items[i++].count)
        cr_assert_arr_eq(weight_plain(&m->weights.items[i]), changed + at, m->weights.items[i].count * sizeof *changed, "%s", m->weights.items[i].name);
    model_free(m);
    free(changed);
    free(unchanged);
    help_remove(folder);
}

static bool pause_once(void *context, Trainer *t, const RunProgress *p)
{
    double *left = context;
    if (p->step == 2)
        nanosleep(&(struct timespec){1, 200000000}, NULL);
    *left = p->seconds_left;
    return p->step < 3 && trainer_steps(t) < 3;
}

Test(train, a_small_loss_is_not_written_as_zero)
{
    char loss[RUN_LOSS_TEXT];
    cr_expect_str_eq(run_loss_text(2.71828, loss), "2.7183");
    cr_expect_str_eq(run_loss_text(0.001, loss), "0.0010");
    cr_expect_str_eq(run_loss_text(0.00002134, loss), "2.13e-05");
    cr_expect_str_eq(run_loss_text(0, loss), "0.0000");
}

/* 27 steps of a millisecond are left; with the pause in their pace they would be ten seconds. */
Test(train, a_pause_is_no_part_of_the_pace)
{
    char folder[64], run[80], text[RUN_LEFT_TEXT];
    double left = -1;
    snprintf(run, sizeof run, "%s/run", help_folder(folder));
    Recipe r = read_recipe(sum_recipe);
    Trainer *t = create_trainer(&r);
    Error e = {{0}};
    cr_assert_eq(run_open(t, run, &e), 0, "%s", e.text);
    cr_assert_eq(run_train(t, run, pause_once, &left, &e), RUN_STOPPED, "%s", e.text);
    cr_expect(left >= 0 && left < 5, "%g seconds left", left);
    cr_expect_str_eq(run_left_text(64.6, text), "1:05");
    cr_expect_str_eq(run_left_text(7265, text), "2:01:05");
    cr_expect_str_eq(run_left_text(INFINITY, text), "0:00");
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

/* A kill leaves the checkpoint of every seventh step. */
Test(train, a_killed_run_goes_on_from_its_last_checkpoint)
{
    char folder[64], run[80];
    size_t count, calls = 0;
    real *whole = train(sum_recipe, 1, &count);
    snprintf(run, sizeof run, "%s/run", help_folder(folder));
    Recipe r = read_recipe(sum_recipe);
    Trainer *t = create_trainer(&r);
    Error e = {{0}};
    cr_assert_eq(run_open(t, run, &e), 0, "%s", e.text);
    struct rlimit before, small;
    /* From step 8 on no file can be written: as good as a full disk. */
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(run_train(t, run, stop_after_15, &calls, &e), RUN_STOPPED);
    small.rlim_cur = 1000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    RunEnd end = run_train(t, run, NULL, NULL, &e);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    cr_assert_eq(end, RUN_FAILED);
    assert_says(e, "checkpoint.safetensors: cannot be written");
    cr_assert_eq(trainer_steps(t), 21);
    trainer_free(t);
    recipe_free(&r);
    finish_run(sum_recipe, run, 15, whole);
    free(whole);
    help_remove(folder);
}

/* ---- padding ---- */

static Ids copy_ids(const Ids *ids, size_t n, int filling)
{
    Ids copy = {0};
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(ids_add(&copy, i < ids->len ? ids->data[i] : filling, NULL), 0);
    return copy;
}

static double distance(const real *a, const real *b, size_t n)
{
    double worst = 0, size = 0;
    for (size_t i = 0; i < n; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)a[i]));
    }
    return worst / size;
}

/* The sequences of a step are of different lengths: there is something to pad. */
static void check_lengths(const Examples *x, const Recipe *r, size_t step)
{
    TaskExample one = {0};
    size_t least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < r->batch; i++) {
        cr_assert_eq(examples_draw(x, r->data_seed, TASK_TRAIN, step * r->batch + i, &one, NULL), 0);
        least = one.source.len < least ? one.source.len : least;
        most = one.source.len > most ? one.source.len : most;
    }
    cr_assert_lt(least, most);
    task_example_free(&one);
}

/* One step's gradient with and without "pad_batch". */
static void compare_padding(const char *config)
{
    char text[2][1024];
    real *gradients[2];
    BatchResult results[2];
    Error e = {{0}};
    size_t total = 0;
    for (int i = 0; i < 2; i++) {
        snprintf(text[i], sizeof text[i], "{\"task\": \"zh-en\", \"config\": {%s}, \"steps\": 8, \"batch\": 9, \"pad_batch\": %s, " QUICK "}", config,
                 i ? "true" : "false");
        Recipe r = read_recipe(text[i]);
        Trainer *t = create_trainer(&r);
        Batch *b = batch_create(trainer_model(t), &r, trainer_examples(t), &e);
        cr_assert(b, "%s", e.text);
        cr_assert_eq(batch_run(b, 3, &results[i], &e), 0, "%s", e.text);
        check_lengths(trainer_examples(t), &r, 3);
        total = trainer_model(t)->weights.total;
        gradients[i] = malloc(total * sizeof **gradients);
        memcpy(gradients[i], batch_gradient(b), total * sizeof **gradients);
        batch_free(b);
        trainer_free(t);
        recipe_free(&r);
    }
    cr_expect_eq(results[0].counted, results[1].counted);
    cr_expect_eq(results[0].tokens, results[1].tokens);
    cr_expect_float_eq(results[0].loss, results[1].loss, REAL_IS_DOUBLE ? 1e-12 : 1e-5, "%s: loss %g and %g", config, results[0].loss,
                       results[1].loss);
    double off = distance(gradients[0], gradients[1], total);
    cr_expect_leq(off, REAL_IS_DOUBLE ? 1e-12 : 2e-5, "%s: gradients differ by %g", config, off);
    free(gradients[0]);
    free(gradients[1]);
}

Test(train, a_padded_batch_has_the_same_gradient)
{
    compare_padding(SMALL_PAIR);
    compare_padding(SMALL_PAIR ", \"position\": \"rope\"");
    compare_padding(SMALL_PAIR ", \"position\": \"alibi\"");
}

/* Padding behind, in front and in the middle is hidden from every query that sees anything else; no row is empty. */
Test(train, padding_is_hidden_and_no_row_is_empty)
{
    const int ids[] = {7, 7, 3, 7, 5, 7}, source_ids[] = {7, 7};
    Error e = {{0}};
    Model *m = model_open("random:kind=encoder-decoder,d_model=8,n_heads=2,encoder_layers=1,decoder_layers=1,vocab_size=9,pad=7", NULL, &e);
    Pass *p = pass_create(m, (PassInput){source_ids, ids, 2, 6}, 0, &e);
    cr_assert(p, "%s", e.text);
    const Plan *plan = pass_plan(p);
    int self = plan_find(plan, "decoder.0.self.weights"), cross = plan_find(plan, "decoder.0.cross.weights");
    const real *w = pass_value(p, (size_t)self), *c = pass_value(p, (size_t)cross);
    for (size_t head = 0; head < 2; head++)
        for (size_t q = 0; q < 6; q++) {
            double sum = 0;
            for (size_t k = 0; k < 6; k++) {
                real x = w[(head * 6 + q) * 6 + k];
                bool visible = k <= q && (ids[k] != 7 || q < 2);
                cr_expect_eq(x > 0, visible, "query %zu, key %zu: %g", q, k, (double)x);
                cr_expect_eq(pass_sees(p, &plan->stages[self], q, k), visible);
                sum += (double)x;
            }
            cr_expect_float_eq(sum, 1, 1e-6);
            cr_expect(c[(head * 6 + q) * 2] > 0 && c[(head * 6 + q) * 2 + 1] > 0, "a source of nothing but padding is read");
        }
    pass_free(p);
    model_free(m);
}

/* The same with a cache of keys and values, token by token. */
Test(train, padding_is_hidden_in_a_cache)
{
    const int ids[] = {7, 7, 3, 7, 5, 7}, source_ids[] = {7, 2};
    Error e = {{0}};
    Model *m = model_open("random:kind=encoder-decoder,d_model=8,n_heads=2,encoder_layers=1,decoder_layers=2,vocab_size=9,pad=7", NULL, &e);
    Pass *p = pass_create(m, (PassInput){source_ids, ids, 2, 6}, 0, &e);
    Decoding *d = decoding_create(m, source_ids, 2, 6, 0, &e);
    const real *whole = pass_value(p, pass_plan(p)->count - 2), *logits;
    for (size_t t = 0; t < 6; t++) {
        cr_assert_eq(decoding_feed(d, ids + t, 1, &logits, &e), 0, "%s", e.text);
        cr_expect_leq(distance(whole + t * 9, logits, 9), REAL_IS_DOUBLE ? 1e-12 : 1e-5, "token %zu", t);
    }
    decoding_free(d);
    pass_free(p);
    model_free(m);
}

/* A token that is padding and the end at once is read like any other. */
Test(train, an_end_token_is_not_hidden)
{
    const int ids[] = {3, 7, 5};
    Error e = {{0}};
    Model *m = model_open("random:kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=9,pad=7,eos=7", NULL, &e);
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 3}, 0, &e);
    const real *w = pass_value(p, (size_t)plan_find(pass_plan(p), "decoder.0.self.weights"));
    cr_assert(w[2 * 3 + 1] > 0);
    pass_free(p);
    model_free(m);
}

/* ---- a pass that is fed again ---- */

Test(train, a_pass_that_is_fed_again_is_as_good_as_a_new_one)
{
    const int a[] = {1, 5, 2, 8}, b[] = {3, 3, 4, 5, 6, 1, 2, 0, 8}, source_ids[] = {4, 1, 7};
    const struct {
        PassInput in;
        const int targets[9];
    } inputs[] = {{{source_ids, a, 3, 4}, {5, 2, 8, 1}},
                  {{source_ids, b, 1, 9}, {3, 4, -1, 6, 1, 2, 0, 8, 8}},
                  {{source_ids, a, 2, 2}, {5, 2}},
                  {{source_ids, b, 2, 9}, {3, 4, 5, 6, 1, 2, 0, 8, 8}}};
    Error e = {{0}};
    Model *m = model_open("random:kind=encoder-decoder,d_model=8,n_heads=2,encoder_layers=1,decoder_layers=2,vocab_size=9", NULL, &e);
    Pass *again = pass_create(m, inputs[0].in, 0, &e);
    for (size_t i = 0; i < 4; i++) {
        Pass *fresh = pass_create(m, inputs[i].in, 0, &e);
        double loss[2];
        size_t n = inputs[i].in.target_len;
        cr_assert(again && fresh, "%s", e.text);
        cr_assert_eq(pass_feed(again, inputs[i].in, &e), 0, "%s", e.text);
        cr_assert_null(pass_gradient(again, 0), "of other ids");
        cr_assert_eq(pass_backward(again, inputs[i].targets, n, &loss[0], &e), 0, "%s", e.text);
        cr_assert_eq(pass_backward(fresh, inputs[i].targets, n, &loss[1], &e), 0, "%s", e.text);
        cr_assert_eq(loss[0], loss[1]);
        cr_assert_eq(pass_plan(again)->total, pass_plan(fresh)->total);
        for (size_t s = 0; s < pass_plan(fresh)->count; s++) {
            size_t bytes = pass_plan(fresh)->stages[s].count * sizeof(real);
            cr_expect_arr_eq(pass_value(again, s), pass_value(fresh, s), bytes, "input %zu, stage %zu", i, s);
            cr_expect_arr_eq(pass_gradient(again, s), pass_gradient(fresh, s), bytes, "input %zu, stage %zu", i, s);
        }
        for (size_t w = 0; w < m->weights.count; w++)
            cr_expect_arr_eq(pass_weight_gradient(again, w), pass_weight_gradient(fresh, w), m->weights.items[w].count * sizeof(real));
        pass_free(fresh);
    }
    const int wrong[] = {1, 99};
    cr_assert_eq(pass_feed(again, (PassInput){source_ids, wrong, 3, 2}, &e), -1);
    assert_says(e, "found 99");
    pass_free(again);
    model_free(m);
}

/* What dropout did to the stages of one sequence. */
typedef struct Dropped {
    Pass *whole; /* without dropout */
    StageKind first;
    size_t zeros, numbers, scaled;
    bool kinds[STAGE_KIND_COUNT];
} Dropped;

/* The embeddings' sum, or their norm, is the first place, where the number that was dropped is known. */
static void count_dropped(void *context, const Stage *s, bool backward, const real *value, size_t count)
{
    Dropped *d = context;
    char name[STAGE_NAME_MAX];
    if (backward)
        return;
    const real *whole = pass_value(d->whole, (size_t)plan_find(pass_plan(d->whole), stage_name(s, name)));
    size_t zeros = 0;
    for (size_t k = 0; k < count; k++)
        zeros += value[k] == 0 && whole[k] != 0;
    d->kinds[s->kind] |= zeros > 0;
    if (s->kind != d->first || s->sub != SUB_EMBED)
        return;
    for (size_t k = 0; k < count; k++)
        d->scaled += fabs((double)value[k] * 0.75 - (double)whole[k]) <= 1e-6 * fabs((double)whole[k]);
    d->zeros += zeros;
    d->numbers += count;
}

static void check_dropout(const char *config, StageKind first)
{
    enum { T = 200 };
    int ids[T], targets[T];
    Error e = {{0}};
    double loss[3] = {0};
    Model *m = model_open(config, NULL, &e);
    cr_assert(m, "%s", e.text);
    for (int i = 0; i < T; i++)
        targets[i] = ids[i] = i % 9;
    PassInput in = m->config.kind == KIND_ENCODER ? (PassInput){ids, NULL, T, 0} : (PassInput){NULL, ids, 0, T};
    Dropped d = {.whole = pass_create(m, in, 0, &e), .first = first};
    Bundle *u = bundle_create(m, 0, &e);
    real *block = calloc(m->weights.total, sizeof *block), **gradients = calloc(m->weights.count, sizeof *gradients);
    for (size_t i = 0, at = 0; i < m->weights.count; at += m->weights.items[i++].count)
        gradients[i] = block + at;
    BundleTraining t = {.dropout = 0.25, .gradients = gradients, .watch = count_dropped, .context = &d};
    for (int i = 0; i < 3; i++) {
        bundle_clear(u);
        cr_assert_eq(bundle_add(u, in, targets, T, i == 2 ? 2 : 1, &e), 0, "%s", e.text);
        cr_assert_eq(bundle_run(u, &t, &loss[i], &e), 0, "%s", e.text);
    }
    cr_expect_eq(loss[0], loss[1], "the same seed drops the same numbers");
    cr_expect_neq(loss[0], loss[2]);
    cr_expect_float_eq((double)d.zeros / (double)d.numbers, 0.25, 0.015, "%zu of %zu", d.zeros, d.numbers);
    cr_expect_eq(d.zeros + d.scaled, d.numbers);
    for (int k = 0; k < STAGE_KIND_COUNT; k++) /* a residual is 0 where both of its parts were dropped */
        cr_expect_eq(d.kinds[k], k == STAGE_RESIDUAL || (StageKind)k == first || k == STAGE_OUT || k == STAGE_CONTRACT, "%s: %s", config,
                     stage_table[k].id);
    bundle_free(u);
    pass_free(d.whole);
    free(block);
    free(gradients);
    model_free(m);
}

Test(train, dropout_sets_its_share_to_zero_and_scales_the_rest)
{
    check_dropout("random:kind=decoder,d_model=32,n_heads=2,decoder_layers=1,vocab_size=9", STAGE_SUM);
    check_dropout("random:kind=decoder,d_model=32,n_heads=2,decoder_layers=1,vocab_size=9,position=rope", STAGE_TOKENS);
    check_dropout("random:kind=encoder,d_model=32,n_heads=2,encoder_layers=1,vocab_size=9,token_types=2", STAGE_TYPED);
    check_dropout("random:kind=encoder,d_model=32,n_heads=2,encoder_layers=1,vocab_size=9,token_types=2,embed_norm=true", STAGE_NORM);
}

Test(train, a_bundle_refuses_what_does_not_suit_the_model)
{
    const int ids[] = {1, 2, 3, 4, 5}, high[] = {1, 99};
    Error e = {{0}};
    Model *m = model_open("random:kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=9,position=learned,max_len=4", NULL, &e);
    Bundle *u = bundle_create(m, 0, &e);
    BundleTraining t = {0};
    double sum;
    cr_expect_eq(bundle_run(u, &t, &sum, &e), -1);
    assert_says(e, "at least one sequence");
    cr_expect_eq(bundle_add(u, (PassInput){NULL, ids, 0, 5}, ids, 5, 0, &e), -1);
    assert_says(e, "at most 4 tokens");
    cr_expect_eq(bundle_add(u, (PassInput){NULL, high, 0, 2}, ids, 2, 0, &e), -1);
    assert_says(e, "found 99");
    cr_expect_eq(bundle_add(u, (PassInput){NULL, ids, 0, 2}, high, 2, 0, &e), -1);
    assert_says(e, "found 99");
    cr_expect_eq(bundle_add(u, (PassInput){NULL, ids, 0, 2}, ids, 3, 0, &e), -1);
    assert_says(e, "expected 2 ids");
    bundle_free(u);
    model_free(m);
}

/* ---- it learns, it breaks down ---- */

static void write_text(const char *path, const char *piece, int times)
{
    FILE *f = fopen(path, "w");
    cr_assert(f);
    for (int i = 0; i < times; i++)
        fputs(piece, f);
    fclose(f);
}

#define TEXT_RECIPE(keys)                                                                                                                  \
    "{\"task\": \"text\", \"text\": \"book.txt\", \"config\": {" SMALL_DECODER                                                             \
    ", \"position\": \"rope\", \"split\": \"characters\"}, \"length\": 12, \"batch\": 8, " keys "}"

static Recipe text_recipe(const char *folder, const char *text)
{
    Recipe r;
    Error e = {{0}};
    help_write(folder, "recipe.json", text, strlen(text));
    cr_assert_eq(recipe_open(&r, folder_file(folder, "recipe.json"), &e), 0, "%s", e.text);
    return r;
}

Test(train, a_pattern_is_learned)
{
    char folder[64];
    Eval before, after;
    Error e = {{0}};
    help_folder(folder);
    write_text(folder_file(folder, "book.txt"), "the cat sat on the mat. ", 40);
    Recipe r = text_recipe(folder, TEXT_RECIPE("\"steps\": 150, \"lr\": 0.02, \"warmup\": 10, \"eval_every\": 0, \"eval_examples\": 20"));
    Trainer *t = create_trainer(&r);
    cr_assert_eq(trainer_evaluate(t, &before, &e), 0, "%s", e.text);
    take_steps(t, 150);
    cr_assert_eq(trainer_evaluate(t, &after, &e), 0, "%s", e.text);
    cr_expect_gt(before.score, 6, "untrained: %g", before.score);
    cr_expect_lt(after.score, 1.6, "trained: %g", after.score);
    cr_expect_float_eq(after.score, exp(after.loss), 1e-9);
    cr_expect_eq(after.counted, 20 * 12);
    size_t n;
    const real *losses = trainer_losses(t, &n);
    cr_expect(n == 150 && (double)losses[149] < 0.3 * (double)losses[0], "%g to %g", (double)losses[0], (double)losses[149]);
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

static void expect_breakdown(const char *keys, const char *says)
{
    char folder[64], recipe[1024], run[80];
    Error e = {{0}};
    snprintf(run, sizeof run, "%s/run", help_folder(folder));
    write_text(folder_file(folder, "book.txt"), "the cat sat on the mat. ", 40);
    snprintf(recipe, sizeof recipe, TEXT_RECIPE("\"steps\": 2000, \"eval_every\": 0, %s"), keys);
    Recipe r = text_recipe(folder, recipe);
    Trainer *t = create_trainer(&r);
    cr_assert_eq(run_open(t, run, &e), 0, "%s", e.text);
    cr_assert_eq(run_train(t, run, NULL, NULL, &e), RUN_DIVERGED);
    assert_says(e, says);
    assert_says(e, "try a smaller lr");
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

/* Its loss stays as large as it began: that is no divergence. */
Test(train, a_loss_that_begins_large_goes_on)
{
    char folder[64];
    help_folder(folder);
    write_text(folder_file(folder, "book.txt"), "the cat sat on the mat. ", 40);
    Recipe r = text_recipe(folder, TEXT_RECIPE("\"steps\": 400, \"lr\": 1e-9, \"eval_every\": 0, \"init\": \"normal\", \"init_std\": 2"));
    Trainer *t = create_trainer(&r);
    take_steps(t, 300);
    cr_expect_gt(trainer_mean_loss(t, 100), 2 * log((double)r.config.vocab_size));
    take_steps(t, 10);
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

/* A gradient below the clip is left as it is; one above is made shorter, and AdamW's eps tells. */
Test(train, only_a_long_gradient_is_clipped)
{
    static const char recipe[] = "{\"task\": \"sum\", \"config\": {" SMALL_DECODER "}, \"steps\": 4, \"batch\": 3, \"lr\": 0.01, "
                                 "\"eps\": 0.01, \"clip\": %s, " QUICK "}";
    static const char *const clips[] = {"0", "1000000", "0.001"};
    real *weights[3];
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
        char text[512];
        snprintf(text, sizeof text, recipe, clips[i]);
        weights[i] = train(text, 1, &n);
    }
    cr_expect(memcmp(weights[0], weights[1], n * sizeof(real)) == 0, "a gradient that is short enough was changed");
    cr_expect_gt(distance(weights[0], weights[2], n), 1e-4);
    for (int i = 0; i < 3; i++)
        free(weights[i]);
}

Test(train, a_loss_that_breaks_down_or_diverges_stops)
{
    expect_breakdown("\"lr\": 1000, \"lr_end\": 1000, \"warmup\": 0, \"weight_decay\": 500", "training broke down");
    expect_breakdown("\"lr\": 10, \"lr_end\": 10, \"warmup\": 0, \"weight_decay\": 0", "training diverges");
}

/* ---- evaluation ---- */

/* Scoring in one pass says of each example what generating says. */
static void compare_with_generating(const char *recipe, size_t steps, Ablations a)
{
    enum { N = 40 };
    Recipe r = read_recipe(recipe);
    Trainer *t = create_trainer(&r);
    const Model *m = trainer_model(t);
    Error e = {{0}};
    Eval v;
    EvalOptions o = {.n = N, .failures = N, .ablations = a};
    size_t right = 0, listed = 0;
    take_steps(t, steps);
    cr_assert_eq(eval_run(&v, m, trainer_examples(t), &o, &e), 0, "%s", e.text);
    TaskExample x = {0};
    for (uint64_t i = 0; i < N; i++) {
        cr_assert_eq(examples_draw(trainer_examples(t), 0, TASK_HELD_OUT, i, &x, &e), 0);
        Input in = {.source = copy_ids(&x.source, x.source.len, 0), .target = copy_ids(&x.input, 1, 0)};
        GenerateOptions g = {.max_new = x.targets.len + 2, .to_end = true, .cache = !(a & NO_MASK), .sampler = {.top_p = 1}};
        cr_assert_eq(generate(m, &in, a, &g, NULL, &e), 0, "%s", e.text);
        bool same = in.target.len == x.input.len && memcmp(in.target.data, x.input.data, x.input.len * sizeof(int)) == 0;
        bool fails = listed < v.failure_count && v.failures[listed].number == i;
        cr_expect_eq(same, !fails, "example %zu", (size_t)i);
        right += same;
        listed += fails;
        input_free(&in);
    }
    cr_expect_float_eq(v.score, (double)right / N, 1e-12);
    cr_expect_eq(v.failed, N - right);
    cr_expect_eq(listed, v.failure_count);
    task_example_free(&x);
    eval_free(&v);
    trainer_free(t);
    recipe_free(&r);
}

Test(train, a_score_is_the_share_that_is_generated_right)
{
    static const char recipe[] = "{\"task\": \"zh-en\", \"config\": {" SMALL_PAIR
                                 "}, \"steps\": 200, \"batch\": 16, \"lr\": 0.01, \"warmup\": 20, \"difficulty\": 0, \"eval_every\": 0}";
    compare_with_generating(recipe, 200, 0);
    compare_with_generating(recipe, 60, NO_MASK);
    compare_with_generating(recipe, 60, NO_POSITIONS);
}

Test(train, an_evaluation_is_the_same_with_any_number_of_threads)
{
    Recipe r = read_recipe(pair_recipe);
    Trainer *t = create_trainer(&r);
    Eval v[2];
    EvalOptions o = {.n = 70, .failures = 3};
    Error e = {{0}};
    for (int i = 0; i < 2; i++) {
        matmul_set_threads(i ? 3 : 1);
        cr_assert_eq(eval_run(&v[i], trainer_model(t), trainer_examples(t), &o, &e), 0, "%s", e.text);
    }
    cr_expect(v[0].loss == v[1].loss && v[0].score == v[1].score && v[0].counted == v[1].counted);
    cr_expect(v[0].failure_count == 3 && v[1].failure_count == 3);
    for (size_t i = 0; i < 3; i++)
        cr_expect_str_eq(v[0].failures[i].answer, v[1].failures[i].answer);
    eval_free(&v[0]);
    eval_free(&v[1]);
    trainer_free(t);
    recipe_free(&r);
}

/* Where every counted target counts by itself: the share of those that are the likeliest token, and their mean loss. */
Test(train, a_score_of_targets_is_the_share_that_is_likeliest)
{
    enum { N = 12 };
    Recipe r = read_recipe("{\"task\": \"induction\", \"config\": {" SMALL_DECODER "}, \"steps\": 4, \"batch\": 6, \"lr\": 0.01, " QUICK "}");
    Trainer *t = create_trainer(&r);
    const Model *m = trainer_model(t);
    Error e = {{0}};
    Eval v;
    EvalOptions o = {.n = N, .difficulty = (int)r.difficulty};
    TaskExample x = {0};
    size_t right = 0, counted = 0, V = m->config.vocab_size;
    double sum = 0;
    take_steps(t, 4);
    cr_assert_eq(eval_run(&v, m, trainer_examples(t), &o, &e), 0, "%s", e.text);
    for (uint64_t i = 0; i < N; i++) {
        double loss;
        cr_assert_eq(examples_draw(trainer_examples(t), 0, TASK_HELD_OUT, i, &x, &e), 0);
        Pass *p = pass_create(m, (PassInput){NULL, x.input.data, 0, x.input.len}, 0, &e);
        const real *logits = pass_value(p, pass_plan(p)->count - 2);
        cr_assert_eq(pass_loss(p, x.targets.data, x.targets.len, &loss, &e), 0, "%s", e.text);
        size_t here = 0;
        for (size_t k = 0; k < x.targets.len; k++) {
            bool best = x.targets.data[k] >= 0;
            here += best;
            for (size_t j = 0; best && j < V; j++)
                best = logits[k * V + j] <= logits[k * V + (size_t)x.targets.data[k]];
            right += best;
        }
        counted += here;
        sum += loss * (double)here;
        pass_free(p);
    }
    cr_expect_gt(counted, 2 * N);
    cr_expect_eq(v.counted, counted);
    cr_expect_float_eq(v.score, (double)right / (double)counted, 1e-12);
    cr_expect_float_eq(v.loss, sum / (double)counted, 1e-9);
    task_example_free(&x);
    eval_free(&v);
    trainer_free(t);
    recipe_free(&r);
}

/* ---- initial weights ---- */

Test(train, weights_begin_as_the_recipe_says)
{
    static const char recipe[] = "{%s, \"init\": \"%s\", \"init_std\": 0.03, \"scale_residuals\": %s}";
    static const char decoder[] = "\"task\": \"sum\", \"config\": {\"d_model\": 64, \"n_heads\": 4, \"d_ff\": 256, \"decoder_layers\": 2}";
    static const char pair[] = "\"task\": \"zh-en\", \"config\": {" SMALL_PAIR "}";
    const struct {
        const char *kind, *scale, *weight;
        double deviation, most;
    } expected[] = {
        {"normal", "false", "decoder.0.self.W_Q", 0.03, 0.2},
        {"normal", "false", "decoder.embed.W_E", 0.03, 0.2},
        {"normal", "true", "decoder.1.ffn.W_2", 0.015, 0.1}, /* four sub-layers: half */
        {"normal", "true", "decoder.1.ffn.W_1", 0.03, 0.2},
        {"xavier", "false", "decoder.0.ffn.W_1", sqrt(2.0 / 320), sqrt(6.0 / 320)},
        {"xavier", "true", "decoder.0.self.W_O", 0.5 * sqrt(2.0 / 128), 0.5 * sqrt(6.0 / 128)},
        {"xavier", "false", "decoder.embed.W_E", 0.125, 0.8},
        {"normal", "true", "decoder.0.cross.W_O", 0.03 / sqrt(3), 0.1}, /* of three sub-layers */
        {"normal", "true", "encoder.0.ffn.W_2", 0.03 / sqrt(2), 0.1},
    };
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++) {
        char text[512];
        bool both = strstr(expected[k].weight, "cross") || strncmp(expected[k].weight, "encoder", 7) == 0;
        snprintf(text, sizeof text, recipe, both ? pair : decoder, expected[k].kind, expected[k].scale);
        Recipe r = read_recipe(text);
        Trainer *t = create_trainer(&r);
        const Weights *weights = &trainer_model(t)->weights;
        const Weight *w = &weights->items[weights_find(weights, expected[k].weight)];
        double squares = 0, most = 0;
        for (size_t i = 0; i < w->count; i++) {
            squares += (double)weight_plain(w)[i] * (double)weight_plain(w)[i];
            most = fmax(most, fabs((double)weight_plain(w)[i]));
        }
        double found = sqrt(squares / (double)w->count);
        cr_expect_float_eq(found, expected[k].deviation, 0.1 * expected[k].deviation, "%s: %g", w->name, found);
        cr_expect(most <= expected[k].most && most > expected[k].deviation * 1.5, "%s: %g", w->name, most);
        for (size_t i = 0; i < weights->count; i++) {
            const Weight *v = &weights->items[i];
            for (size_t j = 0; v->rank == 1 && j < v->count; j++)
                cr_expect_eq((double)weight_plain(v)[j], strstr(v->name, "gain") ? 1 : 0, "%s", v->name);
        }
        trainer_free(t);
        recipe_free(&r);
    }
}

/* ---- a text of one's own ---- */

static Trainer *text_trainer(Recipe *r, const char *path, SplitKind split)
{
    Error e = {{0}};
    cr_assert_eq(recipe_for_text(r, path, split, &e), 0, "%s", e.text);
    Trainer *t = trainer_create(r, path, &e);
    cr_assert(t, "%s", e.text);
    return t;
}

Test(train, a_text_becomes_characters_or_words)
{
    static const char piece[] = "“Well,” said 他: it's (not) 1.5!\n\n...and\tthe end.\r\n";
    static const char *const words[] = {"“", "Well", ",", "”", "said", "他", ":", "it's", "(", "not", ")", "1.5", "!", ".", "and", "the", "end"};
    char folder[64];
    help_folder(folder);
    write_text(folder_file(folder, "book.txt"), piece, 80);
    char path[256];
    snprintf(path, sizeof path, "%s", folder_file(folder, "book.txt"));

    Recipe r;
    Trainer *t = text_trainer(&r, path, SPLIT_WORDS);
    const Vocab *v = trainer_model(t)->vocab;
    cr_expect_eq(vocab_size(v), sizeof words / sizeof *words);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        cr_expect_geq(vocab_find(v, words[i]), 0, "%s", words[i]);
    trainer_free(t);
    recipe_free(&r);

    t = text_trainer(&r, path, SPLIT_CHARACTERS);
    v = trainer_model(t)->vocab;
    cr_expect(vocab_find(v, "\n") >= 0 && vocab_find(v, "\t") >= 0 && vocab_find(v, "他") >= 0 && vocab_find(v, "\r") < 0);
    TaskExample x = {0}, y = {0};
    Error e = {{0}};
    cr_assert_eq(examples_draw(trainer_examples(t), 5, TASK_TRAIN, 7, &x, &e), 0);
    cr_assert_eq(examples_draw(trainer_examples(t), 5, TASK_TRAIN, 7, &y, &e), 0);
    cr_expect(x.input.len == r.length && x.targets.len == r.length && memcmp(x.input.data, y.input.data, x.input.len * sizeof(int)) == 0);
    cr_expect_eq(memcmp(x.input.data + 1, x.targets.data, (r.length - 1) * sizeof(int)), 0, "the next token is the target");
    task_example_free(&x);
    task_example_free(&y);
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

/* Nine tenths of one letter, the last tenth of another: no example mixes them. */
Test(train, the_end_of_a_text_is_held_out)
{
    char folder[64], path[256];
    FILE *f;
    help_folder(folder);
    snprintf(path, sizeof path, "%s", folder_file(folder, "book.txt"));
    cr_assert(f = fopen(path, "w"));
    for (int i = 0; i < 2000; i++)
        fputc(i < 1800 ? 'a' : 'b', f);
    fclose(f);
    Recipe r;
    Trainer *t = text_trainer(&r, path, SPLIT_CHARACTERS);
    TaskExample x = {0};
    for (int side = 0; side < 2; side++)
        for (uint64_t i = 0; i < 300; i++) {
            cr_assert_eq(examples_draw(trainer_examples(t), 1, side ? TASK_HELD_OUT : TASK_TRAIN, i, &x, NULL), 0);
            for (size_t k = 0; k < x.input.len; k++)
                cr_assert(x.input.data[k] == side && x.targets.data[k] == side);
        }
    task_example_free(&x);
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

Test(train, rare_words_are_unknown_and_bad_texts_are_refused)
{
    char folder[64], path[256];
    Error e = {{0}};
    Recipe r;
    FILE *f;
    help_folder(folder);
    snprintf(path, sizeof path, "%s", folder_file(folder, "book.txt"));
    cr_assert(f = fopen(path, "w"));
    for (int i = 0; i < 5000; i++)
        fprintf(f, "often w%d ", i);
    fclose(f);
    Trainer *t = text_trainer(&r, path, SPLIT_WORDS);
    const Vocab *v = trainer_model(t)->vocab;
    cr_expect_eq(vocab_size(v), 4096);
    cr_expect_geq(vocab_find(v, "often"), 0);
    cr_expect_eq(vocab_special(v, TOKEN_UNK), 4095);
    trainer_free(t);
    recipe_free(&r);

    const struct {
        const char *text, *says;
    } bad[] = {{"too short", "expected at least 660 tokens"}, {"", "nothing to learn from"}, {"a\x01z", "line 1: expected text, found the control character 0x01"}, {"\xff\xfe", "expected UTF-8"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        help_write(folder, "book.txt", bad[i].text, strlen(bad[i].text));
        cr_assert_eq(recipe_for_text(&r, path, SPLIT_CHARACTERS, &e), 0, "%s", e.text);
        cr_assert_null(trainer_create(&r, path, &e), "%s", bad[i].text);
        assert_says(e, bad[i].says);
        assert_says(e, "book.txt");
        recipe_free(&r);
    }
    cr_assert_eq(recipe_for_text(&r, "/no/such/book", SPLIT_WORDS, &e), -1);
    assert_says(e, "/no/such/book");
    help_remove(folder);
}

/* ---- recipes that are refused ---- */

Test(train, a_short_recipe_has_a_short_warmup)
{
    const struct {
        const char *text;
        size_t warmup;
    } recipes[] = {{"{\"task\": \"sum\", \"steps\": 50}", 5}, {"{\"task\": \"sum\", \"steps\": 50, \"warmup\": 20}", 20}, {"{\"task\": \"sum\", \"steps\": 5000}", 100}};
    for (size_t i = 0; i < 3; i++) {
        Recipe r = read_recipe(recipes[i].text);
        cr_expect_eq(r.schedule.warmup, recipes[i].warmup, "%s", recipes[i].text);
        recipe_free(&r);
    }
}

Test(train, a_bad_recipe_is_refused)
{
    const struct {
        const char *text, *says;
    } bad[] = {
        {"{\"task\": \"sum\", \"batchs\": 3}", "recipe.json: \"batchs\": expected a key of a recipe, found an unknown one; nearest: \"batch\""},
        {"{\"task\": \"sum\", \"config\": {\"d_modle\": 3}}", "recipe.json: config: \"d_modle\": expected a key of stepformer's config, found an unknown one; nearest: \"d_model\""},
        {"{\"task\": \"sum\", \"batch\": \"many\"}", "recipe.json: batch: expected an integer from 1 to 65536, found \"many\""},
        {"{\"task\": \"sum\", \"batch\": 0}", "found 0"},
        {"{\"task\": \"sum\", \"batch\": 1.5}", "found 1.5"},
        {"{\"task\": \"sum\", \"lr\": -1}", "lr: expected a number from 0 to 1000, found -1"},
        {"{\"task\": \"sum\", \"lr\": null}", "lr: expected a number from 0 to 1000, found null"},
        {"{\"task\": \"sum\", \"dropout\": 1}", "dropout: expected a number from 0 to 0.95, found 1"},
        {"{\"task\": \"sum\", \"pad_batch\": 1}", "pad_batch: expected true or false, found 1"},
        {"{\"task\": \"sum\", \"init\": \"zeros\"}", "init: expected \"xavier\" or \"normal\", found \"zeros\""},
        {"{\"task\": \"sum\", \"config\": []}", "config: expected an object"},
        {"{\"task\": \"sum\", \"data_seed\": -3}", "data_seed: expected an integer of at least 0, found -3"},
        {"{\"task\": \"sum\", \"ablations\": \"no-residual\"}", "ablations: expected an array"},
        {"{\"task\": \"sum\", \"ablations\": [\"no-residuals\"]}", "ablations: "},
        {"{\"task\": \"sum\", \"ablations\": [\"no-mask\"]}", "found no-mask"},
        {"{\"task\": \"sum\", \"steps\": 10, \"warmup\": 11}", "warmup: expected at most steps (10), found 11"},
        {"{\"task\": \"sum\", \"lr\": 0.1, \"lr_end\": 0.2}", "lr_end: expected at most lr (0.1), found 0.2"},
        {"{\"task\": \"sum\", \"lr_changes\": 3}", "lr_changes: expected at most 64 changes such as [[100, 2]], twice the rate from step 100 on, found 3"},
        {"{\"task\": \"sum\", \"lr_changes\": [[5, 2], [5, 3]]}", "lr_changes: expected [step, factor] with a step of at least 6 at place 2"},
        {"{\"task\": \"sum\", \"lr_changes\": [5, 2]}", "at place 1, found 5"},
        {"{\"task\": \"sum\", \"lr_changes\": [[5, -2]]}", "lr_changes: expected a factor from 0 to 1e+06 at place 1, found -2"},
        {"{\"task\": \"sum\", \"steps\": 10, \"steps\": 11}", "line 1"},
        {"{\"task\": \"sum\"", "expected JSON"},
        {"{\"task\": 7}", "task: expected a text, found 7"},
        {"{\"batch\": 7}", "task: expected the name of a task, found none"},
        {"{\"task\": \"text\"}", "text: expected a file"},
        {"{\"task\": \"sum\", \"text\": \"x\"}", "text: expected no file"},
        {"[]", "expected an object"},
        {"", "expected JSON"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Recipe r;
        Error e = {{0}};
        cr_assert_eq(recipe_read(&r, bad[i].text, strlen(bad[i].text), "recipe.json", &e), -1, "%s", bad[i].text);
        assert_says(e, bad[i].says);
        assert_says(e, "recipe.json");
    }
}

Test(train, a_task_that_does_not_suit_the_model_is_refused)
{
    const struct {
        const char *text, *says;
    } bad[] = {
        {"{\"task\": \"summ\"}", "recipe.json: task: expected zh-en, story, induction, sum, mask, recall, or text, found \"summ\"; nearest: \"sum\""},
        {"{\"task\": \"sum\", \"config\": {\"vocab_size\": 7}}", "config: vocab_size: expected "},
        {"{\"task\": \"sum\", \"config\": {\"kind\": \"encoder\"}}", "config: kind: expected \"decoder\", which the task sum needs, found \"encoder\""},
        {"{\"task\": \"sum\", \"config\": {\"position\": \"learned\", \"max_len\": 3}}", "config: max_len: expected at least "},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Recipe r = read_recipe(bad[i].text);
        Error e = {{0}};
        Trainer *t = trainer_create(&r, "recipe.json", &e);
        cr_expect_null(t, "%s", bad[i].text);
        if (!t)
            assert_says(e, bad[i].says);
        trainer_free(t);
        recipe_free(&r);
    }
}

/* ---- folders that are refused ---- */

static void expect_refused(const char *recipe, const char *folder, const char *says)
{
    Recipe r = read_recipe(recipe);
    Trainer *t = create_trainer(&r);
    Error e = {{0}};
    cr_assert_eq(run_open(t, folder, &e), -1, "%s: %s", folder, says);
    assert_says(e, says);
    assert_says(e, folder);
    trainer_free(t);
    recipe_free(&r);
}

static void begin_run(const char *recipe, const char *folder)
{
    Recipe r = read_recipe(recipe);
    Trainer *t = create_trainer(&r);
    Error e = {{0}};
    cr_assert_eq(run_open(t, folder, &e), 0, "%s", e.text);
    trainer_free(t);
    recipe_free(&r);
}

Test(train, a_folder_that_is_something_else_is_refused)
{
    char folder[64], run[80], other[1024];
    help_folder(folder);
    snprintf(run, sizeof run, "%s/none/run", folder);
    expect_refused(sum_recipe, run, "cannot be created: No such file or directory");
    help_write(folder, "file", "x", 1);
    snprintf(run, sizeof run, "%s/file", folder);
    expect_refused(sum_recipe, run, "expected a new folder or an unfinished run of this recipe, found a file");
    expect_refused(sum_recipe, folder, "found something else there");

    /* An unfinished run of this recipe, and of another; the order and spacing of its keys do not matter. */
    snprintf(run, sizeof run, "%s/run", folder);
    begin_run(sum_recipe, run);
    begin_run(sum_recipe, run);
    snprintf(other, sizeof other, "{\"data_seed\": 2, %s", sum_recipe + 1);
    expect_refused(other, run, "expected a checkpoint of this recipe, found one of another");
    expect_refused(pair_recipe, run, "checkpoint");

    /* Other changes of the rate than those the run had. */
    snprintf(other, sizeof other, "{\"lr_changes\": [[2, 4]], %s", sum_recipe + 1);
    expect_refused(other, run, "expected a run of this recipe, found one with other lr_changes");

    /* Killed before its first checkpoint: begun again. */
    unlink(folder_file(run, "checkpoint.safetensors"));
    unlink(folder_file(run, "model.safetensors"));
    begin_run(sum_recipe, run);
    cr_assert(has_file(run, "checkpoint.safetensors"));

    /* A damaged checkpoint. */
    help_write(run, "checkpoint.safetensors", "\x10\0\0\0\0\0\0\0{}", 10);
    expect_refused(sum_recipe, run, "checkpoint.safetensors");

    /* Finished. */
    unlink(folder_file(run, "checkpoint.safetensors"));
    expect_refused(sum_recipe, run, "found a model");
    help_remove(folder);
}

Test(train, the_text_is_part_of_the_recipe)
{
    char folder[64], run[80], path[256];
    Error e = {{0}};
    Recipe r;
    snprintf(run, sizeof run, "%s/run", help_folder(folder));
    snprintf(path, sizeof path, "%s", folder_file(folder, "book.txt"));
    write_text(path, "the cat sat on the mat. ", 40);
    Trainer *t = text_trainer(&r, path, SPLIT_CHARACTERS);
    cr_assert_eq(run_open(t, run, &e), 0, "%s", e.text);
    cr_assert(has_file(run, "text.txt"));
    trainer_free(t);
    recipe_free(&r);

    /* The recipe that was kept beside the model names the text that was. */
    cr_assert_eq(run_recipe(&r, run, &e), 0, "%s", e.text);
    t = create_trainer(&r);
    cr_assert_eq(run_open(t, run, &e), 0, "%s", e.text);
    trainer_free(t);
    recipe_free(&r);

    write_text(path, "the cat sat on the hat. ", 40);
    t = text_trainer(&r, path, SPLIT_CHARACTERS);
    cr_assert_eq(run_open(t, run, &e), -1);
    assert_says(e, "expected a checkpoint of this recipe, found one of another");
    trainer_free(t);
    recipe_free(&r);
    help_remove(folder);
}

/* The one form that a task's examples have: each example has it, and so has its beginning; other ids have not, whatever vocabulary they are of. */
Test(train, a_form_is_that_of_the_examples)
{
    static const char *const names[] = {"sum", "recall"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
        const Task *task = task_find(names[k]);
        cr_assert(task && task->has_form && task->form, "%s", names[k]);
        TaskExample x = {0};
        Error e = {{0}};
        Random r = random_seeded(7);
        for (int i = 0; i < 50; i++) {
            cr_assert_eq(task->draw(&r, TASK_TRAIN, 0, &x, &e), 0, "%s", e.text);
            for (size_t n = 1; n <= x.input.len; n++)
                cr_assert(task->has_form(x.input.data, n), "%s: the first %zu ids of an example", names[k], n);
        }
        for (size_t i = 0; i < x.input.len; i++) {
            int before = x.input.data[i];
            x.input.data[i] = 1 << 20;
            cr_assert_not(task->has_form(x.input.data, x.input.len), "%s: id %zu is of no vocabulary", names[k], i);
            x.input.data[i] = before;
        }
        task_example_free(&x);
    }
}
