/* predict_help.h - the right answer of every question made from a pass, computed a second time from the values of the pass alone. Shares
 * nothing with the makers in src/lesson. */
#ifndef TESTS_PREDICT_HELP_H
#define TESTS_PREDICT_HELP_H

#include "measure_help.h"

#include "lesson/predict.h"
#include "measure/explain_gradient.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What is known about the question that is checked. */
typedef struct Case {
    const Question *q;
    Pass *p;
    const Plan *plan;
    const Config *c;
    const Stage *s;
    const real *value, *grad, *in[2];
    size_t i, at, head, row, col, rows, cols;
    const real *line, *before; /* the row of the value, and of the first input where it has the same shape */
    char where[320];
} Case;

static inline Case open_case(const Question *q, Pass *p, const char *what)
{
    const Plan *plan = pass_plan(p);
    Case k = {.q = q, .p = p, .plan = plan, .c = plan->config, .i = q->place.stage, .s = &plan->stages[q->place.stage]};
    char name[STAGE_NAME_MAX];
    k.rows = k.s->shape[k.s->rank - 2];
    k.cols = k.s->shape[k.s->rank - 1];
    k.head = k.s->rank == 3 ? q->place.index[0] : 0;
    k.row = q->place.index[k.s->rank - 2];
    k.col = q->place.index[k.s->rank - 1];
    k.at = cell_offset(k.s, q->place.index);
    k.value = pass_value(p, k.i);
    k.grad = pass_gradient(p, k.i);
    for (int n = 0; n < 2; n++)
        k.in[n] = k.s->in[n] == NO_STAGE ? NULL : pass_value(p, (size_t)k.s->in[n]);
    k.line = k.value + (k.head * k.rows + k.row) * k.cols;
    k.before = k.in[0] && plan->stages[k.s->in[0]].count == k.s->count ? k.in[0] + (k.head * k.rows + k.row) * k.cols : NULL;
    snprintf(k.where, sizeof k.where, "%s, %s, %s: %.120s", what, stage_name(k.s, name), q->name, q->text ? q->text : "");
    cr_assert(k.row < k.rows && k.col < k.cols && (k.s->rank == 2 || k.head < k.s->shape[0]), "%s: the place is outside", k.where);
    return k;
}

static inline double length(const real *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static inline double total(const real *x, size_t n, size_t stride)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i * stride];
    return sum;
}

static inline size_t top(const real *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* Whether the query sees the key, read off the masked scores of the same sub-layer. */
static inline bool seen(const Case *k, size_t row, size_t key)
{
    size_t first, end;
    plan_sub(k->plan, k->i, &first, &end);
    while (first < end && k->plan->stages[first].kind != STAGE_MASKED)
        first++;
    const Stage *m = &k->plan->stages[first];
    return isfinite(pass_value(k->p, first)[row * m->shape[2] + key]);
}

static inline double entropy_of(const Case *k, const real *x, bool all)
{
    double sum = 0, h = 0, high = (double)x[top(x, k->cols)];
    for (size_t j = 0; j < k->cols; j++)
        if (all || seen(k, k->row, j))
            sum += exp((double)x[j] - high);
    for (size_t j = 0; j < k->cols; j++)
        if (isfinite(x[j]) && (all || seen(k, k->row, j)))
            h -= exp((double)x[j] - high) / sum * ((double)x[j] - high - log(sum));
    cr_assert(isfinite(h), "%s: no entropy", k->where);
    return h;
}

static inline double variance_of(const real *x, size_t n)
{
    double mean = total(x, n, 1) / (double)n, sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean) / (double)n;
    return sum;
}

static inline double sign_of(double x, double slack)
{
    return fabs(x) <= slack ? 0 : x > 0 ? 1 : -1;
}

/* The row of a norm without its gain and bias; false where the gain hides it. */
static inline bool plain_norm(const Case *k, double out[64])
{
    const Weights *w = &pass_model(k->p)->weights;
    for (size_t j = 0; j < k->cols; j++) {
        double gain = (double)weight_plain(&w->items[k->s->w[0]])[j], bias = k->s->w[1] == NO_WEIGHT ? 0 : (double)weight_plain(&w->items[k->s->w[1]])[j];
        if (fabs(gain) < 0.01)
            return false;
        out[j] = ((double)k->line[j] - bias) / gain;
    }
    return true;
}

