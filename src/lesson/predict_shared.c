/* predict_shared.c - questions that can be asked about many kinds of stage: shapes, parameters, costs, what a row depends on. */
#include "lesson/predict_maker.h"

#include <stdlib.h>
#include <string.h>

/* ---- the shape ---- */

static void write_axes(const Ask *a, Buffer *out)
{
    for (int k = 0; k < a->stage->rank; k++)
        buffer_printf(out, "%s%s", k ? C_("between axes", ", ") : "", label_axis(a->stage->axes[k]));
}

/* The length a learner might take for an axis, and why. */
static void mistake_axes(Ask *a, const size_t *shape, int rank)
{
    const Config *c = a->config;
    static const struct {
        Axis axis;
        const char *name, *belief;
    } slips[] = {
        {AXIS_HEAD_DIM, "whole-width", N_("That gives each head the stream's whole width. A head works in d_head dimensions of its own.")},
        {AXIS_KV_HEAD, "query-heads", N_("That counts the query heads. Keys and values have fewer: several query heads share one.")},
        {AXIS_UNIT, "not-expanded", N_("That keeps the stream's width. The FFN's units are d_ff, not d_model.")},
        {AXIS_VOCAB, "stream-width", N_("That keeps the stream's width. The logits have one column a token of the vocabulary.")},
        {AXIS_DIM, "other-width", N_("That is the width of what is read. The result returns to the stream's d_model.")},
        {AXIS_HEADS_DIM, "one-head", N_("That is one head's width. Here all heads stand side by side.")},
    };
    for (int k = 0; k < rank; k++)
        for (size_t j = 0; j < sizeof slips / sizeof *slips; j++) {
            size_t wrong[QUESTION_RANK_MAX];
            if (a->stage->axes[k] != slips[j].axis)
                continue;
            const size_t other = slips[j].axis == AXIS_KV_HEAD     ? c->n_heads
                                 : slips[j].axis == AXIS_DIM       ? (a->stage->sub == SUB_FFN ? c->d_ff : c->n_heads * c->d_head)
                                 : slips[j].axis == AXIS_HEADS_DIM ? c->d_head
                                                                   : c->d_model;
            memcpy(wrong, shape, (size_t)rank * sizeof *wrong);
            wrong[k] = other;
            question_add_shape(a->q, wrong, rank, slips[j].name, "%s", _(slips[j].belief));
        }
}

/* Rows counted in the other stack: cross-attention's keys are the source's. */
static void mistake_stacks(Ask *a, const size_t *shape, int rank)
{
    size_t n[2], wrong[QUESTION_RANK_MAX];
    if (a->config->kind != KIND_ENCODER_DECODER || a->stage->sub != SUB_CROSS)
        return;
    pass_ids(a->pass, STACK_ENCODER, &n[0]);
    pass_ids(a->pass, STACK_DECODER, &n[1]);
    memcpy(wrong, shape, (size_t)rank * sizeof *wrong);
    for (int k = 0; k < rank; k++)
        if (a->stage->axes[k] == AXIS_KEY || (a->stage->axes[k] == AXIS_TOKEN && a->stage->axis_stack[k] == STACK_ENCODER))
            wrong[k] = n[1];
    question_add_shape(
        a->q, wrong, rank, "target-keys",
        _("That takes keys and values from the decoder. In cross-attention the decoder asks, and the encoder's tokens answer."));
    memcpy(wrong, shape, (size_t)rank * sizeof *wrong);
    for (int k = 0; k < rank; k++)
        if (a->stage->axis_stack[k] == STACK_DECODER)
            wrong[k] = n[0];
    question_add_shape(a->q, wrong, rank, "source-queries",
                       _("That takes the queries from the encoder. In cross-attention the decoder asks."));
}

static bool make_shape(Ask *a)
{
    const Stage *s = a->stage;
    Buffer axes = {0};
    size_t wrong[QUESTION_RANK_MAX];
    ask_begin(a, QUESTION_SHAPE, "shape");
    write_axes(a, &axes);
    question_set_text(a->q, _("Which shape will it have? Its axes, in this order: %s."), buffer_text(&axes));
    buffer_clear(&axes);
    for (int k = 0; k < s->rank; k++)
        buffer_printf(&axes, _("%s%zu along %s"), k ? C_("between axes", ", ") : "", s->shape[k], label_axis(s->axes[k]));
    buffer_puts(&axes, C_("end of a sentence", "."));
    question_set_why(a->q, "%s", buffer_text(&axes));
    buffer_free(&axes);
    question_set_shape(a->q, s->shape, s->rank);
    memcpy(wrong, s->shape, sizeof s->shape);
    wrong[s->rank - 1] = s->shape[s->rank - 2];
    wrong[s->rank - 2] = s->shape[s->rank - 1];
    question_add_shape(a->q, wrong, s->rank, "transposed",
                       _("That has rows and columns the other way round: the axes come in the order named."));
    mistake_stacks(a, s->shape, s->rank);
    mistake_axes(a, s->shape, s->rank);
    if (s->rank == 3)
        question_add_shape(a->q, s->shape + 1, 2, "no-heads", _("That is one head's matrix: there is one for each head."));
    else
        question_add_shape(a->q, (size_t[]){a->config->n_heads, s->shape[0], s->shape[1]}, 3, "heads-left",
                           _("That has an axis for the heads, but here they are not apart."));
    return true;
}

