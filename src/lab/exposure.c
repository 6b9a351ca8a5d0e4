/* exposure.c - a translator fed with the right words, and with its own: exposure bias, scheduled sampling, beam search.
 *
 * Owns the measurements, on the shipped zh-en. Training with teacher forcing shows a model only right beginnings; in use it reads what it
 * said itself. */
#include "lab/beam.h"
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DISTANCES = 6, ROWS_MAX = 512 };

/* A model and a pass over it that is fed again and again. */
typedef struct Reader {
    const Model *model;
    Pass *pass;
} Reader;

static const real *read_logits(Reader *r, const TaskExample *x, const int *input, size_t n, Error *e)
{
    PassInput in = {x->source.data, input, x->source.len, n};
    if (r->pass ? pass_feed(r->pass, in, e) != 0 : !(r->pass = pass_create(r->model, in, 0, e)))
        return NULL;
    return setup_logits(r->pass);
}

/* ---- own output beside the right answer ---- */

typedef struct Own {
    size_t sentences, wrong;
    size_t words, right_given, right_own; /* of all words */
    size_t after, after_given, after_own; /* of the words after the first mistake */
} Own;

/* What is said word by word when the model reads its own words; as many as the right answer has. */
static int say(Reader *r, const TaskExample *x, int *said, Error *e)
{
    int input[ROWS_MAX];
    size_t n = x->targets.len, vocab = r->model->config.vocab_size;
    input[0] = x->input.data[0];
    for (size_t t = 0; t < n; t++) {
        const real *logits = read_logits(r, x, input, t + 1, e);
        if (!logits)
            return -1;
        said[t] = (int)setup_largest(logits + t * vocab, vocab);
        if (t + 1 < n)
            input[t + 1] = said[t];
    }
    return 0;
}

static int add_sentence(Own *o, Reader *r, const TaskExample *x, Error *e)
{
    int said[ROWS_MAX];
    size_t n = x->targets.len, vocab = r->model->config.vocab_size, first = n;
    bool right[ROWS_MAX];
    const real *logits = n <= ROWS_MAX ? read_logits(r, x, x->input.data, n, e) : NULL;
    if (!logits)
        return n <= ROWS_MAX ? -1 : error_set(e, "exposure: expected at most %d words, found %zu", ROWS_MAX, n);
    for (size_t t = 0; t < n; t++) {
        right[t] = setup_largest(logits + t * vocab, vocab) == (size_t)x->targets.data[t];
        if (!right[t] && first == n)
            first = t;
    }
    o->sentences++;
    o->wrong += first < n;
    o->words += n;
    if (first == n) { /* no mistake: both read the same */
        o->right_given += n;
        o->right_own += n;
        return 0;
    }
    if (say(r, x, said, e) != 0)
        return -1;
    for (size_t t = 0; t < n; t++) {
        bool own = said[t] == x->targets.data[t];
        o->right_given += right[t];
        o->right_own += own;
        if (t > first) {
            o->after++;
            o->after_given += right[t];
            o->after_own += own;
        }
    }
    return 0;
}

static int own_output(Lab *lab, Reader *r, const Examples *x, Error *e)
{
    const LabValue *lengths = lab_value(lab, "words");
    size_t n = lab_size(lab, "examples");
    TaskExample example = {0};
    int status = 0;
    Table *t = lab_table_new(lab, "own", _("fed with the right words, and with its own"));
    table_column(t, "words", _("Chinese words"), 0);
    table_column(t, "sentences", _("sentences right"), 3);
    table_column(t, "given", _("words, given right"), 3);
    table_column(t, "own", _("words, given own"), 3);
    table_column(t, "after", _("after a mistake"), 0);
    table_column(t, "after_given", _("right, given right"), 3);
    table_column(t, "after_own", _("right, given own"), 3);
    Plot *p = lab_plot_new(lab, _("words right after the first mistake"), _("Chinese words"), _("share right"));
    size_t given = plot_series(p, _("given the right words")), own = plot_series(p, _("given its own"));
    for (size_t k = 0; k < lengths->count && status == 0; k++) {
        Own o = {0};
        for (size_t i = 0; i < n && status == 0; i++) {
            status = examples_draw_at(x, 0, TASK_HELD_OUT, i, (int)lengths->numbers[k], &example, e);
            if (status == 0)
                status = add_sentence(&o, r, &example, e);
        }
        if (status == 0)
            status = lab_progress(lab, 0.3 * (double)(k + 1) / (double)lengths->count, _("own output"), e);
        if (status != 0)
            break;
        size_t row = table_row(t);
        double after = o.after ? (double)o.after : NAN;
        table_set(t, row, "words", lengths->numbers[k]);
        table_set(t, row, "sentences", 1 - (double)o.wrong / (double)o.sentences);
        table_set(t, row, "given", (double)o.right_given / (double)o.words);
        table_set(t, row, "own", (double)o.right_own / (double)o.words);
        table_set(t, row, "after", (double)o.after);
        table_set(t, row, "after_given", (double)o.after_given / after);
        table_set(t, row, "after_own", (double)o.after_own / after);
        plot_point(p, given, lengths->numbers[k], (double)o.after_given / after);
        plot_point(p, own, lengths->numbers[k], (double)o.after_own / after);
        if (k + 1 == lengths->count)
            lab_note(lab,
                     _("%g Chinese words: after a first mistake %.2f of the words are right when the right ones are read, %.2f when its "
                       "own are. Up to the first mistake the two are the same: the bias "
                       "is in what follows."),
                     lengths->numbers[k], (double)o.after_given / after, (double)o.after_own / after);
    }
    task_example_free(&example);
    return status;
}

