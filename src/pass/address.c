/* address.c - reads addresses: a name, then what each index in the brackets means. */
#include "pass/address.h"

#include "base/text.h"
#include "model/nearest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

/* Everything up to the bracket. A "*" belongs to it where it is a whole part of the name: "decoder.*.self", not "loss*2". */
static size_t name_length(const char *s, size_t n)
{
    size_t i = 0;
    while (i < n && (is_name_char(s[i]) || (s[i] == '*' && (i == 0 || s[i - 1] == '.'))))
        i++;
    return i;
}

/* True where `name` is like the pattern (n bytes), whose "*" stands for any characters. */
static bool is_like(const char *pattern, size_t n, const char *name)
{
    size_t star = n, from = 0, i = 0, j = 0; /* after the last star, `from` is where it was tried */
    while (name[j]) {
        if (i < n && pattern[i] == '*') {
            star = i++;
            from = j;
        } else if (i < n && pattern[i] == name[j]) {
            i++;
            j++;
        } else if (star < n) {
            i = star + 1;
            j = ++from;
        } else {
            return false;
        }
    }
    while (i < n && pattern[i] == '*')
        i++;
    return i == n;
}

/* "decoder.0.self.weights" without its layer; false where it has none. */
static bool without_layer(const char *name, char out[WEIGHT_NAME_MAX])
{
    const char *dot = strchr(name, '.');
    if (!dot || dot[1] < '0' || dot[1] > '9')
        return false;
    const char *rest = strchr(dot + 1, '.');
    if (!rest)
        return false;
    memcpy(out, name, (size_t)(dot - name));
    memcpy(out + (dot - name), rest, strlen(rest) + 1);
    return true;
}

static bool fits(const char *pattern, size_t n, const char *name)
{
    char short_name[WEIGHT_NAME_MAX];
    return is_like(pattern, n, name) || (without_layer(name, short_name) && is_like(pattern, n, short_name));
}

static const char *name_of(const Pass *p, bool is_weight, size_t i, char out[STAGE_NAME_MAX])
{
    return is_weight ? pass_model(p)->weights.items[i].name : stage_name(&pass_plan(p)->stages[i], out);
}

/* ---- what a name stands for ---- */

static Address whole(const Pass *p, bool is_weight, size_t i)
{
    const Weight *w = is_weight ? &pass_model(p)->weights.items[i] : NULL;
    const Stage *s = is_weight ? NULL : &pass_plan(p)->stages[i];
    Address a = {.is_weight = is_weight, .index = i, .rank = is_weight ? w->rank : s->rank};
    for (int k = 0; k < a.rank; k++) {
        a.shape[k] = is_weight ? w->shape[k] : s->shape[k];
        a.at[k].end = a.shape[k];
    }
    return a;
}

static int add(AddressList *list, Address a, Error *e)
{
    Address *more = realloc(list->items, (list->count + 1) * sizeof *more);
    if (!more)
        return error_memory(e, "address");
    list->items = more;
    list->items[list->count++] = a;
    return 0;
}

/* Adds all stages (or weights) whose name fits. */
static int add_like(AddressList *list, const Pass *p, bool weights, const char *pattern, size_t n, Error *e)
{
    size_t count = weights ? pass_model(p)->weights.count : pass_plan(p)->count;
    char name[STAGE_NAME_MAX];
    for (size_t i = 0; i < count; i++)
        if (fits(pattern, n, name_of(p, weights, i, name)) && add(list, whole(p, weights, i), e) != 0)
            return -1;
    return 0;
}

static int no_such_name(const Pass *p, const char *s, size_t n, Error *e)
{
    Nearest near = nearest_to(s, n);
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    const Plan *plan = pass_plan(p);
    char(*names)[STAGE_NAME_MAX] = calloc(plan->count, sizeof *names);
    for (size_t i = 0; names && i < plan->count; i++)
        nearest_offer(&near, stage_name(&plan->stages[i], names[i]));
    for (size_t i = 0; i < pass_model(p)->weights.count; i++)
        nearest_offer(&near, pass_model(p)->weights.items[i].name);
    nearest_hint(&near, hint);
    free(names);
    return error_set(e, "expected a stage or a weight, found %s%s%s", quote_short(s, n, quoted), hint, *hint ? "" : _("; 'stepformer stages' lists them"));
}

