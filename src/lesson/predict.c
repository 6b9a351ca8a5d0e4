/* predict.c - chooses a maker by kind of stage and seed, and holds what makers share. */
#include "lesson/predict.h"

#include "lesson/predict_maker.h"
#include "pass/edit.h"

#include <stdio.h>
#include <string.h>

enum { MAKERS_MAX = 64 };

/* ---- choosing ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
    Random r = random_seeded(a * UINT64_C(0x9E3779B97F4A7C15) + b);
    return random_bits(&r);
}

static size_t collect(const MakerRow *table, StageKind kind, Maker *out, size_t n)
{
    for (; table->make && n < MAKERS_MAX; table++)
        if (table->kinds & (UINT64_C(1) << kind))
            out[n++] = table->make;
    return n;
}

/* Asks the makers one after the other, beginning with another one for every seed, in an order of the stage's own. The last `common` of the
 * n, which could be asked nearly anywhere, take one turn between them where there are others. */
static int run(Ask *a, Maker *makers, size_t n, size_t common, uint64_t seed, Error *e)
{
    Question *q = a->q;
    size_t own = n - common, turns = own ? own + (common > 0) : n;
    Random order = random_seeded(mix(a->i, 0));
    for (size_t i = own; i > 1; i--) {
        size_t j = (size_t)random_below(&order, i);
        Maker swap = makers[i - 1];
        makers[i - 1] = makers[j];
        makers[j] = swap;
    }
    size_t first = (size_t)((seed + a->i) % turns);
    if (own && first == own)
        first += (size_t)((seed + a->i) / turns % common);
    for (size_t k = 0; k < n; k++) {
        a->random = random_seeded(mix(seed, a->i + 1));
        bool made = makers[(first + k) % n](a);
        if (q->failed) {
            question_free(q);
            return error_memory(e, "question");
        }
        if (made && q->mistake_count > 0) /* where no mistake can be told, there is little to ask */
            return 0;
        question_free(q);
    }
    return error_set(e, _("nothing to ask about this stage"));
}

static bool is_edited(const Pass *p)
{
    const Weights *w = &pass_model(p)->weights;
    if (pass_is_altered(p)) /* a bug of the hunt: what is true of the architecture may not be of this network */
        return true;
    for (size_t i = 0; i < pass_plan(p)->count; i++)
        if (pass_is_edited(p, i))
            return true;
    for (size_t i = 0; i < w->count; i++)
        if (pass_weight(p, i).data != w->items[i].values.data)
            return true;
    return false;
}

static Ask begin(Question *q, const PredictPlace *at)
{
    const Plan *plan = pass_plan(at->pass);
    size_t i = at->stage < plan->count ? at->stage : plan->count - 1;
    const Stage *s = &plan->stages[i];
    Ask a = {.q = q, .pass = at->pass, .plan = plan, .config = plan->config, .ablations = plan->ablations, .stage = s, .i = i};
    a.edited = is_edited(at->pass);
    a.rows = s->shape[s->rank - 2];
    a.cols = s->shape[s->rank - 1];
    a.head = s->rank == 3 ? at->head < s->shape[0] ? at->head : s->shape[0] - 1 : 0;
    a.row = at->row < a.rows ? at->row : a.rows - 1;
    *q = (Question){.kind = QUESTION_CHOICE};
    return a;
}

int predict_value(Question *q, const PredictPlace *at, uint64_t seed, Error *e)
{
    Maker makers[MAKERS_MAX];
    Ask a = begin(q, at);
    size_t own = 0;
    if (!a.edited) {
        own = collect(makers_stream, a.stage->kind, makers, 0);
        own = collect(makers_attention, a.stage->kind, makers, own);
        own = collect(makers_weights, a.stage->kind, makers, own);
    }
    size_t n = collect(makers_shared, a.stage->kind, makers, own);
    return run(&a, makers, n, n - own, seed, e);
}

