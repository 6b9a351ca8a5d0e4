/* expression_index.c - indices behind a value: "entropy(weights)[head=1]", "lab(heads)[row=2, column=loss]".
 *
 * They are written as in addresses; here the axes and their names are the value's. */
#include "measure/expression_internal.h"

#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

size_t brackets_end(const char *text, size_t n, size_t at)
{
    bool word_begins = true;
    for (size_t i = at + 1; i < n; i++) {
        char c = text[i];
        if (c == '"' && word_begins) {
            const char *close = memchr(text + i + 1, '"', n - i - 1);
            if (!close)
                return 0;
            i = (size_t)(close - text);
        } else if (c == ']') {
            return i + 1;
        }
        word_begins = c == ',' || c == '=' || c == ' ' || c == '.';
    }
    return 0;
}

/* What is being read: the slice between the brackets. */
typedef struct Indices {
    const Eval *eval;
    const char *text; /* of the whole expression */
    size_t at, end;
    const Value *in;
    size_t first[VALUE_MAX_RANK], past[VALUE_MAX_RANK];
    bool given[VALUE_MAX_RANK], single[VALUE_MAX_RANK];
} Indices;

static void skip_spaces(Indices *r)
{
    while (r->at < r->end && r->text[r->at] == ' ')
        r->at++;
}

static bool stands_here(const Indices *r, const char *s)
{
    size_t n = strlen(s);
    return r->end - r->at >= n && memcmp(r->text + r->at, s, n) == 0;
}

/* The axis this index is of: named, or the first that has none yet; -1 with the error set. */
static int choose_axis(Indices *r)
{
    size_t len = 0;
    while (r->at + len < r->end && ((r->text[r->at + len] >= 'a' && r->text[r->at + len] <= 'z') || r->text[r->at + len] == '_'))
        len++;
    if (r->at + len >= r->end || r->text[r->at + len] != '=')
        len = 0;
    Buffer names = {0};
    int found = -1;
    for (int k = 0; k < r->in->rank && found < 0; k++) {
        const char *name = r->in->axes[k].name;
        buffer_printf(&names, k ? ", %s" : "%s", name);
        bool fits = len == 0 || (strlen(name) == len && memcmp(name, r->text + r->at, len) == 0);
        if (fits && !r->given[k])
            found = k;
    }
    if (found >= 0)
        r->at += len + (len > 0);
    else if (r->in->rank == 0)
        eval_fail(r->eval->e, r->text, r->at, "expected no index: it is one number");
    else
        eval_fail(r->eval->e, r->text, r->at, "expected at most one index of each axis (%s)", buffer_text(&names));
    buffer_free(&names);
    return found;
}

/* A number, or the name of an index; up to a comma, "..", or the end. */
static int read_where(Indices *r, int axis, size_t *out)
{
    size_t start = r->at, n, size = r->in->shape[axis];
    const char *word = r->text + r->at;
    char quoted[QUOTE_SHORT], number[24];
    if (*word == '"' && r->at < r->end) {
        word++;
        const char *close = memchr(word, '"', r->end - r->at - 1);
        n = close ? (size_t)(close - word) : r->end - r->at - 1;
        r->at += n + 1 + (close != NULL);
    } else {
        while (r->at < r->end && r->text[r->at] != ',' && !stands_here(r, ".."))
            r->at++;
        n = r->at - start;
        while (n && word[n - 1] == ' ')
            n--;
        char *stop = number;
        if (n && n < sizeof number) {
            memcpy(number, word, n);
            number[n] = '\0';
            long x = strtol(number, &stop, 10);
            if (stop == number + n && (x < 0 ? x + (long)size >= 0 : x < (long)size)) {
                *out = (size_t)(x < 0 ? x + (long)size : x);
                return 0;
            }
        }
    }
    for (size_t i = 0; i < size; i++) {
        Buffer label = {0};
        value_label(&r->in->axes[axis], i, &label);
        bool same = label.len == n && memcmp(buffer_text(&label), word, n) == 0;
        buffer_free(&label);
        if (same) {
            *out = i;
            return 0;
        }
    }
    return eval_fail(r->eval->e, r->text, start, "expected %s from 0 to %zu, or its name, found %s", r->in->axes[axis].name,
                     size ? size - 1 : 0, quote_short(word, n, quoted));
}

static int read_index(Indices *r)
{
    skip_spaces(r);
    int k = choose_axis(r);
    if (k < 0)
        return -1;
    skip_spaces(r);
    r->given[k] = true;
    if (stands_here(r, "*")) {
        r->at++;
        return 0;
    }
    size_t start = r->at, last;
    if (read_where(r, k, &r->first[k]) != 0)
        return -1;
    r->past[k] = r->first[k] + 1;
    r->single[k] = true;
    if (!stands_here(r, ".."))
        return 0;
    r->at += 2;
    if (read_where(r, k, &last) != 0)
        return -1;
    if (last < r->first[k])
        return eval_fail(r->eval->e, r->text, start, "expected a range whose first index is not after its last, found %zu..%zu",
                         r->first[k], last);
    r->past[k] = last + 1;
    r->single[k] = false;
    return 0;
}

/* Takes the chosen block out of the value. */
static int take_block(const Indices *r, Value *out)
{
    size_t shape[VALUE_MAX_RANK], size[VALUE_MAX_RANK];
    int rank = 0;
    const Value *in = r->in;
    for (int k = 0; k < in->rank; k++) {
        size[k] = r->past[k] - r->first[k];
        if (!r->single[k])
            shape[rank++] = size[k];
    }
    if (value_array(out, rank, shape, &r->eval->e->error) != 0)
        return -1;
    rank = 0;
    for (int k = 0; k < in->rank; k++) {
        if (r->single[k])
            continue;
        out->axes[rank] = value_axis_share(&in->axes[k]);
        out->axes[rank].first += r->first[k];
        rank++;
    }
    out->type = in->type;
    out->whole = in->whole;
    out->is_index = in->is_index;
    out->of = value_axis_share(&in->of);
    for (size_t i = 0; i < out->count; i++) {
        size_t rest = i, offset = 0, stride = 1;
        for (int k = in->rank; k-- > 0;) {
            offset += (r->first[k] + rest % size[k]) * stride;
            rest /= size[k];
            stride *= in->shape[k];
        }
        out->data[i] = in->data[offset];
    }
    return 0;
}

int eval_index(const Eval *v, const Node *node, const Value *in, Value *out)
{
    Indices r = {.eval = v, .text = v->x->text, .at = node->at, .end = node->at + node->len, .in = in};
    if (in->type == VALUE_TEXT)
        return eval_fail(v->e, r.text, node->at, "expected no index behind a text");
    for (int k = 0; k < in->rank; k++)
        r.past[k] = in->shape[k];
    for (bool more = true; more;) {
        if (read_index(&r) != 0)
            return -1;
        skip_spaces(&r);
        more = r.at < r.end;
        if (more && r.text[r.at++] != ',')
            return eval_fail(v->e, r.text, r.at - 1, "expected a comma or a ']' here");
    }
    return take_block(&r, out);
}
