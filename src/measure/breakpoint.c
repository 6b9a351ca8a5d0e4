/* breakpoint.c - reads breakpoints, finds the stages they mean, and decides whether one stops. */
#include "measure/breakpoint.h"

#include "pass/address.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the word "if" begins in n bytes, or n. */
static size_t find_if(const char *s, size_t n)
{
    for (size_t i = 0; i + 2 <= n; i++)
        if (s[i] == 'i' && s[i + 1] == 'f' && (i == 0 || is_space(s[i - 1]) || s[i - 1] == ']') &&
            (i + 2 == n || is_space(s[i + 2]) || s[i + 2] == '('))
            return i;
    return n;
}

/* True, with the rest in *rest, where n bytes are `word`, spaces and something. */
static bool has_word(const char *s, const char *word, const char **rest)
{
    size_t n = strlen(word);
    if (strncmp(s, word, n) != 0 || !is_space(s[n]))
        return false;
    while (is_space(s[n]))
        n++;
    *rest = s + n;
    return true;
}

static void mark(Breakpoint *b, size_t first, size_t last)
{
    b->forwards[first] = true;
    b->backwards[last] = true;
}

/* The stages of a kind, by its id. */
static bool mark_kind(Breakpoint *b, const Plan *plan, const char *id)
{
    bool found = false;
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(stage_table[plan->stages[i].kind].id, id) == 0) {
            mark(b, i, i);
            found = true;
        }
    return found;
}

/* The first stage of each layer n, in every stack; backwards its last. */
static bool mark_layer(Breakpoint *b, const Plan *plan, int layer)
{
    bool found = false;
    for (size_t i = 0; i < plan->count;) {
        size_t first, end;
        plan_layer(plan, i, &first, &end);
        if (plan->stages[i].layer == layer) {
            mark(b, first, end - 1);
            found = true;
        }
        i = end > i ? end : i + 1;
    }
    return found;
}

/* A part of the plan: stages whose names begin with `part` and a dot. */
static bool mark_part(Breakpoint *b, const Plan *plan, const char *part)
{
    size_t n = strlen(part), first = plan->count, last = 0;
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < plan->count; i++) {
        stage_name(&plan->stages[i], name);
        if (strncmp(name, part, n) != 0 || name[n] != '.')
            continue;
        first = first < plan->count ? first : i;
        last = i;
    }
    if (first < plan->count)
        mark(b, first, last);
    return first < plan->count;
}

/* Marks what WHERE means; -1 with e set where that is nothing. `at` is where it stands in the text. */
static int mark_where(Breakpoint *b, const Pass *p, size_t at, ExpressionError *e)
{
    const Plan *plan = pass_plan(p);
    const char *rest, *where = b->where;
    char *stop;
    bool layer = has_word(where, "layer", &rest), kind = !layer && has_word(where, "kind", &rest);
    e->at = at;
    if (!*where) {
        memset(b->forwards, true, plan->count * sizeof *b->forwards);
        memset(b->backwards, true, plan->count * sizeof *b->backwards);
        return 0;
    }
    if (layer || kind) {
        e->at += (size_t)(rest - where);
        long n = layer ? strtol(rest, &stop, 10) : 0;
        if (layer && (stop == rest || *stop || n < 0 || n > CONFIG_MAX_LAYERS || !mark_layer(b, plan, (int)n)))
            return error_set(&e->error, "expected the number of a layer of this model, found \"%s\"", rest);
        if (kind && !mark_kind(b, plan, rest))
            return error_set(&e->error, "expected a kind of stage of this plan, such as weights, found \"%s\"", rest);
        return 0;
    }
    if (mark_kind(b, plan, where) || mark_part(b, plan, where))
        return 0;
    AddressList list;
    size_t used;
    if (address_read(&list, p, NO_STAGE, where, strlen(where), &used, &e->error) != 0) {
        e->at += used;
        return -1;
    }
    int status = 0;
    const char *bracket = strchr(where, '[');
    if (where[used])
        status = error_set(&e->error, "expected \"if\" or the end, found \"%s\"", where + used);
    else if (list.items[0].is_weight)
        status = error_set(&e->error, "expected a stage, found a weight, which is not computed");
    else if (bracket && strncmp(bracket, "[layer=", 7) != 0)
        status = error_set(&e->error, "expected a whole stage; cells are asked about in a condition, such as if max(here[head=1]) > 1");
    for (size_t i = 0; status == 0 && i < list.count; i++)
        mark(b, list.items[i].index, list.items[i].index);
    address_list_free(&list);
    return status;
}

/* Finds what it means in the pass's plan. */
static int bind(Breakpoint *b, const Pass *p, size_t at, ExpressionError *e)
{
    size_t n = pass_plan(p)->count;
    free(b->forwards);
    free(b->backwards);
    b->stages = b->covered = 0;
    b->forwards = calloc(n, sizeof *b->forwards);
    b->backwards = calloc(n, sizeof *b->backwards);
    if (!b->forwards || !b->backwards)
        return error_memory(&e->error, "breakpoint");
    b->stages = n;
    int status = mark_where(b, p, at, e);
    for (size_t i = 0; i < n; i++)
        b->covered += b->forwards[i];
    return status;
}

