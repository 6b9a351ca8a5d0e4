/* edit.c - edits: from text to what happens to a value, and to its gradient on the way back. */
#include "pass/edit.h"

#include "base/random.h"
#include "base/text.h"
#include "model/nearest.h"
#include "pass/input.h"
#include "pass/pass_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

int edits_add(Edits *edits, const char *text, Error *e)
{
    char **more = realloc(edits->items, (edits->count + 1) * sizeof *more);
    if (more)
        edits->items = more;
    char *copy = more ? strdup(text) : NULL;
    if (!copy)
        return error_memory(e, "edits");
    edits->items[edits->count++] = copy;
    return 0;
}

void edits_remove(Edits *edits, size_t i)
{
    free(edits->items[i]);
    edits->count--;
    memmove(edits->items + i, edits->items + i + 1, (edits->count - i) * sizeof *edits->items);
}

int edits_copy(Edits *to, const Edits *from, Error *e)
{
    *to = (Edits){0};
    for (size_t i = 0; i < from->count; i++)
        if (edits_add(to, from->items[i], e) != 0) {
            edits_free(to);
            return -1;
        }
    return 0;
}

void edits_free(Edits *edits)
{
    while (edits->count)
        free(edits->items[--edits->count]);
    free(edits->items);
    *edits = (Edits){0};
}

int edits_read(Edits *edits, const char *text, size_t n, Error *e)
{
    int line = 1;
    for (size_t at = 0; at < n; line++) {
        const char *begin = text + at, *end = memchr(begin, '\n', n - at);
        size_t len = end ? (size_t)(end - begin) : n - at;
        at += len + 1;
        while (len && (begin[len - 1] == ' ' || begin[len - 1] == '\t' || begin[len - 1] == '\r'))
            len--;
        while (len && (*begin == ' ' || *begin == '\t')) {
            begin++;
            len--;
        }
        if (len == 0 || *begin == '#')
            continue;
        if (memchr(begin, '\0', len) || !text_is_valid(begin, len))
            return error_set(e, "line %d: expected UTF-8 text, found other bytes", line);
        char *copy = strndup(begin, len);
        int status = copy ? edits_add(edits, copy, e) : error_memory(e, "edits");
        free(copy);
        if (status != 0)
            return -1;
    }
    return 0;
}

void edits_write(const Edits *edits, Buffer *out)
{
    for (size_t i = 0; i < edits->count; i++)
        buffer_printf(out, "%s\n", edits->items[i]);
}

/* ---- an edit as a pass carries it out ---- */

typedef enum ChangeKind { CHANGE_SET, CHANGE_MEAN, CHANGE_SCALE, CHANGE_ADD, CHANGE_NUMBERS, CHANGE_UNMASK, CHANGE_TOKEN } ChangeKind;

typedef struct Change {
    ChangeKind kind;
    size_t edit; /* which of the list it comes from */
    Address at;
    double x;      /* SET, SCALE */
    int id;        /* TOKEN */
    real *numbers; /* ADD, NUMBERS: one for each cell, row by row */
} Change;

struct Changes {
    Edits edits;
    Change *items;
    size_t count;
    int *ids[2];     /* the ids as they were fed, where a token is replaced */
    real **computed; /* by stage: what it computed itself, where that was edited; else NULL */
    real **weights;  /* by weight: an edited copy, or NULL */
    real **inner;    /* by stage: the gradient of that, once the pass went backwards */
    size_t stages, weight_count;
};

static int stack_of(const Stage *s)
{
    return s->stack == STACK_ENCODER ? 0 : 1;
}

/* Rows over which a mean is taken, and how far the numbers of a column are apart. A vector is one column. */
static size_t rows_of(const Address *a)
{
    return a->shape[a->rank > 1 ? a->rank - 2 : 0];
}

static size_t columns_of(const Address *a)
{
    return a->rank > 1 ? a->shape[a->rank - 1] : 1;
}

/* The first number of the column that the number at `offset` is in. */
static size_t column_start(const Address *a, size_t offset)
{
    size_t columns = columns_of(a), matrix = rows_of(a) * columns;
    return offset / matrix * matrix + offset % columns;
}