/* The number of learned numbers a stage reads, from the config alone. */
static inline double parameters(const Case *k)
{
    const Config *c = k->c;
    double d = (double)c->d_model, H = (double)(c->n_heads * c->d_head), G = (double)(c->n_kv_heads * c->d_head), f = (double)c->d_ff,
           b = config_has_bias(c, 'Q'), b_o = config_has_bias(c, 'O'), b_f = config_has_bias(c, '1'), V = (double)c->vocab_size;
    switch (k->s->kind) {
    case STAGE_TOKENS:
        return V * d;
    case STAGE_POSITIONS:
        return (double)c->max_len * d;
    case STAGE_NORM:
        return c->norm == NORM_LAYERNORM ? 2 * d : d;
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        return (double)c->d_head;
    case STAGE_Q:
        return d * H + b * H;
    case STAGE_K:
    case STAGE_V:
        return d * G + b * G;
    case STAGE_OUT:
        return H * d + b_o * d;
    case STAGE_GATE:
    case STAGE_EXPAND:
        return d * f + b_f * f;
    case STAGE_CONTRACT:
        return f * d + b_f * d;
    case STAGE_LOGITS:
        return c->tie_embeddings ? 0 : d * V + (c->output_bias ? V : 0);
    case STAGE_TYPES:
        return (double)c->token_types * d;
    case STAGE_TRANSFORM:
        return d * d + (c->bias ? d : 0);
    default:
        return NAN;
    }
}

/* Runs the experiment of "depends" with the token that the text names. */
static inline double depends(const Case *k)
{
    size_t at, n;
    char token[64], label[64];
    bool source = strstr(k->q->text, "the source's") != NULL;
    int found = source ? sscanf(k->q->text, "Suppose the source's token at position %zu, %*[^,], were replaced by %63s .", &at, token)
                       : sscanf(k->q->text, "Suppose the token at position %zu, %*[^,], were replaced by %63s .", &at, token);
    cr_assert_eq(found, 2, "%s", k->where);
    int id = -1;
    for (int i = 0; i < (int)k->c->vocab_size; i++) {
        Buffer b = {0};
        label_token(k->p, i, &b);
        snprintf(label, sizeof label, "%s", buffer_text(&b));
        buffer_free(&b);
        if (strcmp(label, token) == 0)
            id = i;
    }
    cr_assert_geq(id, 0, "%s: token '%s'", k->where, token);
    int ids[2][64];
    size_t len[2];
    for (int s = 0; s < 2; s++) {
        const int *from = pass_ids(k->p, s ? STACK_DECODER : STACK_ENCODER, &len[s]);
        memcpy(ids[s], from, len[s] * sizeof **ids);
    }
    Stack stack = source ? STACK_ENCODER : k->s->axis_stack[k->s->rank - 2];
    pass_ids(k->p, stack, &n);
    cr_assert(at < n && ids[stack == STACK_DECODER][at] != id, "%s", k->where);
    ids[stack == STACK_DECODER][at] = id;
    Pass *other = pass_create(pass_model(k->p), (PassInput){ids[0], ids[1], len[0], len[1]}, k->plan->ablations, NULL);
    cr_assert(other);
    bool differs = false;
    const real *y = pass_value(other, k->i);
    for (size_t h = 0; h < (k->s->rank == 3 ? k->s->shape[0] : 1); h++)
        for (size_t j = 0; j < k->cols; j++)
            differs |= k->value[(h * k->rows + k->row) * k->cols + j] != y[(h * k->rows + k->row) * k->cols + j];
    pass_free(other);
    return differs;
}

#define IS(text) (strcmp(k->q->name, text) == 0)

