/* expression.c - evaluates compiled expressions: operators, names, addresses and indices.
 *
 * Functions are expression_functions.c's. */
#include "measure/expression_internal.h"

#include "model/config_keys.h"
#include "model/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail_at(const Eval *v, const Node *n, const char *what)
{
    return eval_fail(v->e, v->x->text, n->at, "%s", what);
}

/* The error of a lower function, at a place of the text. */
static int fail_with(const Eval *v, size_t at, const Error *cause)
{
    return eval_fail(v->e, v->x->text, at, "%s", cause->text);
}

static int out_of_memory(const Eval *v, const Node *n)
{
    v->e->at = n->at;
    return error_memory(&v->e->error, "expression");
}

bool eval_may_read(const Eval *v, size_t at, size_t stage)
{
    if (!v->c->only_done || v->c->here == NO_STAGE || v->c->backward || stage <= (size_t)v->c->here)
        return true;
    char name[STAGE_NAME_MAX];
    v->e->not_yet = true;
    eval_fail(v->e, v->x->text, at, "expected a stage up to here, found %s, which is not computed yet", stage_name(&pass_plan(v->c->pass)->stages[stage], name));
    return false;
}

/* ---- addresses ---- */

/* The name of a stage or a weight without its layer, into out; its layer, or -1. */
static int split_layer(const char *name, char out[STAGE_NAME_MAX])
{
    const char *dot = strchr(name, '.');
    memcpy(out, name, strlen(name) + 1);
    if (!dot || dot[1] < '0' || dot[1] > '9')
        return -1;
    const char *rest = strchr(dot + 1, '.');
    int layer = atoi(dot + 1);
    if (rest)
        memmove(out + (dot - name), rest, strlen(rest) + 1);
    return layer;
}

static const char *address_name(const Pass *p, const Address *a, char out[STAGE_NAME_MAX])
{
    return a->is_weight ? pass_model(p)->weights.items[a->index].name : stage_name(&pass_plan(p)->stages[a->index], out);
}

/* The axis in front of several stages: their layers where they differ in nothing else, else their names. */
static int name_stages(const Eval *v, const AddressList *list, ValueAxis *axis)
{
    char **names = calloc(list->count, sizeof *names), (*texts)[STAGE_NAME_MAX] = calloc(list->count, sizeof *texts), first[STAGE_NAME_MAX] = "";
    bool layers = true;
    int status = names && texts ? 0 : error_memory(&v->e->error, "expression");
    for (size_t i = 0; status == 0 && i < list->count; i++) {
        char room[STAGE_NAME_MAX], rest[STAGE_NAME_MAX];
        names[i] = texts[i];
        strcpy(texts[i], address_name(v->c->pass, &list->items[i], room));
        layers = split_layer(texts[i], rest) >= 0 && layers;
        if (i == 0)
            strcpy(first, rest);
        layers = layers && strcmp(first, rest) == 0;
    }
    for (size_t i = 0; status == 0 && layers && i < list->count; i++) {
        char rest[STAGE_NAME_MAX];
        snprintf(texts[i], STAGE_NAME_MAX, "%d", split_layer(names[i], rest));
    }
    *axis = value_axis(layers ? "layer" : "stage");
    if (status == 0)
        status = value_axis_name(axis, (const char *const *)names, list->count, &v->e->error);
    free(names);
    free(texts);
    return status;
}

static ValueAxis axis_of(const Pass *p, const Address *a, int k)
{
    ValueAxis axis = value_axis(address_axis(p, a, k));
    axis.first = a->at[k].first;
    if (a->is_weight) {
        axis.vocab = a->shape[k] == pass_model(p)->config.vocab_size && a->shape[k] != pass_model(p)->config.d_model;
    } else {
        axis.pass = p;
        axis.stage = (int)a->index;
        axis.axis = k;
    }
    return axis;
}

/* True where both choose blocks of the same shape along the same axes. */
static bool same_block(const Pass *p, const Address *a, const Address *b)
{
    if (a->rank != b->rank)
        return false;
    for (int k = 0; k < a->rank; k++)
        if (a->at[k].end - a->at[k].first != b->at[k].end - b->at[k].first || strcmp(address_axis(p, a, k), address_axis(p, b, k)) != 0)
            return false;
    return true;
}