/* Changes a tensor. `unmasked` is the input of a MASKED stage. */
static void change(const Change *c, real *x, const real *unmasked)
{
    size_t n = address_count(&c->at), rows = rows_of(&c->at), columns = columns_of(&c->at);
    if (c->kind == CHANGE_MEAN) { /* the first selected of each column takes the mean, the others copy it */
        for (size_t k = 0; k < n; k++) {
            size_t offset = address_offset(&c->at, k), start = column_start(&c->at, offset);
            int axis = c->at.rank > 1 ? c->at.rank - 2 : 0;
            size_t first = start + c->at.at[axis].first * columns;
            double sum = 0;
            if (offset == first) {
                for (size_t r = 0; r < rows; r++)
                    sum += x[start + r * columns];
                x[offset] = (real)(sum / (double)rows);
            } else {
                x[offset] = x[first];
            }
        }
        return;
    }
    for (size_t k = 0; k < n; k++) {
        real *y = &x[address_offset(&c->at, k)];
        switch (c->kind) {
        case CHANGE_SET: *y = (real)c->x; break;
        case CHANGE_SCALE: *y *= (real)c->x; break;
        case CHANGE_ADD: *y += c->numbers[k]; break;
        case CHANGE_NUMBERS: *y = c->numbers[k]; break;
        case CHANGE_UNMASK: *y = unmasked[address_offset(&c->at, k)]; break;
        default: break;
        }
    }
}

/* From the gradient of what a change made, g, to that of what it was made from. */
static void change_back(const Change *c, real *g, real *dunmasked)
{
    size_t n = address_count(&c->at), rows = rows_of(&c->at), columns = columns_of(&c->at);
    int axis = c->at.rank > 1 ? c->at.rank - 2 : 0;
    AddressRange range = c->at.at[axis];
    for (size_t k = 0; k < n; k++) {
        size_t offset = address_offset(&c->at, k), start = column_start(&c->at, offset);
        switch (c->kind) {
        case CHANGE_SET:
        case CHANGE_NUMBERS: g[offset] = 0; break;
        case CHANGE_SCALE: g[offset] *= (real)c->x; break;
        case CHANGE_UNMASK:
            dunmasked[offset] += g[offset];
            g[offset] = 0;
            break;
        case CHANGE_MEAN: { /* once for each column, at its first selected row: every row has a share of the sum */
            double sum = 0;
            if (offset != start + range.first * columns)
                break;
            for (size_t r = range.first; r < range.end; r++) {
                sum += g[start + r * columns];
                g[start + r * columns] = 0;
            }
            for (size_t r = 0; r < rows; r++)
                g[start + r * columns] += (real)(sum / (double)rows);
            break;
        }
        default: break;
        }
    }
}

void changes_apply(Pass *p, size_t i)
{
    struct Changes *c = p->changes;
    const Stage *s = &p->plan.stages[i];
    if (!c->computed[i])
        return;
    memcpy(c->computed[i], p->values[i], s->count * sizeof(real));
    for (size_t k = 0; k < c->count; k++)
        if (!c->items[k].at.is_weight && c->items[k].at.index == i)
            change(&c->items[k], p->values[i], s->in[0] == NO_STAGE ? NULL : p->values[s->in[0]]);
}

void changes_before_backward(Pass *p, size_t i, StageRun *r)
{
    struct Changes *c = p->changes;
    if (!c->computed[i])
        return;
    memcpy(c->inner[i], p->gradients[i], r->stage->count * sizeof(real));
    for (size_t k = c->count; k-- > 0;)
        if (!c->items[k].at.is_weight && c->items[k].at.index == i)
            change_back(&c->items[k], c->inner[i], r->din[0]);
    r->out = c->computed[i];
    r->dout = c->inner[i];
}

void changes_free(struct Changes *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        free(c->items[i].numbers);
    free(c->items);
    edits_free(&c->edits);
    free(c->ids[0]);
    free(c->ids[1]);
    for (size_t i = 0; c->computed && i < c->stages; i++)
        free(c->computed[i]);
    for (size_t i = 0; c->inner && i < c->stages; i++)
        free(c->inner[i]);
    for (size_t i = 0; c->weights && i < c->weight_count; i++)
        free(c->weights[i]);
    free(c->computed);
    free(c->weights);
    free(c->inner);
    free(c);
}