/* The right claim of a choice; NAN where there is no such question. */
static inline double true_claim(const Case *k)
{
    if (IS("depends"))
        return depends(k);
    if (IS("most") || IS("best-score") || IS("likeliest"))
        return (double)top(k->line, k->cols);
    if (IS("rotated-norm"))
        return sign_of(length(k->line, k->cols) / length(k->before, k->cols) - 1, 1e-3);
    if (IS("rotated-first"))
        return memcmp(k->value + k->head * k->rows * k->cols, k->in[0] + k->head * k->rows * k->cols, k->cols * sizeof(real)) != 0;
    if (IS("symmetric"))
        return fabs((double)k->line[k->col] - (double)k->value[(k->head * k->rows + k->col) * k->cols + k->row]) < 0.005;
    if (IS("entropy-scaled"))
        return sign_of(entropy_of(k, k->line, false) - entropy_of(k, k->before, false), 1e-5);
    if (IS("entropy-masked"))
        return sign_of(entropy_of(k, k->line, false) - entropy_of(k, k->before, true), 1e-5);
    if (IS("unbiased")) {
        double found = NAN;
        for (size_t j = 0; j < k->cols; j++)
            if (k->line[j] == k->before[j])
                found = isnan(found) ? (double)j : -2;
        return found;
    }
    if (IS("hidden-value"))
        return (double)k->line[k->col];
    if (IS("column-sum"))
        return total(k->value + k->head * k->rows * k->cols + k->col, k->rows, k->cols);
    if (IS("shift")) { /* a softmax of the shifted row is the row */
        double sum = 0, high = (double)k->before[top(k->before, k->cols)];
        for (size_t j = 0; j < k->cols; j++)
            sum += exp((double)k->before[j] + 5 - high);
        for (size_t j = 0; j < k->cols; j++)
            if (fabs(exp((double)k->before[j] + 5 - high) / sum - (double)k->line[j]) > 1e-5)
                return -1;
        return 0;
    }
    if (IS("bounds") || IS("copy")) {
        const Stage *v = &k->plan->stages[k->s->in[1]], *w = &k->plan->stages[k->s->in[0]];
        size_t group = k->s->shape[0] / v->shape[0];
        const real *values = k->in[1] + k->head / group * v->shape[1] * v->shape[2];
        if (IS("copy")) {
            size_t key = top(k->in[0] + (k->head * k->rows + k->row) * w->shape[2], w->shape[2]);
            for (size_t j = 0; j < k->cols; j++)
                if (fabs((double)(k->line[j] - values[key * k->cols + j])) > 1e-6)
                    return -1;
            return 0;
        }
        double low = INFINITY, high = -INFINITY;
        for (size_t j = 0; j < v->shape[1]; j++) {
            low = fmin(low, (double)values[j * k->cols + k->col]);
            high = fmax(high, (double)values[j * k->cols + k->col]);
        }
        for (size_t i = 0; i < k->rows; i++) {
            double x = (double)k->value[(k->head * k->rows + i) * k->cols + k->col];
            if (x < low - 1e-5 || x > high + 1e-5)
                return -1;
        }
        return 0;
    }
    if (IS("same-token")) {
        size_t a, b, n;
        const int *ids = pass_ids(k->p, k->s->axis_stack[0], &n);
        cr_assert_eq(sscanf(k->q->text, "%*s stands at positions %zu and %zu.", &a, &b), 2, "%s", k->where);
        cr_assert(a < b && b < n && ids[a] == ids[b], "%s", k->where);
        return memcmp(k->value + a * k->cols, k->value + b * k->cols, k->cols * sizeof(real)) == 0;
    }
    if (IS("other-text")) {
        int ids[2][64];
        size_t len[2];
        for (int s = 0; s < 2; s++) {
            pass_ids(k->p, s ? STACK_DECODER : STACK_ENCODER, &len[s]);
            for (size_t j = 0; j < len[s]; j++)
                ids[s][j] = (int)((j + 6) % k->c->vocab_size);
        }
        Pass *other = pass_create(pass_model(k->p), (PassInput){ids[0], ids[1], len[0], len[1]}, k->plan->ablations, NULL);
        bool same = memcmp(pass_value(other, k->i), k->value, k->s->count * sizeof(real)) == 0;
        pass_free(other);
        return same ? 0 : -1;
    }
    if (IS("no-norm"))
        return memcmp(k->line, k->before, k->cols * sizeof(real)) == 0 ? 0 : -1;
    if (IS("growth"))
        return sign_of(length(k->line, k->cols) - length(k->before, k->cols), 1e-6);
    if (IS("beside")) {
        size_t r = k->i;
        while (k->plan->stages[r].kind != STAGE_RESIDUAL)
            r++;
        return sign_of(length(k->line, k->cols) - length(pass_value(k->p, (size_t)k->plan->stages[r].in[0]) + k->row * k->cols, k->cols),
                       1e-6);
    }
    if (IS("units-on") || IS("units-positive")) {
        double on = 0;
        for (size_t j = 0; j < k->cols; j++)
            on += k->line[j] > 0;
        return floor(on / (double)k->cols * 4 < 3.999 ? on / (double)k->cols * 4 : 3);
    }
    if (IS("target-sign"))
        return sign_of((double)k->grad[k->at], 0);
    if (IS("probs-gradient"))
        return length(k->grad, k->s->count) == 0 ? 0 : -1;
    if (IS("hidden-gradient"))
        return k->grad[k->at] == 0 && !seen(k, k->row, k->col) ? 0 : -1;
    if (IS("zero-gradient")) {
        double size = 0;
        for (size_t h = 0; h < (k->s->rank == 3 ? k->s->shape[0] : 1); h++)
            size += length(k->grad + (h * k->rows + k->row) * k->cols, k->cols);
        return size == 0;
    }
    if (IS("key-bias")) {
        const Weight *w = &pass_model(k->p)->weights.items[k->s->w[1]];
        return length(pass_weight_gradient(k->p, (size_t)k->s->w[1]), w->count) < 0.002 * length(k->grad, k->s->count) ? 0 : -1;
    }
    if (IS("residual-copy") || IS("embedding-copy")) { /* the stage that adds it up: the only one that reads it */
        size_t r = k->i + 1;
        while (k->plan->stages[r].in[0] != (int)k->i && k->plan->stages[r].in[1] != (int)k->i)
            r++;
        return memcmp(pass_gradient(k->p, r), k->grad, k->s->count * sizeof(real)) == 0 ? 0 : -2;
    }
    if (IS("hidden-weight-gradient"))
        return k->line[k->col] == 0 && k->grad[k->at] != 0;
    if (IS("rotated-gradient")) {
        size_t r = k->i + 1, from = (k->head * k->rows + k->row) * k->cols;
        while (k->plan->stages[r].in[0] != (int)k->i)
            r++;
        return sign_of(length(k->grad + from, k->cols) / length(pass_gradient(k->p, r) + from, k->cols) - 1, 2e-3);
    }
    if (IS("residual-through")) { /* what the explanation of the stream's gradient counts as coming from here */
        Explanation x;
        Error e = {{0}};
        size_t c = 0;
        const real *g = k->grad + k->row * k->cols;
        while (c + 1 < k->cols && g[c] == 0)
            c++;
        cr_assert_eq(explain_gradient(k->p, (Cellref){.stage = (size_t)k->s->in[0], .index = {k->row, c}}, &x, &e), 0, "%s", e.text);
        double share = NAN;
        for (size_t i = 0; i < x.count; i++)
            if (x.lines[i].in[0].kind == OPERAND_GRADIENT && x.lines[i].in[0].cell.stage == k->i)
                share = g[c] == 0 ? 1 : x.lines[i].result / (double)g[c];
        explanation_free(&x);
        return share;
    }
    if (IS("concat-size"))
        return sign_of(length(k->grad, k->s->count) / length(pass_gradient(k->p, k->i + 1), k->s->count) - 1, 1e-3);
    cr_assert_fail("%s: no computation of its own", k->where);
    return NAN;
}