static int find_name(AddressList *list, const Pass *p, int here, const char *s, size_t n, Error *e)
{
    char text[2 * STAGE_NAME_MAX];
    if (n == 0)
        return error_set(e, "expected the name of a stage or a weight, such as decoder.0.self.weights");
    snprintf(text, sizeof text, "%.*s", (int)n, s);
    int exact = n < sizeof text ? plan_find(pass_plan(p), text) : -1;
    int weight = n < sizeof text ? weights_find(&pass_model(p)->weights, text) : -1;
    if (exact >= 0)
        return add(list, whole(p, false, (size_t)exact), e);
    if (weight >= 0)
        return add(list, whole(p, true, (size_t)weight), e);
    if (here >= 0 && n < STAGE_NAME_MAX) { /* "weights" within a sub-layer, "W_Q" of one */
        char prefix[STAGE_NAME_MAX], longer[3 * STAGE_NAME_MAX];
        snprintf(longer, sizeof longer, "%s.%s", stage_prefix(&pass_plan(p)->stages[here], prefix), text);
        if ((exact = plan_find(pass_plan(p), longer)) >= 0)
            return add(list, whole(p, false, (size_t)exact), e);
        if ((weight = weights_find(&pass_model(p)->weights, longer)) >= 0)
            return add(list, whole(p, true, (size_t)weight), e);
    }
    if (add_like(list, p, false, s, n, e) != 0 || (list->count == 0 && add_like(list, p, true, s, n, e) != 0))
        return -1;
    return list->count ? 0 : no_such_name(p, s, n, e);
}

/* ---- indices ---- */

typedef struct Reader {
    const Pass *pass;
    const char *text;
    size_t at, n;
    Error *error;
} Reader;

const char *address_axis(const Pass *p, const Address *a, int axis)
{
    if (a->is_weight)
        return axis == 0 && a->rank == 2 ? "row" : "column";
    return axis_name(pass_plan(p)->stages[a->index].axes[axis]);
}

/* A name in an index: up to what ends it, or what stands in quotes. */
static void read_word(Reader *r, const char **word, size_t *len)
{
    size_t start = r->at;
    if (r->at < r->n && r->text[r->at] == '"') {
        start = ++r->at;
        while (r->at < r->n && r->text[r->at] != '"')
            r->at++;
        *len = r->at - start;
        r->at += r->at < r->n;
    } else {
        while (r->at < r->n && !strchr(",]", r->text[r->at]) && strncmp(r->text + r->at, "..", r->n - r->at < 2 ? 1 : 2) != 0)
            r->at++;
        *len = r->at - start;
    }
    *word = r->text + start;
}

/* True where a token is called that; "▁" is the space it begins with. */
static bool is_token(const Pass *p, int id, const char *word, size_t n)
{
    static const char blank[] = "▁";
    const char *token = vocab_token(pass_model(p)->vocab, id);
    if (strlen(token) == n && memcmp(token, word, n) == 0)
        return true;
    size_t skip = sizeof blank - 1;
    bool shown = n > skip && memcmp(word, blank, skip) == 0;
    return *token == ' ' && shown && strlen(token) == n - skip + 1 && memcmp(token + 1, word + skip, n - skip) == 0;
}

/* The position of a token in a stack's text. */
static int find_position(Reader *r, Stack stack, const char *word, size_t n, size_t *out)
{
    size_t len, found = 0, times = 0;
    char quoted[QUOTE_SHORT];
    const int *ids = pass_ids(r->pass, stack, &len);
    for (size_t i = 0; i < len; i++)
        if (is_token(r->pass, ids[i], word, n)) {
            if (times++ == 0)
                found = i;
            else
                return error_set(r->error, "%s stands at positions %zu and %zu: expected which, as a number", quote_short(word, n, quoted), found, i);
        }
    *out = found;
    return times ? 0 : error_set(r->error, "expected a position from 0 to %zu or one of its tokens, found %s", len - 1, quote_short(word, n, quoted));
}

static int find_by_name(Reader *r, const Address *a, int axis, const char *word, size_t n, size_t *out)
{
    char quoted[QUOTE_SHORT];
    const Stage *s = a->is_weight ? NULL : &pass_plan(r->pass)->stages[a->index];
    const Config *c = &pass_model(r->pass)->config;
    Axis kind = s ? s->axes[axis] : AXIS_NONE;
    if (kind == AXIS_TOKEN || kind == AXIS_QUERY || kind == AXIS_KEY)
        return find_position(r, s->axis_stack[axis], word, n, out);
    if (kind == AXIS_VOCAB || (a->is_weight && a->shape[axis] == c->vocab_size))
        for (size_t id = 0; id < a->shape[axis]; id++)
            if (is_token(r->pass, (int)id, word, n)) {
                *out = id;
                return 0;
            }
    if (c->dim_names && (kind == AXIS_DIM || (a->is_weight && a->shape[axis] == c->d_model)))
        for (size_t i = 0; i < a->shape[axis]; i++)
            if (strlen(c->dim_names[i]) == n && memcmp(c->dim_names[i], word, n) == 0) {
                *out = i;
                return 0;
            }
    return error_set(r->error, "expected a number from 0 to %zu, found %s", a->shape[axis] - 1, quote_short(word, n, quoted));
}