static void write_block(const Pass *p, const Address *a, Buffer *out)
{
    char room[STAGE_NAME_MAX];
    buffer_puts(out, address_name(p, a, room));
    for (int k = 0; k < a->rank; k++)
        buffer_printf(out, "%s%s %zu", k ? ", " : " [", address_axis(p, a, k), a->at[k].end - a->at[k].first);
    buffer_putc(out, ']');
}

/* The gradients of the context's loss are there afterwards. */
static int need_gradients(const Eval *v, size_t at)
{
    const ExpressionContext *c = v->c;
    Error cause = {{0}};
    double loss;
    size_t n;
    if (c->only_done && !c->backward) {
        v->e->not_yet = true;
        return eval_fail(v->e, v->x->text, at, "expected no gradient: it is not computed yet on the way forwards");
    }
    if (!c->targets)
        return eval_fail(v->e, v->x->text, at, "expected a pass whose targets are known, for the loss; give --targets");
    const int *have = pass_targets(c->pass, &n);
    if (have && n == c->target_count && memcmp(have, c->targets, n * sizeof *have) == 0)
        return 0;
    return pass_backward(c->pass, c->targets, c->target_count, &loss, &cause) == 0 ? 0 : fail_with(v, at, &cause);
}

static const real *numbers_of(const Eval *v, const Address *a, bool gradient)
{
    Pass *p = v->c->pass;
    if (gradient)
        return a->is_weight ? pass_weight_gradient(p, a->index) : pass_gradient(p, a->index);
    return a->is_weight ? pass_weight(p, a->index) : pass_value(p, a->index);
}

/* Whether these numbers may be read yet. A weight's gradient is whole when the first stage that reads it was gone through. */
static bool may_read_address(const Eval *v, size_t at, const Address *a, bool gradient)
{
    const Plan *plan = pass_plan(v->c->pass);
    if (!gradient)
        return a->is_weight || eval_may_read(v, at, a->index);
    if (!v->c->only_done || v->c->here == NO_STAGE)
        return true;
    size_t first = a->index;
    if (a->is_weight)
        for (first = 0; first < plan->count; first++)
            if (plan->stages[first].w[0] == (int)a->index || plan->stages[first].w[1] == (int)a->index)
                break;
    if (v->c->backward && first >= (size_t)v->c->here)
        return true;
    v->e->not_yet = true;
    eval_fail(v->e, v->x->text, at, "expected a gradient that is known here, found one that is not computed yet");
    return false;
}

/* Puts the blocks of a list one behind the other. */
static int gather(const Eval *v, size_t at, const AddressList *list, bool several, bool gradient, Value *out)
{
    const Pass *p = v->c->pass;
    const Address *a = &list->items[0];
    size_t shape[VALUE_MAX_RANK];
    int rank = 0;
    if (several)
        shape[rank++] = list->count;
    for (int k = 0; k < a->rank; k++)
        if (!a->at[k].single)
            shape[rank++] = a->at[k].end - a->at[k].first;
    if (value_array(out, rank, shape, &v->e->error) != 0)
        return -1;
    rank = 0;
    if (several && name_stages(v, list, &out->axes[rank++]) != 0)
        return -1;
    for (int k = 0; k < a->rank; k++)
        if (!a->at[k].single)
            out->axes[rank++] = axis_of(p, a, k);
    double *x = out->data;
    for (size_t i = 0; i < list->count; i++) {
        const Address *b = &list->items[i];
        if (!may_read_address(v, at, b, gradient))
            return -1;
        const real *numbers = numbers_of(v, b, gradient);
        size_t n = address_count(b);
        for (size_t k = 0; k < n; k++)
            *x++ = (double)numbers[address_offset(b, k)];
    }
    return 0;
}

/* True where a name may stand for several stages: then they get an axis of their own, were there one only. */
static bool has_star(const char *s, size_t n)
{
    for (size_t i = 0; i < n && s[i] != '['; i++)
        if (s[i] == '*')
            return true;
    return false;
}

/* Reads and gathers n bytes of an address that stands at byte `at` of the expression; there a word of `word` bytes may stand for its first
 * `stands_for` bytes ("here"). */