static inline double true_number(const Case *k)
{
    double n = (double)k->cols;
    if (IS("parameters"))
        return parameters(k);
    if (IS("terms")) {
        Explanation x;
        Error e = {{0}};
        double terms = 0;
        cr_assert_eq(explain_cell(k->p, (Cellref){.stage = k->i}, &x, &e), 0, "%s: %s", k->where, e.text);
        for (size_t i = 0; i < x.count; i++)
            terms += x.lines[i].kind == LINE_TERM && x.lines[i].sign == '*';
        explanation_free(&x);
        return terms;
    }
    if (IS("score") || IS("scaled") || IS("biased") || IS("hidden-weight") || IS("only-key") || IS("uniform") || IS("average") ||
        IS("position-zero") || IS("cell-sum") || IS("cell-residual") || IS("cell-product") || IS("activation"))
        return (double)k->value[k->at];
    if (IS("rotated-angle")) { /* read off the numbers: the first pair before and after */
        size_t a, b;
        rope_pair(k->c, 0, &a, &b);
        double turned = atan2((double)k->line[b], (double)k->line[a]) - atan2((double)k->before[b], (double)k->before[a]),
               want = (double)k->row;
        cr_assert_lt(fabs(remainder(turned - want, 2 * 3.14159265358979)), 1e-3, "%s", k->where);
        return want;
    }
    if (IS("score-count"))
        return (double)k->s->count;
    if (IS("variance-ratio"))
        return variance_of(k->in[0], k->s->count) / variance_of(k->value, k->s->count);
    if (IS("hidden-count") || IS("visible")) {
        double hidden = 0;
        for (size_t j = 0; j < k->rows * k->cols && IS("hidden-count"); j++)
            hidden += !isfinite(k->value[k->head * k->rows * k->cols + j]);
        for (size_t j = 0; j < k->cols && IS("visible"); j++)
            hidden += isfinite(k->line[j]);
        return hidden;
    }
    if (IS("row-sum"))
        return total(k->line, k->cols, 1);
    if (IS("ratio")) {
        double best = NAN; /* to some other one */
        for (size_t j = 0; j < k->cols; j++) {
            double ratio = (double)k->line[k->col] / (double)k->line[j];
            if (j != k->col && (isnan(best) || fabs(ratio - k->q->right.number) < fabs(best - k->q->right.number)))
                best = ratio;
        }
        return best;
    }
    if (IS("most-entropy") || IS("loss-by-chance"))
        return log((double)k->c->vocab_size);
    if (IS("products"))
        return 0;
    if (IS("owner")) { /* the head whose row holds this number in its own place */
        size_t h = 0, d = k->c->d_head;
        while (h * d > k->col || (h + 1) * d <= k->col)
            h++;
        cr_assert_eq(k->in[0][(h * k->rows + k->row) * d + k->col - h * d], k->value[k->at], "%s", k->where);
        return (double)h;
    }
    if (strncmp(k->q->name, "norm-", 5) == 0) {
        double x[64], mean = 0, squares = 0;
        if (!plain_norm(k, x))
            return k->q->right.number;
        for (size_t j = 0; j < k->cols; j++) {
            mean += x[j] / n;
            squares += x[j] * x[j] / n;
        }
        return IS("norm-mean") ? mean : IS("norm-length") ? sqrt(n * squares) : IS("norm-squares") ? squares : squares - mean * mean;
    }
    if (IS("loss-of-row"))
        return -log((double)k->line[k->col]);
    if (IS("logit-gradient-sum") || IS("score-gradient-sum"))
        return total(k->grad + (k->head * k->rows + k->row) * k->cols, k->cols, 1);
    if (IS("product-gradient") || IS("target-gradient") || IS("scores-gradient") || IS("dead-unit"))
        return (double)k->grad[k->at];
    if (IS("embedding-rows")) {
        const Weight *w = &pass_model(k->p)->weights.items[k->s->w[0]];
        double rows = 0;
        for (size_t i = 0; i < w->shape[0]; i++)
            rows += length(pass_weight_gradient(k->p, (size_t)k->s->w[0]) + i * w->shape[1], w->shape[1]) > 0;
        return rows;
    }
    cr_assert_fail("%s: no computation of its own", k->where);
    return NAN;
}