/* ---- from text ---- */

typedef struct Line {
    Pass *pass;
    struct Changes *changes;
    const char *text;
    size_t at, n;
    Error *error;
} Line;

static void skip_spaces(Line *l)
{
    while (l->at < l->n && l->text[l->at] == ' ')
        l->at++;
}

/* Takes `word` where it stands here. */
static bool take(Line *l, const char *word)
{
    size_t n = strlen(word);
    if (l->n - l->at < n || memcmp(l->text + l->at, word, n) != 0)
        return false;
    l->at += n;
    return true;
}

static int take_number(Line *l, double *x)
{
    char copy[64], *end;
    snprintf(copy, sizeof copy, "%.*s", (int)(l->n - l->at < sizeof copy ? l->n - l->at : sizeof copy - 1), l->text + l->at);
    *x = strtod(copy, &end);
    bool hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
    if (end == copy || hex || *copy == ' ')
        return error_set(l->error, "expected a number");
    l->at += (size_t)(end - copy);
    return 0;
}

/* The text between parentheses, which may hold some itself. */
static int take_parentheses(Line *l, const char **text, size_t *n)
{
    size_t start = l->at + 1, depth = 0;
    if (l->at >= l->n || l->text[l->at] != '(')
        return error_set(l->error, "expected a '('");
    for (; l->at < l->n; l->at++) {
        depth += l->text[l->at] == '(';
        if (l->text[l->at] == ')' && --depth == 0) {
            *text = l->text + start;
            *n = l->at++ - start;
            return 0;
        }
    }
    return error_set(l->error, "expected a ')' at the end");
}

static int make_room(Line *l, Change *c)
{
    c->numbers = malloc(address_count(&c->at) * sizeof *c->numbers);
    return c->numbers ? 0 : error_memory(l->error, "edit");
}

static int read_noise(Line *l, Change *c)
{
    double seed, std;
    c->kind = CHANGE_ADD;
    if (!take(l, "("))
        return error_set(l->error, "expected noise(SEED, STD)");
    skip_spaces(l);
    if (take_number(l, &seed) != 0)
        return -1;
    if (seed < 0 || seed > 1e15 || seed != (double)(uint64_t)seed)
        return error_set(l->error, "expected a whole number as the seed, found %g", seed);
    skip_spaces(l);
    if (!take(l, ","))
        return error_set(l->error, "expected noise(SEED, STD)");
    skip_spaces(l);
    if (take_number(l, &std) != 0)
        return -1;
    skip_spaces(l);
    if (!take(l, ")"))
        return error_set(l->error, "expected a ')'");
    if (!(std >= 0 && std < 1e30))
        return error_set(l->error, "expected a standard deviation of 0 or more, found %g", std);
    if (make_room(l, c) != 0)
        return -1;
    Random r = random_seeded((uint64_t)seed);
    for (size_t k = 0, n = address_count(&c->at); k < n; k++)
        c->numbers[k] = (real)(std * random_normal(&r));
    return 0;
}

/* The other pass of a patch, fed TEXT, or TEXT => TARGET. */
static Pass *patch_pass(Line *l, const char *text, size_t n)
{
    const Model *m = l->pass->model;
    const char *arrow = NULL;
    for (size_t i = 0; i + 1 < n && !arrow; i++)
        if (text[i] == '=' && text[i + 1] == '>')
            arrow = text + i;
    size_t len = arrow ? (size_t)(arrow - text) : n;
    char *source = strndup(text, len), *target = arrow ? strndup(arrow + 2, n - len - 2) : NULL;
    bool words = vocab_has_text(m->vocab), two = m->config.kind == KIND_ENCODER_DECODER;
    InputText given = {words ? source : NULL, words ? target : NULL, words ? NULL : source, words ? NULL : target};
    Input in = {0};
    Pass *p = NULL;
    if (!source || (arrow && !target)) {
        error_memory(l->error, "edit");
    } else if (two && !arrow && words && vocab_encode(m->vocab, source, ENCODE_ENCODER, &in.source, l->error) != 0) {
        /* the error is set */
    } else if (two && !arrow && !words && ids_parse(&in.source, source, "patch", m->config.vocab_size, false, l->error) != 0) {
        /* the error is set */
    } else if (two && !arrow) {
        PassInput feed = {in.source.data, l->pass->ids[1], in.source.len, l->pass->plan.input.target_len};
        p = pass_create(m, feed, l->pass->plan.ablations, l->error);
    } else if (input_read(&in, m, given, l->pass->plan.ablations, l->error) == 0) {
        p = pass_create(m, input_ids(&in), l->pass->plan.ablations, l->error);
    }
    if (p)
        pass_become(p, l->pass);
    input_free(&in);
    free(source);
    free(target);
    return p;
}

