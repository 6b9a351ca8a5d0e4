/* expression_call.c - calls: reduces arrays along axes, and the functions that are no loop over numbers.
 *
 * Which functions there are is expression_functions.c's. */
#include "measure/expression_internal.h"

#include "base/text.h"
#include "measure/cost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- reducing ---- */

static int fail_at(const Eval *v, size_t at, const char *what)
{
    return eval_fail(v->e, v->x->text, at, "%s", _(what));
}

/* Which axes the function runs over: those named behind the array, else all or the last. */
static int choose_axes(const Eval *v, const Node *node, const Function *f, const Value *in, bool over[VALUE_MAX_RANK])
{
    for (int k = 0; k < in->rank; k++)
        over[k] = node->kids < 2 && (f->form == FORM_ALL || k == in->rank - 1);
    for (int i = 1; i < node->kids; i++) {
        const Node *word = &v->x->nodes[node->kid[i]];
        int found = -1;
        Buffer names = {0};
        for (int k = 0; k < in->rank; k++) {
            buffer_printf(&names, k ? ", %s" : "%s", in->axes[k].name);
            if (name_is(in->axes[k].name, v->x->text + word->at, word->len))
                found = k;
        }
        if (found >= 0)
            over[found] = true;
        else
            eval_fail(v->e, v->x->text, word->at, "expected one of its axes (%s), found %.*s",
                      in->rank ? buffer_text(&names) : _("it is one number"), (int)(word->len < 64 ? word->len : 64), v->x->text + word->at);
        buffer_free(&names);
        if (found < 0)
            return -1;
    }
    return 0;
}

/* Copies the numbers of one result into `room`: those along the axes run over, the others being at `index`. Returns how many. */
static size_t collect(const Value *in, const bool over[VALUE_MAX_RANK], const size_t index[VALUE_MAX_RANK], double *room)
{
    size_t n = 1, stride[VALUE_MAX_RANK], base = 0, step = 1, length[VALUE_MAX_RANK], apart[VALUE_MAX_RANK];
    int axes = 0;
    for (int k = in->rank; k-- > 0;) {
        stride[k] = step;
        step *= in->shape[k];
    }
    for (int k = 0; k < in->rank; k++) {
        if (!over[k]) {
            base += index[k] * stride[k];
            continue;
        }
        length[axes] = in->shape[k];
        apart[axes++] = stride[k];
        n *= in->shape[k];
    }
    for (size_t i = 0; i < n; i++) {
        size_t offset = base, rest = i;
        for (int a = axes; a-- > 0;) {
            offset += rest % length[a] * apart[a];
            rest /= length[a];
        }
        room[i] = in->data[offset];
    }
    return n;
}

static void set_type(Value *out, const Function *f, const Value *in)
{
    bool truths = in->type == VALUE_TRUTH;
    out->type = f->result == RESULT_TRUTH ? VALUE_TRUTH : VALUE_NUMBER;
    out->whole = f->result == RESULT_COUNT || f->result == RESULT_INDEX || (f->result == RESULT_SAME && (in->whole || truths));
}