static int eval_text_address(const Eval *v, const char *s, size_t n, size_t at, size_t word, size_t stands_for, bool gradient, Value *out)
{
    const Pass *p = v->c->pass;
    AddressList list;
    Error cause = {{0}};
    size_t used = 0;
    int status = address_read(&list, p, v->c->here, s, n, &used, &cause);
    size_t place = used < stands_for ? at : at + used - stands_for + word;
    if (status != 0)
        return fail_with(v, place, &cause);
    if (used < n)
        status = eval_fail(v->e, v->x->text, place, "expected the end of the address");
    for (size_t i = 1; status == 0 && i < list.count; i++)
        if (!same_block(p, &list.items[0], &list.items[i])) {
            Buffer a = {0}, b = {0};
            write_block(p, &list.items[0], &a);
            write_block(p, &list.items[i], &b);
            status = eval_fail(v->e, v->x->text, at, "expected stages of one shape, found %s and %s; name one stack or sub-layer", buffer_text(&a), buffer_text(&b));
            buffer_free(&a);
            buffer_free(&b);
        }
    if (status == 0 && gradient)
        status = need_gradients(v, at);
    if (status == 0)
        status = gather(v, at, &list, list.count > 1 || has_star(s, n), gradient, out);
    if (status != 0)
        value_free(out);
    address_list_free(&list);
    return status;
}

int eval_here(const Eval *v, size_t at, bool gradient, Value *out)
{
    char name[STAGE_NAME_MAX];
    stage_name(&pass_plan(v->c->pass)->stages[v->c->here], name);
    return eval_text_address(v, name, strlen(name), at, 0, strlen(name), gradient || v->c->backward, out);
}

int eval_address(const Eval *v, size_t at, size_t len, bool gradient, Value *out)
{
    const char *s = v->x->text + at;
    size_t word = 0;
    while (word < len && s[word] != '[')
        word++;
    const Constant *c = constant_find(s, word);
    if (!c || (c->id != CONSTANT_HERE && c->id != CONSTANT_VALUE))
        return eval_text_address(v, s, len, at, 0, 0, gradient, out);
    if (v->c->here == NO_STAGE)
        return eval_fail(v->e, v->x->text, at, "expected the name of a stage: nobody stands at one here");
    Buffer text = {0};
    char name[STAGE_NAME_MAX];
    buffer_puts(&text, stage_name(&pass_plan(v->c->pass)->stages[v->c->here], name));
    buffer_add(&text, s + word, len - word);
    gradient = gradient || (c->id == CONSTANT_HERE && v->c->backward);
    int status = eval_text_address(v, buffer_text(&text), text.len, at, word, strlen(name), gradient, out);
    buffer_free(&text);
    return status;
}

/* ---- names ---- */

int eval_loss(const Eval *v, const Node *n, double *out)
{
    const ExpressionContext *c = v->c;
    Error cause = {{0}};
    if (!eval_may_read(v, n->at, pass_plan(c->pass)->count - 1))
        return -1;
    if (!c->targets)
        return eval_fail(v->e, v->x->text, n->at, "expected a pass whose targets are known, for the loss; give --targets");
    return pass_loss(c->pass, c->targets, c->target_count, out, &cause) == 0 ? 0 : fail_with(v, n->at, &cause);
}

static int eval_score(const Eval *v, const Node *n, Value *out)
{
    const ExpressionProvider *p = v->c->provider;
    Error cause = {{0}};
    double score;
    if (!p || !p->score)
        return fail_at(v, n, "expected no score here: nothing runs the model's task");
    if (p->score(p->context, &score, &cause) != 0)
        return fail_with(v, n->at, &cause);
    return value_number(out, score, &v->e->error);
}

static int eval_count(const Eval *v, double x, Value *out)
{
    int status = value_number(out, x, &v->e->error);
    out->whole = true;
    return status;
}

static int eval_constant(const Eval *v, const Node *n, const Constant *c, Value *out)
{
    const Model *m = pass_model(v->c->pass);
    size_t len = 0;
    double x;
    switch (c->id) {
    case CONSTANT_PI: return value_number(out, 3.14159265358979323846, &v->e->error);
    case CONSTANT_INF: return value_number(out, INFINITY, &v->e->error);
    case CONSTANT_TRUE:
    case CONSTANT_FALSE: return value_truth(out, c->id == CONSTANT_TRUE, &v->e->error);
    case CONSTANT_N: pass_ids(v->c->pass, config_last_stack(&m->config), &len); return eval_count(v, (double)len, out);
    case CONSTANT_N_SOURCE:
        if (config_has_stack(&m->config, STACK_ENCODER))
            pass_ids(v->c->pass, STACK_ENCODER, &len);
        return eval_count(v, (double)len, out);
    case CONSTANT_LOSS: return eval_loss(v, n, &x) == 0 ? value_number(out, x, &v->e->error) : -1;
    case CONSTANT_SCORE: return eval_score(v, n, out);
    case CONSTANT_HERE:
    case CONSTANT_VALUE: return eval_address(v, n->at, n->len, false, out);
    }
    return -1;
}