/* The shape from the meaning of the axes. */
static inline void true_shape(const Case *k, Answer *out)
{
    const Config *c = k->c;
    if (strcmp(k->q->name, "weight-gradient-shape") == 0) {
        size_t d = c->d_model, H = c->n_heads * c->d_head, G = c->n_kv_heads * c->d_head, two[2] = {d, 0};
        switch (k->s->kind) {
        case STAGE_TOKENS:
            two[0] = c->vocab_size;
            two[1] = d;
            break;
        case STAGE_Q_NORM:
        case STAGE_K_NORM:
            two[0] = c->d_head;
            break;
        case STAGE_Q:
            two[1] = H;
            break;
        case STAGE_K:
        case STAGE_V:
            two[1] = G;
            break;
        case STAGE_OUT:
            two[0] = H;
            two[1] = d;
            break;
        case STAGE_GATE:
        case STAGE_EXPAND:
            two[1] = c->d_ff;
            break;
        case STAGE_CONTRACT:
            two[0] = c->d_ff;
            two[1] = d;
            break;
        case STAGE_TRANSFORM:
            two[1] = d;
            break;
        case STAGE_LOGITS:
            two[c->tie_embeddings] = d;
            two[!c->tie_embeddings] = c->vocab_size;
            break;
        default:
            break;
        }
        out->rank = stage_is_norm(k->s->kind) ? 1 : 2;
        memcpy(out->shape, two, sizeof two);
        return;
    }
    out->rank = k->s->rank;
    for (int i = 0; i < k->s->rank; i++) {
        size_t n;
        switch (k->s->axes[i]) {
        case AXIS_HEAD:
            n = c->n_heads;
            break;
        case AXIS_KV_HEAD:
            n = c->n_kv_heads;
            break;
        case AXIS_DIM:
            n = c->d_model;
            break;
        case AXIS_HEAD_DIM:
            n = c->d_head;
            break;
        case AXIS_HEADS_DIM:
            n = c->n_heads * c->d_head;
            break;
        case AXIS_UNIT:
            n = c->d_ff;
            break;
        case AXIS_VOCAB:
            n = c->vocab_size;
            break;
        default:
            pass_ids(k->p, k->s->axis_stack[i], &n);
            break;
        }
        out->shape[i] = n;
    }
}

static inline bool same_shape(const Answer *a, const Answer *b)
{
    return a->rank == b->rank && memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

#endif