/* ---- parameters ---- */

static const Weight *weight(const Ask *a, int k)
{
    return a->stage->w[k] == NO_WEIGHT ? NULL : &pass_model(a->pass)->weights.items[a->stage->w[k]];
}

static const char *short_name(const Weight *w)
{
    const char *dot = strrchr(w->name, '.');
    return dot ? dot + 1 : w->name;
}

static bool make_parameters(Ask *a)
{
    const Weight *w = weight(a, 0), *b = weight(a, 1);
    if (!w)
        return false;
    double first = (double)w->shape[0] * (double)(w->rank == 2 ? w->shape[1] : 1), second = b ? (double)b->shape[0] : 0;
    ask_begin(a, QUESTION_NUMBER, "parameters");
    if (a->stage->kind == STAGE_LOGITS && a->config->tie_embeddings) {
        question_set_text(
            a->q, "%s", _("This model's W_U is its token embedding W_E, transposed. How many learned numbers does W_U add to the model?"));
        question_set_number(a->q, 0, 0);
        question_set_why(a->q, "%s", _("None: the same numbers are used twice, at the entrance and at the exit."));
        question_add_number(a->q, first, "counted-twice", _("Those are W_E's, which are counted there already."));
        return true;
    }
    if (b)
        question_set_text(
            a->q, _("How many learned numbers do %s and %s have together? (d_model %zu, heads %zu, d_head %zu, d_ff %zu, vocabulary %zu)"),
            short_name(w), short_name(b), a->config->d_model, a->config->n_heads, a->config->d_head, a->config->d_ff,
            a->config->vocab_size);
    else
        question_set_text(a->q, _("How many learned numbers does %s have? (d_model %zu, heads %zu, d_head %zu, d_ff %zu, vocabulary %zu)"),
                          short_name(w), a->config->d_model, a->config->n_heads, a->config->d_head, a->config->d_ff, a->config->vocab_size);
    question_set_number(a->q, first + second, 0);
    if (w->rank == 2 && b)
        question_set_why(a->q, _("%s is %zu by %zu, %s has %zu: %.0f in all, however long the text is."), short_name(w), w->shape[0],
                         w->shape[1], short_name(b), b->shape[0], first + second);
    else if (w->rank == 2)
        question_set_why(a->q, _("%s is %zu by %zu: %.0f, however long the text is."), short_name(w), w->shape[0], w->shape[1], first);
    else
        question_set_why(a->q, "%s", _("One number a dimension in each: every row of the text is multiplied by the same ones."));
    double tokens = (double)a->rows, heads = (double)a->config->n_heads;
    if (b)
        question_add_number(a->q, first, "no-bias", _("That leaves out %s."), short_name(b));
    if (a->stage->rank == 3 && w->rank == 1)
        question_add_number(a->q, (double)a->stage->shape[0] * first, "times-heads",
                            _("That has a gain for each head. All heads of a layer share one."));
    else if (a->stage->rank == 3) {
        question_add_number(a->q, (first + second) / (double)a->stage->shape[0], "one-head",
                            _("That is one head's share: the matrix holds all heads, side by side."));
        question_add_number(a->q, first / (double)a->stage->shape[0], "one-head", _("That is one head's share, without its bias."));
    }
    if (w->rank == 2 && (a->stage->rank == 3 || a->stage->kind == STAGE_OUT))
        question_add_number(
            a->q, heads * (first + second), "times-heads",
            _("That multiplies by the heads once more. Heads divide the matrix between them: their number does not change its size."));
    question_add_number(a->q, tokens * (first + second), "times-tokens",
                        _("That has weights for every position. All positions use the same ones."));
    question_add_number(a->q, (double)a->stage->count, "activations",
                        _("That counts the numbers of the result, which are computed, not learned."));
    return true;
}