/* A key of config.json: numbers as they are, switches as truths, choices as texts. */
static int eval_config(const Eval *v, const ConfigKey *key, Value *out)
{
    const char *field = (const char *)&pass_model(v->c->pass)->config + key->offset;
    switch (key->type) {
    case KEY_SIZE: return eval_count(v, (double)*(const size_t *)(const void *)field, out);
    case KEY_NUMBER: return value_number(out, *(const double *)(const void *)field, &v->e->error);
    case KEY_BOOL: return value_truth(out, *(const bool *)field, &v->e->error);
    case KEY_CHOICE: {
        const char *choice = key->choices[*(const unsigned *)(const void *)field];
        return value_text(out, choice ? choice : "", choice ? strlen(choice) : 0, &v->e->error);
    }
    }
    return -1;
}

static const ConfigKey *find_key(const char *s, size_t n)
{
    for (const ConfigKey *k = config_keys; k->name; k++)
        if (strlen(k->name) == n && memcmp(k->name, s, n) == 0)
            return k;
    return NULL;
}

/* True where the sub-layer one stands in has a stage or weight of that name. */
static bool is_near(const Eval *v, const char *s, size_t n)
{
    char prefix[STAGE_NAME_MAX], name[2 * STAGE_NAME_MAX];
    if (v->c->here == NO_STAGE || n >= STAGE_NAME_MAX)
        return false;
    const Plan *plan = pass_plan(v->c->pass);
    snprintf(name, sizeof name, "%s.%.*s", stage_prefix(&plan->stages[v->c->here], prefix), (int)n, s);
    return plan_find(plan, name) >= 0 || weights_find(&pass_model(v->c->pass)->weights, name) >= 0;
}

static int eval_name(const Eval *v, const Node *n, Value *out)
{
    const char *s = v->x->text + n->at;
    if (is_near(v, s, n->len))
        return eval_address(v, n->at, n->len, false, out);
    const Constant *c = constant_find(s, n->len);
    if (c)
        return eval_constant(v, n, c, out);
    const ConfigKey *key = find_key(s, n->len);
    if (key)
        return eval_config(v, key, out);
    const Function *f = function_find(s, n->len);
    if (f && v->c->here == NO_STAGE)
        return eval_fail(v->e, v->x->text, n->at + n->len, "expected a '(': %s(%s)", f->name, f->arguments);
    if (f) {
        Node call = *n;
        call.type = NODE_CALL;
        call.function = f;
        return eval_call(v, &call, out);
    }
    return eval_address(v, n->at, n->len, false, out);
}

/* ---- operators ---- */

static double arithmetic(int op, double a, double b)
{
    switch (op) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    case '/': return a / b;
    default: return pow(a, b);
    }
}

/* Sets `out` to the shape of whichever is an array; an error where both are, of different shapes. */
static int fit_shapes(const Eval *v, const Node *n, const Value *a, const Value *b, Value *out)
{
    if (a->type == VALUE_TEXT || b->type == VALUE_TEXT)
        return fail_at(v, n, "expected numbers on both sides, found a text");
    bool same = a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->shape[k] == b->shape[k];
    if (!same && a->rank && b->rank) {
        Buffer text = {0};
        buffer_puts(&text, "expected two arrays of one shape, or a single number, found ");
        for (int side = 0; side < 2; side++) {
            const Value *s = side ? b : a;
            for (int k = 0; k < s->rank; k++)
                buffer_printf(&text, "%s%s %zu", k ? ", " : "[", s->axes[k].name, s->shape[k]);
            buffer_puts(&text, side ? "]" : "] and ");
        }
        fail_at(v, n, buffer_text(&text));
        buffer_free(&text);
        return -1;
    }
    const Value *like = a->rank ? a : b;
    if (value_array(out, like->rank, like->shape, &v->e->error) != 0)
        return -1;
    for (int k = 0; k < like->rank; k++)
        out->axes[k] = value_axis_share(&like->axes[k]);
    return 0;
}