/* WHERE; *behind is how far one past it lies, which is the same but for a number -1 … */
static int read_where(Reader *r, const Address *a, int axis, size_t *out)
{
    size_t start = r->at, size = a->shape[axis];
    bool negative = r->at < r->n && r->text[r->at] == '-';
    size_t i = r->at + negative, x = 0, digits = 0;
    for (; i < r->n && is_digit(r->text[i]) && digits < 10; i++, digits++)
        x = x * 10 + (size_t)(r->text[i] - '0');
    if (digits > 0 && (i == r->n || strchr(",]. ", r->text[i]))) {
        r->at = i;
        if (negative ? x == 0 || x > size : x >= size) {
            r->at = start;
            return error_set(r->error, "expected %s from 0 to %zu, found %s%zu", address_axis(r->pass, a, axis), size - 1, negative ? "-" : "", x);
        }
        *out = negative ? size - x : x;
        return 0;
    }
    const char *word;
    size_t len;
    read_word(r, &word, &len);
    if (len > 0 && find_by_name(r, a, axis, word, len, out) == 0)
        return 0;
    r->at = start;
    return len > 0 ? -1 : error_set(r->error, "expected an index of %s", address_axis(r->pass, a, axis));
}

static int read_range(Reader *r, const Address *a, int axis, AddressRange *out)
{
    size_t last;
    out->given = true;
    out->single = false;
    if (r->at < r->n && r->text[r->at] == '*') {
        r->at++;
        out->first = 0;
        out->end = a->shape[axis];
        return 0;
    }
    size_t start = r->at;
    if (read_where(r, a, axis, &out->first) != 0)
        return -1;
    out->end = out->first + 1;
    out->single = true;
    if (r->n - r->at < 2 || memcmp(r->text + r->at, "..", 2) != 0)
        return 0;
    r->at += 2;
    if (read_where(r, a, axis, &last) != 0)
        return -1;
    if (last < out->first) {
        r->at = start;
        return error_set(r->error, "expected a range whose first index is not after its last, found %zu..%zu", out->first, last);
    }
    out->end = last + 1;
    out->single = false;
    return 0;
}

static void skip_spaces(Reader *r)
{
    while (r->at < r->n && r->text[r->at] == ' ')
        r->at++;
}

/* The length of "AXIS" where "AXIS=" stands here, else 0. */
static size_t axis_length(const Reader *r)
{
    size_t i = r->at;
    while (i < r->n && ((r->text[i] >= 'a' && r->text[i] <= 'z') || r->text[i] == '_'))
        i++;
    return i < r->n && r->text[i] == '=' ? i - r->at : 0;
}

/* layer=…: keeps the addresses of these layers only. */
static int keep_layers(Reader *r, AddressList *list)
{
    const Config *c = &pass_model(r->pass)->config;
    size_t kept = 0, most = config_layers(c, STACK_ENCODER) > config_layers(c, STACK_DECODER) ? config_layers(c, STACK_ENCODER) : config_layers(c, STACK_DECODER);
    size_t start = r->at, first = 0, end = most;
    if (r->at < r->n && r->text[r->at] == '*') {
        r->at++;
    } else {
        const char *word;
        size_t len, at[2] = {0, 0};
        int n = 0;
        do {
            bool more = n > 0;
            r->at += more ? 2 : 0;
            size_t from = r->at;
            read_word(r, &word, &len);
            char *stop;
            long x = len > 0 && len < 8 ? strtol(word, &stop, 10) : -1;
            if (len == 0 || len >= 8 || stop != word + len || x < -(long)most || x >= (long)most) {
                char quoted[QUOTE_SHORT];
                r->at = from;
                return error_set(r->error, "expected a layer from 0 to %zu, found %s", most ? most - 1 : 0, quote_short(word, len, quoted));
            }
            at[n++] = x < 0 ? most - (size_t)-x : (size_t)x;
        } while (n < 2 && r->n - r->at >= 2 && memcmp(r->text + r->at, "..", 2) == 0);
        first = at[0];
        end = at[n - 1] + 1;
    }
    for (size_t i = 0; i < list->count; i++) {
        const Address *a = &list->items[i];
        char name[STAGE_NAME_MAX];
        const char *full = name_of(r->pass, a->is_weight, a->index, name), *dot = strchr(full, '.');
        bool has = dot && is_digit(dot[1]);
        size_t layer = has ? strtoul(dot + 1, NULL, 10) : 0;
        if (has && layer >= first && layer < end)
            list->items[kept++] = *a;
    }
    list->count = kept;
    if (kept)
        return 0;
    r->at = start;
    return error_set(r->error, "expected a layer that has such a stage");
}