/* ---- how many products make one number ---- */

static bool make_terms(Ask *a)
{
    const Config *c = a->config;
    StageKind k = a->stage->kind;
    double n = k == STAGE_SCORES     ? (double)c->d_head
               : k == STAGE_OUT      ? (double)(c->n_heads * c->d_head)
               : k == STAGE_CONTRACT ? (double)c->d_ff
                                     : (double)c->d_model;
    ask_begin(a, QUESTION_NUMBER, "terms");
    question_set_text(
        a->q, _("One number of this matrix is a sum of products. How many products? (d_model %zu, heads %zu, d_head %zu, d_ff %zu)"),
        c->d_model, c->n_heads, c->d_head, c->d_ff);
    question_set_number(a->q, n, 0);
    question_set_why(a->q, "%s",
                     k == STAGE_SCORES
                         ? _("A score is the dot product of one query with one key, and both have d_head numbers.")
                         : _("A row of what is read times a column of the weights: as many products as the row has numbers."));
    question_add_number(a->q, (double)c->d_model, "d-model",
                        _("That is the stream's width, d_model; here what is multiplied has another."));
    question_add_number(a->q, (double)c->d_head, "d-head", _("That is one head's width, d_head; here what is multiplied has another."));
    question_add_number(a->q, (double)(c->n_heads * c->d_head), "all-heads",
                        _("That is all heads' width; each score belongs to one head."));
    question_add_number(a->q, (double)c->d_ff, "d-ff",
                        _("That is the number of units, d_ff: how many sums there are, not how long each is."));
    question_add_number(a->q, (double)a->cols, "columns",
                        _("That is how many numbers a row of the result has, not how many products make one."));
    question_add_number(a->q, (double)a->rows, "rows", _("That is how many rows there are: they are computed apart."));
    question_add_number(a->q, 1, "one", _("One product is one term of the sum."));
    return true;
}

/* ---- does one token reach one row? tried out, with another token in its place ---- */

enum { EXPERIMENT_LIMIT = 1 << 20 }; /* numbers in a pass that is run again for one question */

static bool is_special(const Config *c, int id)
{
    return id == c->bos || id == c->pad || id == c->mask || id == c->unk || config_is_end(c, id);
}

/* True where a token is written in ASCII: a word for a word, a character for a character. */
static bool is_ascii(const Ask *a, int id)
{
    return (unsigned char)*vocab_token(pass_model(a->pass)->vocab, id) < 0x80;
}

/* Another token, neither special nor the same, in the same script if there is one; -1 where there is none. */
static int other_token(Ask *a, int id)
{
    int n = (int)a->config->vocab_size, start = (int)random_below(&a->random, (uint64_t)n), any = -1;
    for (int k = 0; k < n; k++) {
        int other = (start + k) % n;
        if (other == id || is_special(a->config, other))
            continue;
        if (is_ascii(a, other) == is_ascii(a, id))
            return other;
        any = other;
    }
    return any;
}

/* True where attention has mixed the rows of this stage's stack before it, or within it. */
static bool is_mixed(const Ask *a)
{
    Stack rows = a->stage->axis_stack[a->stage->rank - 2];
    for (size_t i = 0; i <= a->i; i++) {
        const Stage *s = &a->plan->stages[i];
        if (s->axis_stack[s->rank - 2] == rows && (s->kind == STAGE_SCORES || s->kind == STAGE_HEADS))
            return true;
    }
    return false;
}

/* How far the same row is in another pass: 0 where every number is the same to the bit, relative to the largest of the row. */
static double row_distance(const Ask *a, Pass *other)
{
    const real *x = ask_value(a), *y = pass_value(other, a->i);
    size_t heads = a->stage->rank == 3 ? a->stage->shape[0] : 1;
    double far = 0, largest = 0;
    for (size_t h = 0; h < heads; h++) {
        const real *u = ask_row(x, a, h, a->row), *v = ask_row(y, a, h, a->row);
        for (size_t j = 0; j < a->cols; j++) {
            if (isfinite(u[j]) && fabs((double)u[j]) > largest)
                largest = fabs((double)u[j]);
            if (u[j] != v[j])
                far = fmax(far, fabs((double)(u[j] - v[j])));
        }
    }
    return far == 0 ? 0 : largest > 0 ? far / largest : (double)INFINITY;
}