static double at(const Value *a, size_t i)
{
    return a->data[a->rank ? i : 0];
}

static int eval_arithmetic(const Eval *v, const Node *n, const Value *a, const Value *b, Value *out)
{
    if (fit_shapes(v, n, a, b, out) != 0)
        return -1;
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = arithmetic(n->op, at(a, i), at(b, i));
    out->whole = n->op != '/' && (n->op != '^' || at(b, 0) >= 0) && (a->whole || a->type == VALUE_TRUTH) && (b->whole || b->type == VALUE_TRUTH);
    return 0;
}

static int eval_logic(const Eval *v, const Node *n, const Value *a, const Value *b, Value *out)
{
    if (a->type != VALUE_TRUTH || b->type != VALUE_TRUTH)
        return fail_at(v, n, n->type == NODE_AND ? "expected a comparison on both sides of \"and\"" : "expected a comparison on both sides of \"or\"");
    if (fit_shapes(v, n, a, b, out) != 0)
        return -1;
    out->type = VALUE_TRUTH;
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = n->type == NODE_AND ? at(a, i) != 0 && at(b, i) != 0 : at(a, i) != 0 || at(b, i) != 0;
    return 0;
}

static bool compare(int op, double a, double b, double tolerance)
{
    bool equal = a == b || fabs(a - b) <= tolerance;
    switch (op) {
    case IS_EQUAL: return equal;
    case IS_NOT: return !equal;
    case IS_LESS: return a < b + tolerance;
    case IS_AT_MOST: return a <= b + tolerance;
    case IS_MORE: return a > b - tolerance;
    default: return a >= b - tolerance;
    }
}

/* Texts are compared as texts, and an index along an axis with the names there: argmax(x) == "love". */
static int compare_texts(const Eval *v, const Node *n, const Value *a, const Value *b, Value *out)
{
    const Value *text = a->type == VALUE_TEXT ? a : b, *other = text == a ? b : a;
    if (n->op != IS_EQUAL && n->op != IS_NOT)
        return fail_at(v, n, "expected == or != between texts");
    if (n->kid[2] >= 0)
        return eval_fail(v->e, v->x->text, v->x->nodes[n->kid[2]].at, "expected no tolerance between texts");
    if (other->type == VALUE_TEXT)
        return value_truth(out, (strcmp(text->text, other->text) == 0) == (n->op == IS_EQUAL), &v->e->error);
    if (!other->is_index)
        return fail_at(v, n, "expected a number on both sides, found a text; only argmax is compared with a name");
    if (value_array(out, other->rank, other->shape, &v->e->error) != 0)
        return -1;
    out->type = VALUE_TRUTH;
    for (int k = 0; k < other->rank; k++)
        out->axes[k] = value_axis_share(&other->axes[k]);
    for (size_t i = 0; i < other->count; i++) {
        Buffer label = {0};
        if (other->data[i] >= 0)
            value_label(&other->of, (size_t)other->data[i], &label);
        out->data[i] = (strcmp(buffer_text(&label), text->text) == 0) == (n->op == IS_EQUAL);
        buffer_free(&label);
    }
    return 0;
}

static int compare_values(const Eval *v, const Node *n, const Value *a, const Value *b, Value *out)
{
    double tolerance = 0;
    if (a->type == VALUE_TEXT || b->type == VALUE_TEXT)
        return compare_texts(v, n, a, b, out);
    if (n->kid[2] >= 0) {
        Value t = {0};
        if (eval_node(v, n->kid[2], &t) != 0)
            return -1;
        bool good = t.type == VALUE_NUMBER && t.rank == 0 && t.data[0] >= 0;
        tolerance = good ? t.data[0] : 0;
        value_free(&t);
        if (!good)
            return eval_fail(v->e, v->x->text, v->x->nodes[n->kid[2]].at, "expected a tolerance: one number of at least 0");
    }
    if (fit_shapes(v, n, a, b, out) != 0)
        return -1;
    out->type = VALUE_TRUTH;
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = compare(n->op, at(a, i), at(b, i), n->percent ? tolerance / 100 * fabs(at(b, i)) : tolerance);
    return 0;
}