static void free_one(Breakpoint *b)
{
    free(b->text);
    free(b->where);
    expression_free(b->condition);
    free(b->forwards);
    free(b->backwards);
}

/* "character N: " in front of an error that has none yet. */
static int point_at(ExpressionError *e, const char *text)
{
    size_t character = 1;
    for (size_t i = 0; i < e->at && text[i]; i++)
        character += ((unsigned char)text[i] & 0xc0) != 0x80;
    return error_prefix(&e->error, "character %zu", character);
}

/* Compiles the condition behind byte `at` of the text. What stands in front is blanked, so that errors count from the text's beginning. */
static Expression *compile_condition(const char *text, size_t at, ExpressionError *e)
{
    char *blanked = strdup(text);
    if (!blanked) {
        error_memory(&e->error, "breakpoint");
        return NULL;
    }
    memset(blanked, ' ', at);
    Expression *x = expression_compile(blanked, strlen(blanked), e);
    free(blanked);
    return x;
}

int breakpoints_add(Breakpoints *b, int number, const char *text, const Pass *p, ExpressionError *e)
{
    size_t n = strlen(text), start = 0;
    *e = (ExpressionError){.at = 0};
    while (n && is_space(text[n - 1]))
        n--;
    while (start < n && is_space(text[start]))
        start++;
    size_t condition = start + find_if(text + start, n - start), end = condition;
    while (end > start && is_space(text[end - 1]))
        end--;
    if (start == n) {
        error_set(&e->error, "expected a stage, a kind, layer N, or \"if\" and a condition, found nothing");
        return point_at(e, text);
    }
    Breakpoint *more = realloc(b->items, (b->count + 1) * sizeof *more);
    if (!more)
        return error_memory(&e->error, "breakpoint");
    b->items = more;
    Breakpoint *x = &b->items[b->count];
    *x = (Breakpoint){.number = number, .text = strndup(text + start, n - start), .where = strndup(text + start, end - start)};
    int status = x->text && x->where ? 0 : error_memory(&e->error, "breakpoint");
    if (status == 0 && condition < n) {
        x->condition = compile_condition(text, condition + 2, e);
        status = x->condition ? 0 : -1;
    }
    if (status == 0 && bind(x, p, start, e) != 0)
        status = point_at(e, text);
    if (status != 0)
        free_one(x);
    else
        b->count++;
    return status;
}

void breakpoints_remove(Breakpoints *b, size_t i)
{
    free_one(&b->items[i]);
    b->count--;
    memmove(b->items + i, b->items + i + 1, (b->count - i) * sizeof *b->items);
}

void breakpoints_free(Breakpoints *b)
{
    while (b->count)
        free_one(&b->items[--b->count]);
    free(b->items);
    *b = (Breakpoints){0};
}

int breakpoints_bind(Breakpoints *b, const Pass *p, Error *e)
{
    for (size_t i = 0; i < b->count; i++) {
        ExpressionError ignored = {.at = 0};
        bind(&b->items[i], p, 0, &ignored);
        if (b->items[i].stages == 0)
            return error_memory(e, "breakpoint");
    }
    return 0;
}

/* ---- asking ---- */

bool breakpoint_marks(const Breakpoint *b, size_t stage, bool backward)
{
    return *b->where && stage < b->stages && (backward ? b->backwards : b->forwards)[stage];
}

/* 1 where it stops, 0 where not, -1 with e set. */
static int stops(const Breakpoint *b, const ExpressionContext *c, ExpressionError *e)
{
    Value v;
    ExpressionContext done = *c;
    done.only_done = true;
    size_t here = (size_t)c->here;
    if (here >= b->stages || !(c->backward ? b->backwards : b->forwards)[here])
        return 0;
    if (!b->condition)
        return 1;
    if (expression_evaluate(b->condition, &done, &v, e) != 0)
        return e->not_yet ? 0 : -1;
    bool holds = value_holds(&v), comparison = v.type == VALUE_TRUTH;
    value_free(&v);
    if (comparison)
        return holds;
    e->at = strlen(expression_text(b->condition));
    return error_set(&e->error, "expected a condition, such as max(here) > 1, found a number");
}

const Breakpoint *breakpoints_hit(const Breakpoints *b, const ExpressionContext *c, ExpressionError *e)
{
    for (size_t i = 0; i < b->count; i++) {
        *e = (ExpressionError){.at = 0};
        int s = stops(&b->items[i], c, e);
        if (s == 0)
            e->error.text[0] = '\0';
        if (s != 0)
            return &b->items[i];
    }
    *e = (ExpressionError){.at = 0};
    return NULL;
}