/* ---- a wrong word slipped in ---- */

typedef struct Slip {
    size_t count[DISTANCES + 1], right[DISTANCES + 1]; /* by words behind the wrong one; [0]: with nothing slipped in, all places */
} Slip;

/* One word of the decoder's input becomes another of the answers' words; how many of the next words are still right? */
static int slip_in(Slip *s, Reader *r, const TaskExample *x, int other, Random *random, Error *e)
{
    int input[ROWS_MAX];
    size_t n = x->targets.len, vocab = r->model->config.vocab_size;
    if (n < 3 || n > ROWS_MAX)
        return 0;
    memcpy(input, x->input.data, n * sizeof *input);
    size_t at = 1 + (size_t)random_below(random, n - 2);
    const real *logits = read_logits(r, x, input, n, e);
    for (size_t t = 0; logits && t < n; t++) {
        s->count[0]++;
        s->right[0] += setup_largest(logits + t * vocab, vocab) == (size_t)x->targets.data[t];
    }
    if (input[at] == other)
        return logits ? 0 : -1;
    input[at] = other;
    logits = logits ? read_logits(r, x, input, n, e) : NULL;
    for (size_t d = 1; logits && d <= DISTANCES && at + d - 1 < n; d++) {
        size_t t = at + d - 1; /* the row that reads the wrong word is the first whose answer may suffer */
        s->count[d]++;
        s->right[d] += setup_largest(logits + t * vocab, vocab) == (size_t)x->targets.data[t];
    }
    return logits ? 0 : -1;
}

static int slips(Reader *r, const Examples *x, size_t n, Slip *out, Error *e)
{
    TaskExample example = {0}, other = {0};
    Random random = random_seeded(1);
    int status = 0;
    *out = (Slip){{0}, {0}};
    for (size_t i = 0; i < n && status == 0; i++) {
        status = examples_draw(x, 0, TASK_HELD_OUT, i, &example, e);
        if (status == 0) /* the wrong word is one of another sentence */
            status = examples_draw(x, 0, TASK_HELD_OUT, i + n, &other, e);
        if (status == 0)
            status = slip_in(out, r, &example, other.input.data[other.input.len / 2], &random, e);
    }
    task_example_free(&example);
    task_example_free(&other);
    return status;
}

/* ---- scheduled sampling (Bengio et al. 2015), in two passes (Mihaylova and Martins 2019) ---- */

/* How many words were the model's own, and how many of these not the right ones. */
typedef struct Mixed {
    size_t own, wrong;
} Mixed;

/* Each word of the input becomes, in a share of all cases, what the model itself would have said there. */
static int mix_in(Reader *r, TaskExample *x, double share, Random *random, Mixed *mixed, Error *e)
{
    size_t vocab = r->model->config.vocab_size;
    if (share == 0)
        return 0;
    if (r->pass)
        pass_forget(r->pass, 0); /* the weights have changed since */
    const real *logits = read_logits(r, x, x->input.data, x->input.len, e);
    if (!logits)
        return -1;
    for (size_t t = 1; t < x->input.len; t++)
        if (random_uniform(random) < share) {
            int said = (int)setup_largest(logits + (t - 1) * vocab, vocab);
            mixed->own++;
            mixed->wrong += said != x->input.data[t];
            x->input.data[t] = said;
        }
    return 0;
}

static int fine_tune(Lab *lab, Model *m, const Examples *x, double share, uint64_t seed, Mixed *mixed, Error *e)
{
    enum { BATCH = 16 };
    size_t steps = lab_size(lab, "steps");
    Learner l;
    Reader r = {.model = m};
    Random random = random_seeded(seed);
    TaskExample example = {0};
    double loss;
    int status = learner_open(&l, m, 0, e);
    for (size_t i = 0; i < steps && status == 0; i++) {
        learner_clear(&l);
        for (size_t k = 0; k < BATCH && status == 0; k++) {
            status = examples_draw(x, 1000 + seed, TASK_TRAIN, i * BATCH + k, &example, e);
            if (status == 0)
                status = mix_in(&r, &example, share, &random, mixed, e);
            if (status == 0)
                status = learner_add(&l, &example, e);
        }
        if (status == 0)
            status = learner_run(&l, &loss, e);
        if (status == 0)
            learner_step(&l, lab_number(lab, "lr") * (1 - (double)i / (double)steps), 1);
    }
    task_example_free(&example);
    pass_free(r.pass);
    learner_close(&l);
    return status;
}

