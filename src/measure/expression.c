/* expression.c - evaluates compiled expressions: operators and names.
 *
 * Functions are expression_call.c's, addresses expression_address.c's. */
#include "measure/expression_internal.h"

#include "base/text.h"
#include "model/config_keys.h"
#include "model/nearest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int fail_at(const Eval *v, const Node *n, const char *what)
{
    return eval_fail(v->e, v->x->text, n->at, "%s", _(what));
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

/* ---- names ---- */

/* The mean loss over the context's targets. */
static int eval_loss(const Eval *v, const Node *n, double *out)
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
    if (v->c->in_baseline)
        return fail_at(v, n, "expected no score within baseline(…): the score is of the model as it is now");
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
    case KEY_SWITCH: {
        Switch s = *(const Switch *)(const void *)field;
        return value_truth(out, s == SWITCH_UNSET ? pass_model(v->c->pass)->config.bias : s == SWITCH_ON, &v->e->error);
    }
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
        buffer_puts(&text, _("expected two arrays of one shape, or a single number, found "));
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
    out->whole =
        n->op != '/' && (n->op != '^' || at(b, 0) >= 0) && (a->whole || a->type == VALUE_TRUTH) && (b->whole || b->type == VALUE_TRUTH);
    return 0;
}

static int eval_logic(const Eval *v, const Node *n, const Value *a, const Value *b, Value *out)
{
    if (a->type != VALUE_TRUTH || b->type != VALUE_TRUTH)
        return fail_at(
            v, n, n->type == NODE_AND ? N_("expected a comparison on both sides of \"and\"") : N_("expected a comparison on both sides of \"or\""));
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
        return fail_at(v, n, n->type == NODE_NOT ? N_("expected a comparison behind \"not\"") : N_("expected a number behind \"-\", found a text"));
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