int predict_gradient(Question *q, const PredictPlace *at, uint64_t seed, Error *e)
{
    Maker makers[MAKERS_MAX];
    Ask a = begin(q, at);
    if (!pass_gradient(at->pass, a.i))
        return error_set(e, _("gradients come after the loss"));
    a.targets = pass_targets(at->pass, &a.target_count);
    size_t own = 0;
    if (!a.edited || a.stage->kind == STAGE_PROBS) {
        own = collect(makers_gradient, a.stage->kind, makers, 0);
        own = collect(makers_flow, a.stage->kind, makers, own);
    }
    size_t n = collect(makers_gradient_shared, a.stage->kind, makers, own);
    return run(&a, makers, n, n - own, seed, e);
}

/* ---- the loss ---- */

static bool ask_loss(Ask *a)
{
    size_t row = a->row, start = (size_t)random_below(&a->random, a->target_count);
    for (size_t k = 0; k < a->target_count && (row >= a->target_count || a->targets[row] < 0); k++)
        row = (start + k) % a->target_count;
    if (a->edited || row >= a->target_count || a->targets[row] < 0)
        return false;
    double p = (double)ask_row(ask_value(a), a, 0, row)[a->targets[row]];
    if (p < 1e-3 || p > 0.97)
        return false;
    ask_begin(a, QUESTION_NUMBER, "loss-of-row");
    ask_about(a, 0, row, (size_t)a->targets[row]);
    question_set_text(
        a->q,
        _("At position %s the model gave the token that should come, %s, the probability %.4f. What does this position add to the sum "
          "that the loss is the mean of, in nats?"),
        ROW(row), ask_token(a, a->targets[row]).text, p);
    question_set_unit(a->q, _("nats"));
    question_set_number(a->q, -log(p), 0.01 + 0.005 * -log(p));
    question_set_why(a->q, _("-ln %.4f = %.3f."), p, -log(p));
    question_add_number(a->q, 1 - p, "one-minus", _("That is 1 − p: it grows only to 1, however sure the model is of something else."));
    question_add_number(a->q, -log(p) / log(2), "bits", _("That is the logarithm to base 2: bits. A nat is 1.443 bits."));
    question_add_number(a->q, -log10(p), "log10", _("That is the logarithm to base 10; the loss takes the natural one."));
    question_add_number(a->q, log(p), "sign", _("The sign: ln p is negative for p < 1, and the loss is −ln p."));
    question_add_number(a->q, p, "probability", _("That is the probability itself: a loss must be 0 where p is 1."));
    return true;
}

static bool ask_chance(Ask *a)
{
    double n = (double)a->config->vocab_size;
    ask_begin(a, QUESTION_NUMBER, "loss-by-chance");
    question_set_text(a->q, _("A model that knows nothing gives each of the %zu tokens the same probability. What is its loss, in nats?"),
                      a->config->vocab_size);
    question_set_unit(a->q, _("nats"));
    question_set_number(a->q, log(n), 0.02 + 0.005 * log(n));
    question_set_why(a->q, _("Each target gets 1/%zu, and −ln(1/%zu) = ln %zu = %.3f. A loss above it is worse than not knowing."),
                     a->config->vocab_size, a->config->vocab_size, a->config->vocab_size, log(n));
    question_add_number(a->q, 1 / n, "probability", _("That is the probability of each token; the loss is −ln of it."));
    question_add_number(a->q, log(n) / log(2), "bits", _("That is in bits, to base 2; in nats it is ln."));
    question_add_number(a->q, log10(n), "log10", _("That is the logarithm to base 10; the loss takes the natural one."));
    question_add_number(a->q, n, "perplexity", _("That is the perplexity, exp of the loss."));
    question_add_number(a->q, 0, "zero", _("A loss of 0 is a model that is sure and right everywhere."));
    return true;
}

int predict_loss(Question *q, const PredictPlace *at, const int *targets, size_t n, uint64_t seed, Error *e)
{
    Maker makers[] = {ask_loss, ask_chance};
    PredictPlace end = *at;
    end.stage = pass_plan(at->pass)->count - 1;
    Ask a = begin(q, &end);
    a.targets = targets;
    a.target_count = n;
    return run(&a, makers, 2, 0, seed, e);
}

/* ---- what makers share ---- */

void ask_begin(Ask *a, QuestionKind kind, const char *name)
{
    question_init(a->q, kind, name);
    ask_about(a, a->head, a->row, 0);
    a->q->cell = false;
}