static int sampled(Lab *lab, const Model *shipped, const Examples *x, Error *e)
{
    const LabValue *shares = lab_value(lab, "share");
    size_t seeds = lab_size(lab, "seeds"), n = lab_size(lab, "examples");
    Table *t = lab_table_new(lab, "scheduled", _("fine-tuned with a share of its own words; words right behind a slip"));
    table_column(t, "share", _("own words"), 2);
    table_column(t, "wrong", _("of these wrong"), 4);
    table_column(t, "score", _("sentences right"), 3);
    table_column(t, "score_spread", _("± seeds"), 3);
    table_column(t, "undisturbed", _("words right"), 3);
    for (int d = 1; d <= 2; d++) {
        char name[24], title[48];
        snprintf(name, sizeof name, "behind_%d", d);
        snprintf(title, sizeof title, _("%d behind"), d);
        table_column(t, name, title, 3);
    }
    table_column(t, "spread", "±", 3);
    for (size_t k = 0; k < shares->count; k++) {
        Spread right[4] = {{0, 0, 0}}, score = {0, 0, 0};
        Mixed mixed = {0, 0};
        for (size_t seed = 1; seed <= seeds; seed++) {
            Eval v;
            Slip s = {{0}, {0}};
            EvalOptions o = {.n = n};
            Model *m = model_copy(shipped, e);
            Reader r = {.model = m};
            int status = m ? fine_tune(lab, m, x, shares->numbers[k], seed, &mixed, e) : -1;
            if (status == 0)
                status = slips(&r, x, n, &s, e);
            if (status == 0)
                status = eval_run(&v, m, x, &o, e);
            if (status == 0) {
                spread_add(&score, v.score);
                eval_free(&v);
            }
            for (int d = 0; d < 4 && status == 0; d++)
                spread_add(&right[d], (double)s.right[d] / (double)s.count[d]);
            pass_free(r.pass);
            model_free(m);
            if (status != 0 || lab_progress(lab, 0.4 + 0.4 * ((double)k + (double)seed / (double)seeds) / (double)shares->count,
                                            _("scheduled sampling"), e) != 0)
                return -1;
        }
        size_t row = table_row(t);
        table_set(t, row, "share", shares->numbers[k]);
        table_set(t, row, "wrong", mixed.own ? (double)mixed.wrong / (double)mixed.own : NAN);
        table_set(t, row, "score", score.mean);
        table_set(t, row, "score_spread", spread_deviation(&score));
        table_set(t, row, "undisturbed", right[0].mean);
        table_set(t, row, "behind_1", right[1].mean);
        table_set(t, row, "behind_2", right[2].mean);
        table_set(t, row, "spread", spread_deviation(&right[1]));
        lab_note(lab,
                 _("Fine-tuned with a share of %.2f of its own words: %.3f ± %.3f of the words right behind a wrong one, %.3f ± %.3f of "
                   "the sentences right."),
                 shares->numbers[k], right[1].mean, spread_deviation(&right[1]), score.mean, spread_deviation(&score));
        if (mixed.own && k + 1 == shares->count && mixed.wrong * 20 < mixed.own)
            lab_note(lab,
                     _("Of its own words that were mixed in, %.4f were wrong ones: a model that makes so few mistakes in training hardly "
                       "meets any by this way either."),
                     (double)mixed.wrong / (double)mixed.own);
    }
    return 0;
}

static int slip_table(Lab *lab, Reader *r, const Examples *x, Error *e)
{
    Slip s;
    if (slips(r, x, lab_size(lab, "examples"), &s, e) != 0)
        return -1;
    Table *t = lab_table_new(lab, "slip", _("a wrong word slipped in: words right so many words behind it (0: none)"));
    Plot *p = lab_plot_new(lab, _("words right behind a wrong word"), _("words behind it"), _("share right"));
    size_t series = plot_series(p, "zh-en");
    table_column(t, "behind", _("words behind"), 0);
    table_column(t, "right", _("right"), 3);
    table_column(t, "error", _("± standard error"), 3);
    table_column(t, "n", "n", 0);
    for (size_t d = 0; d <= DISTANCES; d++) {
        double n = (double)s.count[d], right = n > 0 ? (double)s.right[d] / n : NAN;
        size_t row = table_row(t);
        table_set(t, row, "behind", (double)d);
        table_set(t, row, "right", right);
        table_set(t, row, "error", sqrt(right * (1 - right) / n));
        table_set(t, row, "n", n);
        if (d > 0)
            plot_point(p, series, (double)d, right);
    }
    return 0;
}