static int read_patch(Line *l, Change *c)
{
    const char *text;
    size_t n, start = l->at;
    c->kind = CHANGE_NUMBERS;
    if (take_parentheses(l, &text, &n) != 0)
        return -1;
    if (c->at.is_weight)
        return error_set(l->error, "expected a stage to patch, found a weight: it is the same for every text");
    Pass *other = patch_pass(l, text, n);
    int status = other ? make_room(l, c) : -1;
    if (status == 0) {
        const Stage *s = &pass_plan(other)->stages[c->at.index];
        Address there = c->at;
        for (int k = 0; k < s->rank && status == 0; k++) {
            there.shape[k] = s->shape[k];
            bool all = !c->at.at[k].given;
            if (all ? s->shape[k] != c->at.shape[k] : c->at.at[k].end > s->shape[k])
                status = error_set(l->error, "expected a text with %s%zu along %s, found %zu", all ? "" : "at least ",
                                   all ? c->at.shape[k] : c->at.at[k].end, axis_name(s->axes[k]), s->shape[k]);
        }
        const real *value = status == 0 ? pass_value(other, c->at.index) : NULL;
        for (size_t k = 0, cells = address_count(&c->at); value && k < cells; k++)
            c->numbers[k] = value[address_offset(&there, k)];
    }
    pass_free(other);
    if (status != 0)
        l->at = start;
    return status;
}

/* Keeps the ids as they were fed, once. */
static int keep_ids(Line *l, int stack, size_t n)
{
    int **kept = &l->changes->ids[stack];
    if (*kept)
        return 0;
    *kept = malloc(n * sizeof **kept);
    if (!*kept)
        return error_memory(l->error, "edit");
    memcpy(*kept, l->pass->ids[stack], n * sizeof **kept);
    return 0;
}

static int read_token(Line *l, Change *c)
{
    const Pass *p = l->pass;
    const Vocab *v = p->model->vocab;
    const Stage *s = c->at.is_weight ? NULL : &p->plan.stages[c->at.index];
    const char *text;
    size_t n, start = l->at, len;
    c->kind = CHANGE_TOKEN;
    if (!s || s->kind != STAGE_TOKENS || c->at.at[1].given)
        return error_set(l->error, "expected token(…) for a row of token embeddings, such as %s.embed.tokens[token=1]",
                         config_has_stack(&p->model->config, STACK_ENCODER) ? "encoder" : "decoder");
    if (take_parentheses(l, &text, &n) != 0)
        return -1;
    char *word = strndup(text, n), *end;
    if (!word)
        return error_memory(l->error, "edit");
    c->id = vocab_has_text(v) ? vocab_find(v, word) : -1;
    if (!vocab_has_text(v)) {
        long id = strtol(word + (*word == '#'), &end, 10);
        c->id = n && *end == '\0' && id >= 0 && (size_t)id < vocab_size(v) ? (int)id : -1;
    }
    Nearest near = nearest_to(word, n);
    for (size_t id = 0; c->id < 0 && vocab_has_text(v) && id < vocab_size(v); id++)
        nearest_offer(&near, vocab_token(v, (int)id));
    char quoted[QUOTE_SHORT], hint[NEAREST_HINT];
    quote_short(word, n, quoted);
    nearest_hint(&near, hint);
    free(word);
    if (c->id < 0) {
        l->at = start;
        return error_set(l->error, "expected a token of %s's vocabulary, found %s%s", p->model->name, quoted, hint);
    }
    int stack = stack_of(s);
    pass_ids(p, s->stack, &len);
    if (keep_ids(l, stack, len) != 0)
        return -1;
    for (size_t i = c->at.at[0].first; i < c->at.at[0].end; i++)
        l->pass->ids[stack][i] = c->id;
    return 0;
}