/* The pass with token `at` of a stack replaced. */
static Pass *pass_with(const Ask *a, Stack stack, size_t at, int id)
{
    PassInput in = {0};
    in.source = pass_ids(a->pass, STACK_ENCODER, &in.source_len);
    in.target = pass_ids(a->pass, STACK_DECODER, &in.target_len);
    size_t n = stack == STACK_ENCODER ? in.source_len : in.target_len;
    const int *from = stack == STACK_ENCODER ? in.source : in.target;
    int *ids = malloc(n * sizeof *ids);
    if (!ids)
        return NULL;
    memcpy(ids, from, n * sizeof *ids);
    ids[at] = id;
    if (stack == STACK_ENCODER)
        in.source = ids;
    else
        in.target = ids;
    Pass *p = pass_create(pass_model(a->pass), in, a->ablations, NULL);
    free(ids);
    return p;
}

static bool make_depends(Ask *a)
{
    Stack rows = a->stage->axis_stack[a->stage->rank - 2], stack = rows;
    size_t n;
    bool decoder = rows == STACK_DECODER;
    if (a->edited || a->plan->total > EXPERIMENT_LIMIT)
        return false;
    if (decoder && a->config->kind == KIND_ENCODER_DECODER && random_below(&a->random, 2))
        stack = STACK_ENCODER;
    const int *ids = pass_ids(a->pass, stack, &n);
    size_t j = (size_t)random_below(&a->random, n);
    bool future = stack == rows && j > a->row && decoder && !(a->ablations & NO_MASK);
    if ((stack == rows && j == a->row) || is_special(a->config, ids[j]))
        return false;
    int id = other_token(a, ids[j]);
    Pass *other = id < 0 ? NULL : pass_with(a, stack, j, id);
    if (!other)
        return false;
    double distance = row_distance(a, other);
    pass_free(other);
    bool unmixed = !is_mixed(a);
    if ((distance > 0 && distance < 1e-3) || (distance == 0 && !unmixed && !future))
        return false; /* hardly, or by chance */
    ask_begin(a, QUESTION_CHOICE, "depends");
    a->q->place.index[a->stage->rank - 1] = 0;
    Word token = ask_token(a, ids[j]), instead = ask_token(a, id);
    question_set_text(
        a->q,
        stack == rows
            ? _("Suppose the token at position %zu, %s, were replaced by %s . Would row %s of this matrix be any different?")
            : _("Suppose the source's token at position %zu, %s, were replaced by %s . Would row %s of this matrix be any different?"),
        j, token.text, instead.text, ROW(a->row));
    bool scores = a->stage->axes[a->stage->rank - 1] == AXIS_KEY;
    if (distance > 0) {
        question_set_why(a->q, _("Tried out: the row changes by %.2g%% of its largest number. %s"), 100 * distance,
                         scores ? _("It has a number for each key, and keys read tokens.") : _("Attention has carried that token here."));
        question_add_right(a->q, 1, _("yes, it would change"));
        question_add_wrong(a->q, 0, _("no, not in any digit"), "isolated-row", "%s",
                           scores ? _("That believes a row of scores only knows its own token. It compares it with the others.")
                                  : _("That believes a row only knows its own token. It did, until attention read the other rows."));
        return true;
    }
    bool place = a->stage->kind == STAGE_POSITIONS;
    question_add_wrong(
        a->q, 1, _("yes, it would change"),
        place                ? "token-decides"
        : future && !unmixed ? "sees-the-future"
                             : "mixed-too-early",
        "%s",
        place ? _("That believes this matrix reads tokens. It depends on where a row stands, and on nothing else.")
        : future && !unmixed
            ? _("That believes a row of a decoder can read what comes after it. The mask hides every later token, in every layer.")
            : _("That believes the rows have met already. Nothing has mixed them yet: that is what attention is for."));
    question_add_right(a->q, 0, _("no, not in any digit"));
    question_set_why(a->q, "%s", _("Tried out: every number of the row stays the same, to the last bit."));
    return true;
}

const MakerRow makers_shared[] = {
    /* common ones: see predict.c */
    {K_ALL, make_shape},
    {K(TOKENS) | K(POSITIONS) | K(TYPES) | K(NORM) | K(Q_NORM) | K(K_NORM) | K(Q) | K(K) | K(V) | K(OUT) | K(GATE) | K(EXPAND) |
         K(CONTRACT) | K(TRANSFORM) | K(LOGITS),
     make_parameters},
    {K(Q) | K(K) | K(V) | K(SCORES) | K(OUT) | K(GATE) | K(EXPAND) | K(CONTRACT) | K(TRANSFORM) | K(LOGITS), make_terms},
    {K_ALL & ~(K(SCALED) | K(CONCAT) | K(PRODUCT) | K(SUM)), make_depends},
    {0, NULL},
};