/* ---- beam search ---- */

static int beams(Lab *lab, const Model *m, const Examples *x, Error *e)
{
    const LabValue *widths = lab_value(lab, "beam");
    size_t n = lab_size(lab, "searched"), words = lab_size(lab, "beam_words");
    TaskExample example = {0};
    int status = 0;
    double first_score = NAN, first_sum = NAN;
    Table *t = lab_table_new(lab, "beam", _("beam search: more beginnings kept"));
    table_column(t, "beam", _("beam"), 0);
    table_column(t, "score", _("sentences right"), 3);
    table_column(t, "log_probability", _("mean log probability"), 4);
    table_column(t, "passes", _("passes a sentence"), 1);
    for (size_t k = 0; k < widths->count && status == 0; k++) {
        size_t right = 0, passes = 0;
        double sum = 0;
        for (size_t i = 0; i < n && status == 0; i++) {
            BeamResult found;
            status = examples_draw_at(x, 0, TASK_HELD_OUT, i, (int)words, &example, e);
            if (status == 0)
                status = beam_search(m, &example.source, example.input.data[0], (size_t)widths->numbers[k], &found, e);
            if (status != 0)
                break;
            right += found.n == example.targets.len && memcmp(found.ids, example.targets.data, found.n * sizeof *found.ids) == 0;
            sum += found.log_probability;
            passes += found.passes;
        }
        size_t row = table_row(t);
        table_set(t, row, "beam", widths->numbers[k]);
        table_set(t, row, "score", (double)right / (double)n);
        table_set(t, row, "log_probability", sum / (double)n);
        table_set(t, row, "passes", (double)passes / (double)n);
        if (k == 0) {
            first_score = (double)right / (double)n;
            first_sum = sum / (double)n;
        }
        if (status == 0 && k > 0 && k + 1 == widths->count && sum / (double)n > first_sum + 1e-6)
            lab_note(lab,
                     _("A beam of %g finds answers that the model thinks likelier (log probability %.4f, with a beam of %g %.4f); %.3f of "
                       "them are right, %.3f before: search does not mend what the model "
                       "believes."),
                     widths->numbers[k], sum / (double)n, widths->numbers[0], first_sum, (double)right / (double)n, first_score);
        if (status == 0)
            status = lab_progress(lab, 0.8 + 0.2 * (double)(k + 1) / (double)widths->count, _("beam search"), e);
    }
    task_example_free(&example);
    return status;
}

int lab_run_exposure(Lab *lab, Error *e)
{
    Recipe r = {0};
    Examples *x = NULL;
    Model *m = model_open("zh-en", NULL, e);
    Reader reader = {.model = m};
    int status = m ? setup_examples(m, &r, &x, e) : -1;
    if (status == 0)
        status = own_output(lab, &reader, x, e);
    if (status == 0)
        status = slip_table(lab, &reader, x, e);
    if (status == 0 && lab_size(lab, "steps"))
        status = sampled(lab, m, x, e);
    if (status == 0)
        status = beams(lab, m, x, e);
    pass_free(reader.pass);
    examples_free(x);
    recipe_free(&r);
    model_free(m);
    return status;
}

const LabParam lab_params_exposure[] = {
    {"words", LAB_INTEGERS, "10,12,14,15,16", "12,15", 2, 40, NULL,
     N_("Chinese words of the sentences; more than 14 are longer than in training")},
    {"examples", LAB_INTEGER, "300", "40", 1, 10000, NULL, N_("held-out sentences of each kind")},
    {"share", LAB_REALS, "0,0.25,0.5", "0,0.5", 0, 1, NULL, N_("share of own words in scheduled sampling; 0 is fine-tuning as before")},
    {"steps", LAB_INTEGER, "200", "10", 0, 100000, NULL, N_("steps of fine-tuning, 16 sentences each; 0: none")},
    {"lr", LAB_REAL, "0.001", NULL, 0, 10, NULL, N_("its learning rate, falling to 0")},
    {"beam", LAB_INTEGERS, "1,2,4", NULL, 1, 16, NULL, N_("beginnings that are kept")},
    {"beam_words", LAB_INTEGER, "15", NULL, 2, 40, NULL, N_("Chinese words of the sentences that are searched")},
    {"searched", LAB_INTEGER, "60", "10", 1, 10000, NULL, N_("sentences that are searched")},
    {"seeds", LAB_INTEGER, "3", "2", 2, 20, NULL, N_("of the fine-tuning, 1, 2, …")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