/* What stands behind the address. */
static int read_change(Line *l, Change *c)
{
    skip_spaces(l);
    if (take(l, "*=")) {
        skip_spaces(l);
        c->kind = CHANGE_SCALE;
        return take_number(l, &c->x);
    }
    if (take(l, "+=")) {
        skip_spaces(l);
        if (take(l, "noise"))
            return read_noise(l, c);
        c->kind = CHANGE_ADD;
        if (take_number(l, &c->x) != 0)
            return error_set(l->error, "expected a number or noise(SEED, STD)");
        if (make_room(l, c) != 0)
            return -1;
        for (size_t k = 0, n = address_count(&c->at); k < n; k++)
            c->numbers[k] = (real)c->x;
        return 0;
    }
    if (!take(l, "="))
        return error_set(l->error, "expected =, *= or +=");
    skip_spaces(l);
    c->kind = CHANGE_SET;
    c->x = 0;
    if (take(l, "zero"))
        return 0;
    if (take(l, "mean")) {
        c->kind = CHANGE_MEAN;
        return 0;
    }
    if (take(l, "patch"))
        return read_patch(l, c);
    if (take(l, "token"))
        return read_token(l, c);
    if (take(l, "unmasked")) {
        c->kind = CHANGE_UNMASK;
        if (!c->at.is_weight && l->pass->plan.stages[c->at.index].kind == STAGE_MASKED)
            return 0;
        return error_set(l->error, "expected masked scores before =unmasked, such as decoder.0.self.masked[query=1]");
    }
    return take_number(l, &c->x) == 0 ? 0 : error_set(l->error, "expected a number, zero, mean, unmasked, patch(TEXT) or token(TEXT)");
}

static int add_change(Line *l, Change c)
{
    Change *more = realloc(l->changes->items, (l->changes->count + 1) * sizeof *more);
    if (!more)
        return error_memory(l->error, "edits");
    l->changes->items = more;
    more[l->changes->count++] = c;
    return 0;
}

/* Reads edit number `edit`, which may change several stages. */
static int read_edit(Line *l, size_t edit)
{
    AddressList list;
    size_t used = 0, behind = 0;
    skip_spaces(l);
    int status = address_read(&list, l->pass, NO_STAGE, l->text + l->at, l->n - l->at, &used, l->error);
    l->at += used;
    for (size_t i = 0; i < list.count && status == 0; i++) {
        Change c = {.edit = edit, .at = list.items[i]};
        size_t start = l->at;
        status = read_change(l, &c);
        skip_spaces(l);
        if (status == 0 && l->at < l->n)
            status = error_set(l->error, "expected the end");
        behind = l->at;
        if (status == 0)
            status = add_change(l, c);
        if (status != 0)
            free(c.numbers);
        else
            l->at = start;
    }
    l->at = behind > l->at ? behind : l->at;
    address_list_free(&list);
    return status;
}

/* ---- taking effect ---- */

/* Memory for what the changes need while the pass runs, and the edited weights. */
static int prepare(struct Changes *c, const Pass *p, Error *e)
{
    const Weights *w = &p->model->weights;
    c->stages = p->plan.count;
    c->weight_count = w->count;
    c->computed = calloc(c->stages, sizeof *c->computed);
    c->inner = calloc(c->stages, sizeof *c->inner);
    c->weights = calloc(c->weight_count ? c->weight_count : 1, sizeof *c->weights);
    if (!c->computed || !c->inner || !c->weights)
        return error_memory(e, "edits");
    for (size_t k = 0; k < c->count; k++) {
        const Change *x = &c->items[k];
        size_t i = x->at.index, n = x->at.is_weight ? w->items[i].count : p->plan.stages[i].count;
        real **room = x->at.is_weight ? &c->weights[i] : &c->computed[i];
        if (x->kind == CHANGE_TOKEN)
            continue;
        if (!*room && !(*room = pass_allocate(n)))
            return error_memory(e, "edits");
        if (!x->at.is_weight) {
            if (!c->inner[i] && !(c->inner[i] = pass_allocate(n)))
                return error_memory(e, "edits");
            continue;
        }
        bool first = true;
        for (size_t j = 0; j < k; j++)
            first = first && !(c->items[j].at.is_weight && c->items[j].at.index == i);
        if (first)
            memcpy(*room, w->items[i].data, n * sizeof **room);
        change(x, *room, NULL);
    }
    return 0;
}