void ask_about(Ask *a, size_t head, size_t row, size_t col)
{
    a->q->place = (Cellref){.stage = a->i};
    a->q->cell = true;
    if (a->stage->rank == 3) {
        a->q->place.index[0] = head;
        a->q->place.index[1] = row;
        a->q->place.index[2] = col;
    } else {
        a->q->place.index[0] = row;
        a->q->place.index[1] = col;
    }
}

const real *ask_value(const Ask *a)
{
    return pass_value(a->pass, a->i);
}

const Stage *ask_input_stage(const Ask *a, int k)
{
    return a->stage->in[k] == NO_STAGE ? NULL : &a->plan->stages[a->stage->in[k]];
}

const real *ask_input(const Ask *a, int k)
{
    return a->stage->in[k] == NO_STAGE ? NULL : pass_value(a->pass, (size_t)a->stage->in[k]);
}

const real *ask_row(const real *value, const Ask *a, size_t head, size_t row)
{
    return value + ((a->stage->rank == 3 ? head * a->rows : 0) + row) * a->cols;
}

/* True where another index of that axis has the same name. */
static bool is_repeated(const Ask *a, int axis, size_t i)
{
    Axis k = a->stage->axes[axis];
    size_t n;
    const int *ids = pass_ids(a->pass, a->stage->axis_stack[axis], &n);
    if (k != AXIS_TOKEN && k != AXIS_QUERY && k != AXIS_KEY)
        return false;
    for (size_t j = 0; j < n && i < n; j++)
        if (j != i && ids[j] == ids[i])
            return true;
    return false;
}

static Word shown(const Buffer *raw, bool position, size_t i)
{
    Word w;
    char number[24] = "";
    Buffer text = {0};
    text_escape(&text, buffer_text(raw), raw->len, false);
    if (position)
        snprintf(number, sizeof number, " (%zu)", i);
    size_t n = text_fit(buffer_text(&text), 24, NULL);
    snprintf(w.text, sizeof w.text, "%.*s%s", (int)(n < 36 ? n : 36), buffer_text(&text), number);
    buffer_free(&text);
    return w;
}

Word ask_name(const Ask *a, int axis, size_t i)
{
    Buffer raw = {0};
    if (a->stage->axes[axis] == AXIS_DIM && !a->config->dim_names)
        buffer_puts(&raw, _("dimension "));
    label_index(a->pass, a->stage, axis, i, &raw);
    Word w = shown(&raw, is_repeated(a, axis, i), i);
    buffer_free(&raw);
    return w;
}

Word ask_token(const Ask *a, int id)
{
    Buffer raw = {0};
    label_token(a->pass, id, &raw);
    Word w = shown(&raw, false, 0);
    buffer_free(&raw);
    return w;
}

/* With three decimals, so that what is computed from it is what the tolerance allows for. */
Word ask_number(double x)
{
    Word w;
    if (fabs(x) >= 0.1 || x == 0)
        snprintf(w.text, sizeof w.text, "%.3f", x);
    else if (fabs(x) >= 0.001)
        snprintf(w.text, sizeof w.text, fabs(x) >= 0.01 ? "%.4f" : "%.5f", x);
    else
        snprintf(w.text, sizeof w.text, "%.2e", x);
    return w;
}

double ask_tolerance(double x, double y)
{
    return 0.0015 + 0.0006 * (fabs(x) + fabs(y));
}

bool ask_sees(const Ask *a, size_t row, size_t key)
{
    return pass_sees(a->pass, a->stage, row, key);
}

size_t ask_visible(const Ask *a, size_t row)
{
    size_t n = 0;
    for (size_t j = 0; j < a->cols; j++)
        n += ask_sees(a, row, j);
    return n;
}

bool ask_find_row(Ask *a, size_t least, size_t most, size_t *row)
{
    size_t start = (size_t)random_below(&a->random, a->rows);
    for (size_t k = 0; k <= a->rows; k++) {
        *row = k ? (start + k) % a->rows : a->row;
        size_t n = ask_visible(a, *row);
        if (n >= least && n <= most)
            return true;
    }
    return false;
}