/* Applies a FORM_ALL, FORM_LAST … function of one array to `in`; axes to reduce are named by the kids from 1. */
static int eval_reduce(const Eval *v, const Node *node, const Function *f, const Value *in, Value *out)
{
    bool over[VALUE_MAX_RANK];
    size_t shape[VALUE_MAX_RANK], index[VALUE_MAX_RANK] = {0};
    int rank = 0, last = -1;
    if (in->type == VALUE_TEXT)
        return fail_at(v, node->at, "expected numbers, found a text");
    if (choose_axes(v, node, f, in, over) != 0)
        return -1;
    for (int k = 0; k < in->rank; k++) {
        if (!over[k])
            shape[rank++] = in->shape[k];
        else
            last = k;
    }
    if (value_array(out, rank, shape, &v->e->error) != 0)
        return -1;
    rank = 0;
    for (int k = 0; k < in->rank; k++)
        if (!over[k])
            out->axes[rank++] = value_axis_share(&in->axes[k]);
    double *room = malloc((in->count ? in->count : 1) * sizeof *room);
    if (!room) {
        value_free(out);
        return error_memory(&v->e->error, "expression");
    }
    bool numbers = f->over == over_count && in->type == VALUE_NUMBER;
    for (size_t i = 0; i < out->count; i++) {
        size_t rest = i;
        for (int k = in->rank; k-- > 0;)
            if (!over[k]) {
                index[k] = rest % in->shape[k];
                rest /= in->shape[k];
            }
        size_t n = collect(in, over, index, room);
        out->data[i] = numbers ? (double)n : f->over(room, n);
    }
    free(room);
    set_type(out, f, in);
    if (f->result == RESULT_INDEX && last >= 0) {
        out->is_index = true;
        out->of = value_axis_share(&in->axes[last]);
    }
    return 0;
}

/* ---- the other forms ---- */

static int eval_each(const Function *f, Value *x)
{
    for (size_t i = 0; i < x->count; i++)
        x->data[i] = f->each(x->data[i]);
    set_type(x, f, x);
    x->is_index = false;
    return 0;
}

/* Rows and columns of the last two axes; a vector is one row. */
static void matrix_shape(const Value *x, size_t *rows, size_t *columns)
{
    *columns = x->rank ? x->shape[x->rank - 1] : 1;
    *rows = x->rank > 1 ? x->shape[x->rank - 2] : 1;
}

/* Room for one number for each block of the last `drop` axes. */
static int like_leading(const Eval *v, const Value *x, int drop, Value *out)
{
    int rank = x->rank > drop ? x->rank - drop : 0;
    if (value_array(out, rank, x->shape, &v->e->error) != 0)
        return -1;
    for (int k = 0; k < rank; k++)
        out->axes[k] = value_axis_share(&x->axes[k]);
    return 0;
}

static double dot(const double *a, const double *b, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

/* Two rows; NaN where one is zero. */
static double cosine_of(const double *a, const double *b, size_t n)
{
    double aa = dot(a, a, n), bb = dot(b, b, n);
    return aa > 0 && bb > 0 ? dot(a, b, n) / sqrt(aa) / sqrt(bb) : NAN;
}

static double cosine_of_pairs(const double *x, size_t rows, size_t columns)
{
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = i + 1; j < rows; j++)
            sum += cosine_of(x + i * columns, x + j * columns, columns);
    return rows > 1 ? sum / ((double)rows * (double)(rows - 1) / 2) : NAN;
}