/* The ids as they were fed, or as the token edits of c have them. */
static void put_ids(Pass *p, const struct Changes *c, bool edited)
{
    for (int stack = 0; c && stack < 2; stack++)
        if (c->ids[stack] && !edited)
            memcpy(p->ids[stack], c->ids[stack], (stack == 0 ? p->plan.input.source_len : p->plan.input.target_len) * sizeof(int));
    for (size_t k = 0; c && edited && k < c->count; k++) {
        const Change *x = &c->items[k];
        for (size_t i = x->at.at[0].first; x->kind == CHANGE_TOKEN && i < x->at.at[0].end; i++)
            p->ids[stack_of(&p->plan.stages[x->at.index])][i] = x->id;
    }
}

/* The first stage that the edits from number `from` on change. */
static size_t first_changed(const Pass *p, const struct Changes *c, size_t from)
{
    size_t first = p->plan.count;
    for (size_t k = 0; c && k < c->count; k++) {
        const Change *x = &c->items[k];
        for (size_t i = 0; x->edit >= from && i < first; i++) {
            const Stage *s = &p->plan.stages[i];
            if (x->at.is_weight ? s->w[0] == (int)x->at.index || s->w[1] == (int)x->at.index : i == x->at.index)
                first = i;
        }
    }
    return first;
}

int pass_set_edits(Pass *p, const Edits *edits, Error *e)
{
    struct Changes *old = p->changes, *new = calloc(1, sizeof *new);
    size_t same = 0;
    put_ids(p, old, false);
    int status = new ? edits_copy(&new->edits, edits, e) : error_memory(e, "edits");
    for (size_t i = 0; status == 0 && i < edits->count; i++) {
        Line l = {p, new, edits->items[i], 0, strlen(edits->items[i]), e};
        char quoted[QUOTE_SHORT];
        status = read_edit(&l, i);
        if (status != 0)
            error_prefix(e, "edit %s: character %zu", quote_short(l.text, l.n, quoted), l.at + 1);
    }
    if (status == 0)
        status = prepare(new, p, e);
    if (status != 0) {
        put_ids(p, new, false);
        put_ids(p, old, true);
        changes_free(new);
        return -1;
    }
    while (old && same < old->edits.count && same < edits->count && strcmp(old->edits.items[same], edits->items[same]) == 0)
        same++;
    size_t first = first_changed(p, old, same), also = first_changed(p, new, same);
    first = first < also ? first : also;
    for (size_t i = 0; old && i < first; i++) /* stages that are not computed again: what they had computed themselves stays known */
        if (new->computed[i] && old->computed[i]) {
            real *kept = old->computed[i];
            old->computed[i] = new->computed[i];
            new->computed[i] = kept;
        }
    p->changes = new;
    changes_free(old);
    pass_forget(p, first);
    if (new->count == 0) {
        changes_free(new);
        p->changes = NULL;
    }
    return 0;
}

const Edits *pass_edits(const Pass *p)
{
    static const Edits none;
    return p->changes ? &p->changes->edits : &none;
}

bool pass_is_edited(const Pass *p, size_t stage)
{
    return p->changes && p->changes->computed[stage];
}

const char *pass_edit_of(const Pass *p, size_t stage, size_t k)
{
    for (size_t i = 0; p->changes && i < p->changes->count; i++) {
        const Change *c = &p->changes->items[i];
        if (!c->at.is_weight && c->at.index == stage && k-- == 0)
            return p->changes->edits.items[c->edit];
    }
    return NULL;
}

const real *pass_unedited(Pass *p, size_t stage)
{
    const real *value = pass_value(p, stage);
    return pass_is_edited(p, stage) ? p->changes->computed[stage] : value;
}

const real *pass_inner_gradient(const Pass *p, size_t stage)
{
    return pass_is_edited(p, stage) && p->has_gradients ? p->changes->inner[stage] : pass_gradient(p, stage);
}

const real *changes_weight(const struct Changes *c, size_t w)
{
    return c ? c->weights[w] : NULL;
}