double ask_entropy(const Ask *a, const real *scores, size_t row, bool visible_only)
{
    double largest = -(double)INFINITY, sum = 0, entropy = 0;
    for (size_t j = 0; j < a->cols; j++)
        if ((!visible_only || ask_sees(a, row, j)) && (double)scores[j] > largest)
            largest = (double)scores[j];
    for (size_t j = 0; j < a->cols; j++)
        if (!visible_only || ask_sees(a, row, j))
            sum += exp((double)scores[j] - largest);
    for (size_t j = 0; j < a->cols; j++)
        if (!visible_only || ask_sees(a, row, j)) {
            double p = exp((double)scores[j] - largest) / sum;
            entropy -= p > 0 ? p * log(p) : 0;
        }
    return entropy;
}

bool ask_direction(Ask *a, int claim, const Direction up, const Direction down, const Direction same)
{
    const Direction *all[] = {&up, &down, &same};
    for (int i = 0; i < 3; i++) {
        int says = i == 0 ? 1 : i == 1 ? -1 : 0;
        if (says == claim)
            question_add_right(a->q, says, all[i]->text);
        else if (all[i]->text)
            question_add_wrong(a->q, says, all[i]->text, all[i]->name, "%s", all[i]->belief);
    }
    return true;
}

/* A candidate for the largest, and what who names it believes. */
typedef struct Guess {
    size_t index;
    const char *name, *belief;
} Guess;

bool ask_largest(Ask *a, const real *x, size_t row, const char *what)
{
    bool keys = a->stage->axes[a->stage->rank - 1] == AXIS_KEY, self = keys && a->stage->sub == SUB_SELF;
    size_t best = a->cols, second = a->cols;
    for (size_t j = 0; j < a->cols; j++) {
        if (!isfinite(x[j]) || (keys && !ask_sees(a, row, j) && a->stage->kind == STAGE_WEIGHTS))
            continue;
        if (best == a->cols || x[j] > x[best]) {
            second = best;
            best = j;
        } else if (second == a->cols || x[j] > x[second]) {
            second = j;
        }
    }
    if (second == a->cols || (double)(x[best] - x[second]) < 0.01 + 0.02 * fabs((double)x[best]))
        return false;
    ask_about(a, a->head, row, best);
    Guess guesses[6] = {{second, "runner-up", N_("That one comes second.")}};
    int n = 1;
    if (self) {
        guesses[n++] = (Guess){
            row, "itself",
            N_("That believes a token matches itself best. What looks (the query) and what is looked at (the key) are two different "
               "projections of it.")};
        if (row > 0)
            guesses[n++] =
                (Guess){row - 1, "neighbour", N_("That believes the token before matters most. It can, but nothing makes it so.")};
        if (row + 1 < a->cols)
            guesses[n++] = (Guess){row + 1, "next", N_("That believes the token after matters most.")};
    }
    if (keys)
        guesses[n++] = (Guess){0, "first", N_("That believes a head rests on the first token. This row does not.")};
    for (int tries = 0; tries < 8 && a->q->choice_count < 3; tries++) {
        Guess *g = tries < n ? &guesses[tries] : &(Guess){(size_t)random_below(&a->random, a->cols), "other", N_("Not that one.")};
        if (g->index == best)
            continue;
        const char *hidden = N_("The mask hides that one.");
        bool masked = keys && a->stage->kind == STAGE_WEIGHTS && !ask_sees(a, row, g->index);
        question_add_wrong(a->q, (double)g->index, COLUMN(g->index), masked ? "hidden" : g->name, _("%s It gets %s."),
                           _(masked ? hidden : g->belief), NUM((double)x[g->index]));
    }
    question_add_right(a->q, (double)best, COLUMN(best));
    question_set_why(a->q, _("%s: %s gets %s, the next, %s, %s."), what, COLUMN(best), NUM((double)x[best]), COLUMN(second),
                     NUM((double)x[second]));
    question_shuffle(a->q, random_bits(&a->random));
    return a->q->choice_count > 1;
}

/* ---- gradients ---- */

const real *ask_gradient(const Ask *a)
{
    return pass_gradient(a->pass, a->i);
}

double ask_size(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

/* Gradients are small: three decimals would lose them. */
Word ask_small(double x)
{
    Word w;
    snprintf(w.text, sizeof w.text, fabs(x) >= 0.01 ? "%.4f" : "%.3e", x);
    return w;
}
