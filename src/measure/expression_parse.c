/* expression_parse.c - from the text of an expression to its nodes: recursive descent, one function a level.
 *
 * Knows the grammar and the tables of names, no model. Bounded against hostile text: EXPRESSION_MAX bytes, EXPRESSION_DEPTH_MAX levels. */
#include "base/text.h"
#include "measure/expression_internal.h"
#include "model/nearest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Parser {
    Expression *x;
    size_t at;
    int depth;
    ExpressionError *e;
} Parser;

/* ---- errors ---- */

int eval_fail(ExpressionError *e, const char *text, size_t at, const char *format, ...)
{
    char what[sizeof e->error.text];
    size_t character = 1;
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, _(format), args);
    va_end(args);
    for (size_t i = 0; i < at; i++)
        character += ((unsigned char)text[i] & 0xc0) != 0x80;
    e->at = at;
    return error_set(&e->error, "character %zu: %s", character, what);
}

/* "expected E, found F", F being what stands here. */
static int expected(Parser *p, const char *what)
{
    const char *s = p->x->text + p->at;
    size_t n = p->x->len - p->at, len = 0;
    char quoted[QUOTE_SHORT];
    if (n == 0)
        return eval_fail(p->e, p->x->text, p->at, "expected %s, found the end", _(what));
    while (len < n && len < 40 && !strchr(" ()[],", s[len]))
        len++;
    if (len == 0)
        len = 1;
    while (len < n && ((unsigned char)s[len] & 0xc0) == 0x80)
        len++;
    return eval_fail(p->e, p->x->text, p->at, "expected %s, found %s", _(what), quote_short(s, len, quoted));
}

/* ---- characters ---- */