/* a < b < c …: each side is computed once. */
static int eval_compare(const Eval *v, int node, Value *out)
{
    const Node *n = &v->x->nodes[node];
    Value left = {0}, all = {0};
    int status = eval_node(v, n->kid[0], &left);
    for (bool first = true; status == 0; first = false) {
        Value right = {0}, holds = {0}, both = {0};
        status = eval_node(v, n->kid[1], &right);
        if (status == 0)
            status = compare_values(v, n, &left, &right, &holds);
        value_free(&left);
        left = right;
        if (status == 0 && !first) {
            Node and = {.type = NODE_AND, .at = n->at};
            status = eval_logic(v, &and, &all, &holds, &both);
            value_free(&holds);
            holds = both;
        }
        value_free(&all);
        all = holds;
        if (n->kid[3] < 0)
            break;
        n = &v->x->nodes[n->kid[3]];
    }
    value_free(&left);
    *out = all;
    if (status != 0)
        value_free(out);
    return status;
}

static int eval_two(const Eval *v, const Node *n, Value *out)
{
    Value a = {0}, b = {0};
    int status = eval_node(v, n->kid[0], &a);
    if (status == 0)
        status = eval_node(v, n->kid[1], &b);
    if (status == 0)
        status = n->type == NODE_ARITHMETIC ? eval_arithmetic(v, n, &a, &b, out) : eval_logic(v, n, &a, &b, out);
    value_free(&a);
    value_free(&b);
    return status;
}

static int eval_one(const Eval *v, const Node *n, Value *out)
{
    if (eval_node(v, n->kid[0], out) != 0)
        return -1;
    bool fits = n->type == NODE_NOT ? out->type == VALUE_TRUTH : out->type != VALUE_TEXT;
    if (!fits) {
        value_free(out);
        return fail_at(v, n, n->type == NODE_NOT ? "expected a comparison behind \"not\"" : "expected a number behind \"-\", found a text");
    }
    for (size_t i = 0; i < out->count; i++)
        out->data[i] = n->type == NODE_NOT ? out->data[i] == 0 : -out->data[i];
    if (n->type == NODE_NEGATE && out->type == VALUE_TRUTH) {
        out->type = VALUE_NUMBER;
        out->whole = true;
    }
    if (n->type == NODE_NEGATE)
        out->is_index = false;
    return 0;
}

/* ---- evaluating ---- */

int eval_node(const Eval *v, int node, Value *out)
{
    const Node *n = &v->x->nodes[node];
    *out = (Value){0};
    switch (n->type) {
    case NODE_NUMBER:
        if (value_number(out, n->number, &v->e->error) != 0)
            return -1;
        out->whole = n->whole;
        return 0;
    case NODE_TEXT: return value_text(out, v->x->text + n->at + 1, n->len - 2, &v->e->error);
    case NODE_NAME: return eval_name(v, n, out);
    case NODE_ADDRESS: return eval_address(v, n->at, n->len, false, out);
    case NODE_NEGATE:
    case NODE_NOT: return eval_one(v, n, out);
    case NODE_AND:
    case NODE_OR:
    case NODE_ARITHMETIC: return eval_two(v, n, out);
    case NODE_COMPARE: return eval_compare(v, node, out);
    case NODE_CALL: return eval_call(v, n, out);
    case NODE_INDEX: {
        Value in;
        const Node *base = &v->x->nodes[n->kid[0]];
        if (base->type == NODE_CALL && base->function->form == FORM_LAB)
            return eval_lab(v, base, n, out);
        if (eval_node(v, n->kid[0], &in) != 0)
            return -1;
        int status = eval_index(v, n, &in, out);
        value_free(&in);
        return status;
    }
    case NODE_WORD: break;
    }
    return out_of_memory(v, n);
}

int expression_evaluate(const Expression *x, const ExpressionContext *c, Value *out, ExpressionError *e)
{
    Eval v = {x, c, e};
    *e = (ExpressionError){.at = 0};
    return eval_node(&v, x->root, out);
}

int expression_run(const char *text, const ExpressionContext *c, Value *out, ExpressionError *e)
{
    Expression *x = expression_compile(text, strlen(text), e);
    int status = x ? expression_evaluate(x, c, out, e) : -1;
    expression_free(x);
    return status;
}