static int eval_cosine(const Eval *v, const Node *node, const Value *a, const Value *b, Value *out)
{
    size_t rows, columns;
    matrix_shape(a, &rows, &columns);
    if (!b) {
        if (a->rank < 2)
            return fail_at(v, node->at, "expected a matrix, or two vectors: cosine(X, Y)");
        if (like_leading(v, a, 2, out) != 0)
            return -1;
        for (size_t i = 0; i < out->count; i++)
            out->data[i] = cosine_of_pairs(a->data + i * rows * columns, rows, columns);
        return 0;
    }
    bool same = a->rank == b->rank && a->rank > 0;
    for (int k = 0; same && k < a->rank; k++)
        same = a->shape[k] == b->shape[k];
    if (!same)
        return fail_at(v, node->at, "expected two vectors, or two arrays of one shape");
    if (like_leading(v, a, 1, out) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = cosine_of(a->data + i * columns, b->data + i * columns, columns);
    return 0;
}

static int eval_rank(const Eval *v, const Node *node, const Value *x, Value *out)
{
    enum { SIDE_MAX = 2048 };
    size_t rows, columns;
    matrix_shape(x, &rows, &columns);
    if (rows > SIDE_MAX && columns > SIDE_MAX)
        return fail_at(v, node->at, "expected a matrix with a side of at most 2048");
    if (like_leading(v, x, 2, out) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = matrix_rank(x->data + i * rows * columns, rows, columns);
    out->whole = true;
    return 0;
}

static int eval_shape(const Eval *v, const Value *x, Value *out)
{
    const char *names[VALUE_MAX_RANK];
    size_t rank = (size_t)x->rank;
    if (value_array(out, 1, &rank, &v->e->error) != 0)
        return -1;
    for (size_t k = 0; k < rank; k++) {
        out->data[k] = (double)x->shape[k];
        names[k] = x->axes[k].name;
    }
    out->axes[0] = value_axis("axis");
    out->whole = true;
    return value_axis_name(&out->axes[0], names, rank, &v->e->error);
}

/* ---- counting: which stages a name means ---- */

/* True where name is `prefix` (n bytes), or begins so and a dot follows. */
static bool begins(const char *name, const char *prefix, size_t n)
{
    return strncmp(name, prefix, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

static size_t mark_stages(const Eval *v, const char *s, size_t n, bool *chosen)
{
    const Plan *plan = pass_plan(v->c->pass);
    const Constant *c = constant_find(s, n);
    size_t found = 0;
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < plan->count; i++) {
        if (c && (c->id == CONSTANT_HERE || c->id == CONSTANT_VALUE))
            chosen[i] = v->c->here == (int)i;
        else
            chosen[i] = n < STAGE_NAME_MAX && begins(stage_name(&plan->stages[i], name), s, n);
        found += chosen[i];
    }
    return found;
}

static double cost_number(const Function *f, const Cost *c)
{
    if (strcmp(f->name, "parameters") == 0)
        return (double)c->parameters;
    return strcmp(f->name, "bytes") == 0 ? (double)c->values * (double)sizeof(real) : (double)c->multiplications;
}

static int eval_cost(const Eval *v, const Node *node, const Function *f, Value *out)
{
    const Pass *p = v->c->pass;
    const Plan *plan = pass_plan(p);
    const Node *word = node->kids ? &v->x->nodes[node->kid[0]] : NULL;
    bool *chosen = word ? calloc(plan->count, sizeof *chosen) : NULL;
    Cost cost = {0};
    int status = word && !chosen ? error_memory(&v->e->error, "expression") : 0;
    if (status == 0 && word && mark_stages(v, v->x->text + word->at, word->len, chosen) == 0) {
        AddressList list; /* a pattern, a name without its layer, a weight */
        Error cause = {{0}};
        size_t used;
        status = address_read(&list, p, v->c->here, v->x->text + word->at, word->len, &used, &cause);
        if (status != 0)
            eval_fail(v->e, v->x->text, word->at + used, "%s", cause.text);
        else if (used < word->len || memchr(v->x->text + word->at, '[', word->len))
            status = fail_at(v, word->at, "expected the name of stages, without indices");
        for (size_t i = 0; status == 0 && i < list.count; i++) {
            if (!list.items[i].is_weight)
                chosen[list.items[i].index] = true;
            else if (f->name[0] == 'p')
                cost.parameters += pass_model(p)->weights.items[list.items[i].index].count;
            else
                status = eval_fail(v->e, v->x->text, word->at, "expected a stage, found a weight");
        }
        address_list_free(&list);
    }
    Cost stages;
    if (status == 0)
        status = cost_of_stages(pass_model(p), plan, chosen, &stages, &v->e->error);
    free(chosen);
    if (status != 0)
        return -1;
    stages.parameters += cost.parameters;
    if (!word) /* the model's, with weights that this pass does not read */
        stages.parameters = pass_model(p)->weights.total;
    status = value_number(out, cost_number(f, &stages), &v->e->error);
    out->whole = true;
    return status;
}

/* ---- the output, the other pass, experiments ---- */

/* probability("love", 3) is output.probs[token=3,vocab="love"]. */
static int eval_token(const Eval *v, const Node *node, const Function *f, Value *out)
{
    const Pass *p = v->c->pass;
    const Node *word = &v->x->nodes[node->kid[0]];
    bool quoted = word->at > 0 && v->x->text[word->at - 1] == '"', logit = f->name[0] == 'l';
    size_t stage = pass_plan(p)->count - (logit ? 2 : 1), used;
    Value position = {0};
    char where[96];
    snprintf(where, sizeof where, "-1");
    if (node->kids > 1) {
        if (eval_node(v, node->kid[1], &position) != 0)
            return -1;
        double x = position.type == VALUE_NUMBER && position.rank == 0 ? position.data[0] : NAN;
        if (position.type == VALUE_TEXT && strlen(position.text) < 80)
            snprintf(where, sizeof where, "\"%s\"", position.text);
        else if (x == floor(x) && fabs(x) < 1e9)
            snprintf(where, sizeof where, "%.0f", x);
        else
            where[0] = '\0';
        value_free(&position);
        if (!where[0])
            return fail_at(v, v->x->nodes[node->kid[1]].at, "expected a position: a whole number, or a token of the text in quotes");
    }
    if (!eval_may_read(v, node->at, stage))
        return -1;
    Buffer text = {0};
    AddressList list;
    Error cause = {{0}};
    buffer_printf(&text, "output.%s[", logit ? "logits" : "probs");
    buffer_printf(&text, "token=%s,", where);
    size_t token = text.len;
    buffer_printf(&text, quoted ? "vocab=\"%.*s\"]" : "vocab=%.*s]", (int)word->len, v->x->text + word->at);
    int status =
        text.failed ? error_memory(&cause, "expression") : address_read(&list, p, NO_STAGE, buffer_text(&text), text.len, &used, &cause);
    if (status != 0)
        eval_fail(v->e, v->x->text, used < token && node->kids > 1 ? v->x->nodes[node->kid[1]].at : word->at, "%s", cause.text);
    else if (used < text.len || address_count(&list.items[0]) != 1)
        status = fail_at(v, word->at, "expected one token");
    else
        status = value_number(out, (double)pass_value(v->c->pass, stage)[address_offset(&list.items[0], 0)], &v->e->error);
    if (!text.failed && cause.text[0] == '\0')
        address_list_free(&list);
    buffer_free(&text);
    return status;
}

static int eval_baseline(const Eval *v, const Node *node, Value *out)
{
    ExpressionContext c = *v->c;
    char name[STAGE_NAME_MAX];
    if (!c.baseline)
        return fail_at(v, node->at, "expected a changed pass beside its baseline: nothing was changed here (-a, --edit)");
    if (c.here != NO_STAGE)
        c.here = plan_find(pass_plan(c.baseline), stage_name(&pass_plan(c.pass)->stages[c.here], name));
    c.pass = c.baseline;
    c.baseline = NULL;
    c.in_baseline = true;
    Eval other = {v->x, &c, v->e};
    return eval_node(&other, node->kid[0], out);
}

/* The next of the indices in text[*at … end): "row=…" or what stands in its place, quotes left out. NULL without memory. */
static char *take_index(const char *text, size_t *at, size_t end, const char *axis)
{
    size_t n = strlen(axis), past;
    while (*at < end && text[*at] == ' ')
        ++*at;
    if (end - *at > n && memcmp(text + *at, axis, n) == 0 && text[*at + n] == '=')
        *at += n + 1;
    size_t start = *at;
    bool quoted = start < end && text[start] == '"';
    const char *close = quoted ? memchr(text + start + 1, '"', end - start - 1) : memchr(text + start, ',', end - start);
    start += quoted;
    past = close ? (size_t)(close - text) : end;
    *at = past + (quoted && past < end);
    while (!quoted && past > start && text[past - 1] == ' ')
        past--;
    return strndup(text + start, past - start);
}

int eval_lab(const Eval *v, const Node *call, const Node *index, Value *out)
{
    const ExpressionProvider *p = v->c->provider;
    const Node *word = &v->x->nodes[call->kid[0]], *rest = call->kids > 1 ? &v->x->nodes[call->kid[1]] : NULL;
    Error cause = {{0}};
    double x;
    if (!p || !p->lab)
        return fail_at(v, call->at, "expected no experiment here: nothing runs them");
    size_t at = index->at, end = index->at + index->len;
    char *row = take_index(v->x->text, &at, end, "row"), *column = NULL;
    if (at < end && v->x->text[at] == ',') {
        at++;
        column = take_index(v->x->text, &at, end, "column");
    }
    char *name = strndup(v->x->text + word->at, word->len), *settings = rest ? strndup(v->x->text + rest->at, rest->len) : strdup("");
    int status;
    if (!column || at < end)
        status = fail_at(v, at, "expected a row and a column: [row=64, column=entropy]");
    else if (!name || !settings || !row)
        status = error_memory(&v->e->error, "expression");
    else if (p->lab(p->context, name, settings, row, column, &x, &cause) != 0)
        status = eval_fail(v->e, v->x->text, word->at, "%s", cause.text);
    else
        status = value_number(out, x, &v->e->error);
    free(row);
    free(column);
    free(name);
    free(settings);
    return status;
}

int eval_call(const Eval *v, const Node *node, Value *out)
{
    const Function *f = node->function;
    switch (f->form) {
    case FORM_COST: return eval_cost(v, node, f, out);
    case FORM_TOKEN:
        if (node->kids == 0)
            return eval_fail(v->e, v->x->text, node->at + node->len, "expected a '(': %s(%s)", f->name, f->arguments);
        return eval_token(v, node, f, out);
    case FORM_BASELINE:
    case FORM_GRAD:
    case FORM_LAB:
        if (node->kids == 0) /* grad alone is of here, the others need to be told */
            return f->form == FORM_GRAD
                       ? eval_here(v, node->at, true, out)
                       : eval_fail(v->e, v->x->text, node->at + node->len, "expected a '(': %s(%s)", f->name, f->arguments);
        if (f->form == FORM_GRAD)
            return eval_address(v, v->x->nodes[node->kid[0]].at, v->x->nodes[node->kid[0]].len, true, out);
        if (f->form == FORM_LAB)
            return eval_fail(v->e, v->x->text, node->at, "expected a row and a column behind it: lab(NAME)[row=64, column=entropy]");
        return eval_baseline(v, node, out);
    default: break;
    }
    /* one array, or here */
    Value x = {0}, y = {0};
    int status = node->kids ? eval_node(v, node->kid[0], &x) : eval_here(v, node->at, false, &x);
    if (status == 0 && x.type == VALUE_TEXT && f->form != FORM_SHAPE)
        status = fail_at(v, v->x->nodes[node->kid[0]].at, "expected numbers, found a text");
    if (status == 0 && f->form == FORM_COSINE && node->kids > 1) {
        status = eval_node(v, node->kid[1], &y);
        if (status == 0 && y.type == VALUE_TEXT)
            status = fail_at(v, v->x->nodes[node->kid[1]].at, "expected numbers, found a text");
    }
    if (status == 0)
        switch (f->form) {
        case FORM_EACH:
            eval_each(f, &x);
            *out = x;
            return 0;
        case FORM_COSINE: status = eval_cosine(v, node, &x, node->kids > 1 ? &y : NULL, out); break;
        case FORM_RANK: status = eval_rank(v, node, &x, out); break;
        case FORM_SHAPE: status = eval_shape(v, &x, out); break;
        default: status = eval_reduce(v, node, f, &x, out); break;
        }
    value_free(&x);
    value_free(&y);
    return status;
}