static void skip_spaces(Parser *p)
{
    while (p->at < p->x->len && strchr(" \t\n", p->x->text[p->at]) && p->x->text[p->at])
        p->at++;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* True, and past it, where s stands here. */
static bool take(Parser *p, const char *s)
{
    skip_spaces(p);
    size_t n = strlen(s);
    if (p->x->len - p->at < n || memcmp(p->x->text + p->at, s, n) != 0)
        return false;
    p->at += n;
    return true;
}

/* The same for a word that no letter follows. */
static bool take_word(Parser *p, const char *word)
{
    size_t start = p->at;
    if (take(p, word) && (p->at == p->x->len || !(is_letter(p->x->text[p->at]) || is_digit(p->x->text[p->at]) || p->x->text[p->at] == '.')))
        return true;
    p->at = start;
    return false;
}

static char peek(const Parser *p)
{
    return p->at < p->x->len ? p->x->text[p->at] : '\0';
}

/* ---- nodes ---- */

static int add_node(Parser *p, NodeType type, size_t at, size_t len)
{
    Expression *x = p->x;
    if ((x->count & (x->count - 1)) == 0) { /* full at each power of two */
        Node *more = realloc(x->nodes, (x->count ? 2 * (size_t)x->count : 1) * sizeof *more);
        if (!more) {
            p->e->at = at;
            return error_memory(&p->e->error, "expression");
        }
        x->nodes = more;
    }
    x->nodes[x->count] = (Node){.type = type, .at = at, .len = len, .kid = {-1, -1, -1, -1}};
    return x->count++;
}

/* A node over one or two others; -1 where one of them is an error. */
static int add_over(Parser *p, NodeType type, int op, size_t at, int a, int b)
{
    int node = a < 0 ? -1 : add_node(p, type, at, p->at - at);
    if (node < 0)
        return -1;
    Node *n = &p->x->nodes[node];
    n->op = op;
    n->kid[0] = a;
    n->kid[1] = b;
    n->kids = b < 0 ? 1 : 2;
    return node;
}

static int parse_expression(Parser *p);

/* ---- calls ---- */

/* An argument that is taken as it stands, up to the comma or the bracket that ends it; spaces around it left out. Empty: -1. */
static int parse_raw(Parser *p, const char *what)
{
    skip_spaces(p);
    size_t start = p->at;
    if (peek(p) == '"') {
        const char *close = memchr(p->x->text + start + 1, '"', p->x->len - start - 1);
        if (!close) {
            p->at = p->x->len;
            return expected(p, "a '\"' that ends the text");
        }
        p->at = (size_t)(close - p->x->text) + 1;
        return add_node(p, NODE_WORD, start + 1, p->at - start - 2);
    }
    while (p->at < p->x->len && !strchr(",)", peek(p))) {
        size_t end = peek(p) == '[' ? brackets_end(p->x->text, p->x->len, p->at) : p->at + 1;
        if (end == 0)
            return expected(p, "a ']' behind this bracket");
        p->at = end;
    }
    size_t end = p->at;
    while (end > start && p->x->text[end - 1] == ' ')
        end--;
    return end > start ? add_node(p, NODE_WORD, start, end - start) : expected(p, what);
}

/* The rest of a lab's arguments, one slice: "key=value, key=value". */
static int parse_settings(Parser *p)
{
    skip_spaces(p);
    size_t start = p->at;
    while (p->at < p->x->len && peek(p) != ')')
        p->at++;
    return add_node(p, NODE_WORD, start, p->at - start);
}

static int parse_axis(Parser *p)
{
    skip_spaces(p);
    size_t start = p->at;
    while (is_letter(peek(p)))
        p->at++;
    return p->at > start ? add_node(p, NODE_WORD, start, p->at - start) : expected(p, "the name of an axis");
}

/* Argument number i of a function. */
static int parse_argument(Parser *p, const Function *f, int i)
{
    switch (f->form) {
    case FORM_COST: return parse_raw(p, "a stage or the beginning of its name");
    case FORM_GRAD: return parse_raw(p, "a stage or a weight");
    case FORM_LAB: return i ? parse_settings(p) : parse_raw(p, "the name of an experiment");
    case FORM_TOKEN: return i ? parse_expression(p) : parse_raw(p, "a token");
    case FORM_ALL:
    case FORM_LAST: return i ? parse_axis(p) : parse_expression(p);
    default: return parse_expression(p);
    }
}

static int most_arguments(const Function *f)
{
    switch (f->form) {
    case FORM_ALL:
    case FORM_LAST: return ARGUMENTS_MAX;
    case FORM_COSINE:
    case FORM_TOKEN:
    case FORM_LAB: return 2;
    default: return 1;
    }
}

static int parse_call(Parser *p, size_t start, size_t len)
{
    const char *name = p->x->text + start;
    const Function *f = function_find(name, len);
    if (!f) {
        Nearest near = nearest_to(name, len);
        char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
        for (const Function *g = function_table; g->name; g++)
            nearest_offer(&near, g->name);
        nearest_hint(&near, hint);
        return eval_fail(p->e, p->x->text, start, "expected a function, found %s%s; 'stepformer print' lists them",
                         quote_short(name, len, quoted), hint);
    }
    int node = add_node(p, NODE_CALL, start, len), kids = 0, kid[ARGUMENTS_MAX] = {-1, -1, -1, -1};
    if (node < 0)
        return -1;
    skip_spaces(p);
    bool none = f->form == FORM_COST && peek(p) == ')';
    for (bool more = !none; more; more = take(p, ",")) {
        if ((kid[kids] = parse_argument(p, f, kids)) < 0)
            return -1;
        kids++;
        skip_spaces(p);
        if (kids == most_arguments(f) && peek(p) == ',')
            return eval_fail(p->e, p->x->text, p->at, "expected a ')': %s(%s)", f->name, f->arguments);
    }
    if (!take(p, ")"))
        return expected(p, kids < most_arguments(f) ? "a ',' or a ')'" : "a ')'");
    Node *n = &p->x->nodes[node];
    n->function = f;
    n->kids = kids;
    memcpy(n->kid, kid, sizeof kid);
    return node;
}

/* ---- values ---- */

static int parse_number(Parser *p)
{
    char text[64], *stop;
    size_t start = p->at, n = 0;
    bool whole = true;
    while (n + 1 < sizeof text && start + n < p->x->len) {
        char c = p->x->text[start + n];
        bool sign = (c == '+' || c == '-') && n && (text[n - 1] == 'e' || text[n - 1] == 'E');
        if (!is_digit(c) && c != '.' && c != 'e' && c != 'E' && !sign)
            break;
        whole = whole && is_digit(c);
        text[n++] = c;
    }
    text[n] = '\0';
    double x = strtod(text, &stop);
    if (stop != text + n || (start + n < p->x->len && (is_letter(p->x->text[start + n]) || is_digit(p->x->text[start + n]))))
        return expected(p, "a number");
    if (x > 1.7976931348623157e308)
        return expected(p, "a number that fits a double");
    p->at += n;
    int node = add_node(p, NODE_NUMBER, start, n);
    if (node >= 0) {
        p->x->nodes[node].number = x;
        p->x->nodes[node].whole = whole;
    }
    return node;
}

static int parse_text(Parser *p)
{
    size_t start = p->at;
    const char *close = memchr(p->x->text + start + 1, '"', p->x->len - start - 1);
    if (!close) {
        p->at = p->x->len;
        return expected(p, "a '\"' that ends the text");
    }
    p->at = (size_t)(close - p->x->text) + 1;
    return add_node(p, NODE_TEXT, start, p->at - start);
}

/* A name, a call or an address. A '*' is part of it where it is a whole part of the name: "decoder.*.self", not "loss*2". */
static int parse_name(Parser *p)
{
    size_t start = p->at;
    const char *s = p->x->text;
    bool address = false;
    while (p->at < p->x->len &&
           (is_letter(s[p->at]) || is_digit(s[p->at]) || s[p->at] == '.' || (s[p->at] == '*' && (p->at == start || s[p->at - 1] == '.')))) {
        address = address || s[p->at] == '*';
        p->at++;
    }
    size_t len = p->at - start;
    if (!address && take(p, "("))
        return parse_call(p, start, len);
    p->at = start + len;
    if (peek(p) != '[')
        return add_node(p, NODE_NAME, start, len);
    const Constant *c = constant_find(s + start, len);
    if (c && c->id != CONSTANT_HERE && c->id != CONSTANT_VALUE)
        return eval_fail(p->e, s, p->at, "expected no index: %s is one number", c->name);
    size_t end = brackets_end(s, p->x->len, p->at);
    if (end == 0)
        return eval_fail(p->e, s, p->x->len, "expected a ']' that ends the indices, found the end");
    p->at = end;
    return add_node(p, NODE_ADDRESS, start, end - start);
}

static int parse_primary(Parser *p)
{
    skip_spaces(p);
    char c = peek(p), next = p->at + 1 < p->x->len ? p->x->text[p->at + 1] : '\0';
    size_t start = p->at;
    if (is_digit(c) || (c == '.' && is_digit(next)))
        return parse_number(p);
    if (c == '"')
        return parse_text(p);
    if (take(p, "(")) {
        int inner = parse_expression(p);
        if (inner >= 0 && !take(p, ")"))
            return expected(p, "a ')'");
        return inner;
    }
    if (take(p, "π") || take(p, "∞"))
        return add_node(p, NODE_NAME, start, p->at - start);
    if (is_letter(c) || c == '*')
        return parse_name(p);
    if ((unsigned char)c >= 0x80)
        return expected(p, "a number, a name or a function (a token stands in quotes)");
    return expected(p, "a number, a name or a function");
}

/* A value with indices behind it: "lab(heads)[row=2, column=loss]". */
static int parse_postfix(Parser *p)
{
    int node = parse_primary(p);
    while (node >= 0 && peek(p) == '[') {
        size_t start = p->at, end = brackets_end(p->x->text, p->x->len, start);
        if (end == 0)
            return eval_fail(p->e, p->x->text, p->x->len, "expected a ']' that ends the indices, found the end");
        p->at = end;
        node = add_over(p, NODE_INDEX, 0, start + 1, node, -1);
        if (node >= 0)
            p->x->nodes[node].len = end - start - 2;
    }
    return node;
}

/* ---- operators ---- */

static int parse_unary(Parser *p);

static int parse_power(Parser *p)
{
    int a = parse_postfix(p);
    skip_spaces(p);
    size_t at = p->at;
    if (a >= 0 && take(p, "^")) {
        int b = parse_unary(p);
        return b < 0 ? -1 : add_over(p, NODE_ARITHMETIC, '^', at, a, b);
    }
    return a;
}

static int parse_unary(Parser *p)
{
    skip_spaces(p);
    size_t at = p->at;
    if (!take(p, "-") && !take(p, "−"))
        return parse_power(p);
    if (++p->depth > EXPRESSION_DEPTH_MAX)
        return eval_fail(p->e, p->x->text, at, "expected at most %d levels", EXPRESSION_DEPTH_MAX);
    int a = parse_unary(p);
    p->depth--;
    return add_over(p, NODE_NEGATE, 0, at, a, -1);
}

static int parse_product(Parser *p)
{
    int a = parse_unary(p);
    while (a >= 0) {
        skip_spaces(p);
        size_t at = p->at;
        int op = take(p, "*") || take(p, "×") || take(p, "·") ? '*' : take(p, "/") || take(p, "÷") ? '/' : 0;
        if (!op)
            break;
        int b = parse_unary(p);
        a = b < 0 ? -1 : add_over(p, NODE_ARITHMETIC, op, at, a, b);
    }
    return a;
}

/* True where a tolerance begins: "±", or "+-" written together. */
static bool at_tolerance(Parser *p)
{
    size_t start = p->at;
    bool is = take(p, "±") || take(p, "+-");
    p->at = start;
    return is;
}

static int parse_sum(Parser *p)
{
    int a = parse_product(p);
    while (a >= 0 && !at_tolerance(p)) {
        skip_spaces(p);
        size_t at = p->at;
        int op = take(p, "+") ? '+' : take(p, "-") || take(p, "−") ? '-' : 0;
        if (!op)
            break;
        int b = parse_product(p);
        a = b < 0 ? -1 : add_over(p, NODE_ARITHMETIC, op, at, a, b);
    }
    return a;
}

/* The comparison that stands here, or -1. */
static int take_comparison(Parser *p)
{
    static const struct {
        const char *text;
        Comparison op;
    } signs[] = {{"==", IS_EQUAL},    {"!=", IS_NOT},     {"≠", IS_NOT},  {"<=", IS_AT_MOST}, {"≤", IS_AT_MOST},
                 {">=", IS_AT_LEAST}, {"≥", IS_AT_LEAST}, {"<", IS_LESS}, {">", IS_MORE}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (take(p, signs[i].text))
            return (int)signs[i].op;
    return -1;
}

static int parse_comparison(Parser *p)
{
    int a = parse_sum(p), chain = -1, last = -1;
    while (a >= 0) {
        skip_spaces(p);
        size_t at = p->at;
        int op = take_comparison(p);
        if (op < 0)
            break;
        int b = parse_sum(p), tolerance = -1;
        bool percent = false;
        if (b < 0)
            return -1;
        if (at_tolerance(p)) {
            if (!take(p, "±"))
                take(p, "+-");
            if ((tolerance = parse_sum(p)) < 0)
                return -1;
            percent = take(p, "%");
        }
        int node = add_over(p, NODE_COMPARE, op, at, a, b);
        if (node < 0)
            return -1;
        Node *compare = &p->x->nodes[node];
        compare->kid[2] = tolerance;
        compare->percent = percent;
        if (last >= 0) { /* its left side is what the one before it has on its right */
            compare->kid[0] = -1;
            p->x->nodes[last].kid[3] = node;
        }
        chain = chain < 0 ? node : chain;
        last = node;
        a = b;
    }
    skip_spaces(p);
    if (a >= 0 && at_tolerance(p))
        return eval_fail(p->e, p->x->text, p->at,
                         "expected a comparison in front of a tolerance, such as == 0.5 +- 0.01; write + - for arithmetic");
    if (a >= 0 && peek(p) == '=')
        return eval_fail(p->e, p->x->text, p->at, "expected == to compare, found \"=\"");
    return chain < 0 ? a : chain;
}

static int parse_not(Parser *p)
{
    skip_spaces(p);
    size_t at = p->at;
    if (!take_word(p, "not"))
        return parse_comparison(p);
    if (++p->depth > EXPRESSION_DEPTH_MAX)
        return eval_fail(p->e, p->x->text, at, "expected at most %d levels", EXPRESSION_DEPTH_MAX);
    int a = parse_not(p);
    p->depth--;
    return add_over(p, NODE_NOT, 0, at, a, -1);
}

static int parse_and(Parser *p)
{
    int a = parse_not(p);
    while (a >= 0) {
        skip_spaces(p);
        size_t at = p->at;
        if (!take_word(p, "and"))
            break;
        int b = parse_not(p);
        a = b < 0 ? -1 : add_over(p, NODE_AND, 0, at, a, b);
    }
    return a;
}

static int parse_expression(Parser *p)
{
    if (++p->depth > EXPRESSION_DEPTH_MAX)
        return eval_fail(p->e, p->x->text, p->at, "expected at most %d levels of brackets", EXPRESSION_DEPTH_MAX);
    int a = parse_and(p);
    while (a >= 0) {
        skip_spaces(p);
        size_t at = p->at;
        if (!take_word(p, "or"))
            break;
        int b = parse_and(p);
        a = b < 0 ? -1 : add_over(p, NODE_OR, 0, at, a, b);
    }
    p->depth--;
    return a;
}

/* ---- the whole ---- */

/* How deep the nodes lie: a long chain "1+1+1+…" is as deep as it is long. */
static int depth_of(const Expression *x, int node, int limit)
{
    const Node *n = &x->nodes[node];
    int deepest = 0;
    for (int i = 0; i < ARGUMENTS_MAX && limit > 0; i++) {
        int d = n->kid[i] < 0 ? 0 : depth_of(x, n->kid[i], limit - 1);
        deepest = d > deepest ? d : deepest;
    }
    return deepest + 1;
}

static Expression *fail(Expression *x)
{
    expression_free(x);
    return NULL;
}

Expression *expression_compile(const char *text, size_t n, ExpressionError *e)
{
    enum { TREE_MAX = 512 };
    *e = (ExpressionError){.at = 0};
    if (n > EXPRESSION_MAX) {
        error_set(&e->error, "expected at most %d bytes, found %zu", EXPRESSION_MAX, n);
        return NULL;
    }
    if (memchr(text, '\0', n) || !text_is_valid(text, n)) {
        error_set(&e->error, "expression: expected UTF-8 text, found other bytes");
        return NULL;
    }
    Expression *x = calloc(1, sizeof *x);
    if (!x || !(x->text = malloc(n + 1))) {
        error_memory(&e->error, "expression");
        return fail(x);
    }
    memcpy(x->text, text, n);
    x->text[n] = '\0';
    x->len = n;
    Parser p = {x, 0, 0, e};
    x->root = parse_expression(&p);
    if (x->root < 0)
        return fail(x);
    skip_spaces(&p);
    if (p.at < n) {
        expected(&p, "an operator or the end");
        return fail(x);
    }
    if (depth_of(x, x->root, TREE_MAX) > TREE_MAX) {
        eval_fail(e, x->text, 0, "expected at most %d operators in a row", TREE_MAX);
        return fail(x);
    }
    return x;
}

void expression_free(Expression *x)
{
    if (!x)
        return;
    free(x->nodes);
    free(x->text);
    free(x);
}

const char *expression_text(const Expression *x)
{
    return x->text;
}