/* True where the axis is called that: by its own name, or "token" where its tokens are the only ones the stage has, or "head" for the
 * heads of keys and values. */
static bool is_called(const Pass *p, const Address *a, int axis, const char *word, size_t n)
{
    const char *name = address_axis(p, a, axis);
    if (strlen(name) == n && memcmp(name, word, n) == 0)
        return true;
    if (a->is_weight)
        return false;
    const Stage *s = &pass_plan(p)->stages[a->index];
    bool both = s->axes[s->rank - 1] == AXIS_KEY, position = s->axes[axis] == AXIS_QUERY || s->axes[axis] == AXIS_KEY;
    return (n == 5 && memcmp(word, "token", n) == 0 && position && !both) || (n == 4 && memcmp(word, "head", n) == 0 && s->axes[axis] == AXIS_KV_HEAD);
}

/* The axis that the next index is of: named, or the first that has none yet. -1 with the error set. */
static int choose_axis(Reader *r, const Address *a)
{
    size_t len = axis_length(r);
    char quoted[QUOTE_SHORT];
    Buffer names = {0};
    for (int k = 0; k < a->rank; k++) {
        buffer_printf(&names, k ? ", %s" : "%s", address_axis(r->pass, a, k));
        if (!a->at[k].given && (len == 0 || is_called(r->pass, a, k, r->text + r->at, len))) {
            buffer_free(&names);
            r->at += len + (len > 0);
            return k;
        }
    }
    if (len)
        error_set(r->error, "expected one of its axes (%s), each once, found %s", buffer_text(&names), quote_short(r->text + r->at, len, quoted));
    else
        error_set(r->error, "expected at most %d indices (%s)", a->rank, buffer_text(&names));
    buffer_free(&names);
    return -1;
}

/* One index, for every address of the list. */
static int read_index(Reader *r, AddressList *list)
{
    size_t start = r->at, end = start;
    if (axis_length(r) == 5 && memcmp(r->text + r->at, "layer", 5) == 0) {
        r->at += 6;
        return keep_layers(r, list);
    }
    for (size_t i = 0; i < list->count; i++) {
        r->at = start;
        Address *a = &list->items[i];
        int axis = choose_axis(r, a);
        if (axis < 0 || read_range(r, a, axis, &a->at[axis]) != 0)
            return -1;
        end = r->at;
    }
    r->at = end;
    return 0;
}

static int read_brackets(Reader *r, AddressList *list)
{
    r->at++;
    do {
        skip_spaces(r);
        if (read_index(r, list) != 0)
            return -1;
        skip_spaces(r);
        if (r->at < r->n && r->text[r->at] == ']') {
            r->at++;
            return 0;
        }
    } while (r->at < r->n && r->text[r->at++] == ',');
    return error_set(r->error, "expected a comma or a ']' here");
}

int address_read(AddressList *out, const Pass *p, int here, const char *text, size_t n, size_t *used, Error *e)
{
    Reader r = {p, text, 0, n, e};
    *out = (AddressList){0};
    size_t len = name_length(text, n);
    int status = find_name(out, p, here, text, len, e);
    if (status == 0) {
        r.at = len;
        if (r.at < n && text[r.at] == '[')
            status = read_brackets(&r, out);
    }
    *used = r.at;
    if (status != 0)
        address_list_free(out);
    return status;
}

void address_list_free(AddressList *list)
{
    free(list->items);
    *list = (AddressList){0};
}

/* ---- using one ---- */

size_t address_count(const Address *a)
{
    size_t n = 1;
    for (int k = 0; k < a->rank; k++)
        n *= a->at[k].end - a->at[k].first;
    return n;
}

size_t address_offset(const Address *a, size_t k)
{
    size_t offset = 0, stride = 1;
    for (int i = a->rank; i-- > 0;) {
        size_t n = a->at[i].end - a->at[i].first;
        offset += (a->at[i].first + k % n) * stride;
        k /= n;
        stride *= a->shape[i];
    }
    return offset;
}

void address_write(const Pass *p, const Address *a, Buffer *out)
{
    char name[STAGE_NAME_MAX];
    buffer_puts(out, name_of(p, a->is_weight, a->index, name));
    int written = 0;
    for (int k = 0; k < a->rank; k++) {
        if (!a->at[k].given)
            continue;
        buffer_printf(out, "%c%s=%zu", written++ ? ',' : '[', address_axis(p, a, k), a->at[k].first);
        if (a->at[k].end > a->at[k].first + 1)
            buffer_printf(out, "..%zu", a->at[k].end - 1);
    }
    if (written)
        buffer_putc(out, ']');
}
