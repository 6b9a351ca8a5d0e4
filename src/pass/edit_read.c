/* edit_read.c - one edit, from its text to the changes it stands for.
 *
 * Owns the grammar of edit.h behind the address, and the other pass that a patch takes its numbers from. Does not carry a change out,
 * but for the ids of replaced tokens. */
#include "base/random.h"
#include "base/text.h"
#include "model/nearest.h"
#include "pass/edit_internal.h"
#include "pass/input.h"
#include "pass/pass_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* -1 where there is no number, -2 where it does not fit. */
static int take_number(Line *l, double *x)
{
    char copy[64], *end;
    snprintf(copy, sizeof copy, "%.*s", (int)(l->n - l->at < sizeof copy ? l->n - l->at : sizeof copy - 1), l->text + l->at);
    *x = strtod(copy, &end);
    bool hex = copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X');
    if (end == copy || hex || *copy == ' ')
        return error_set(l->error, "expected a number");
    if (isinf((real)*x) && !memchr(copy, 'i', (size_t)(end - copy)) && !memchr(copy, 'I', (size_t)(end - copy))) {
        error_set(l->error, "expected a number that fits, found %.*s; inf is infinity", (int)(end - copy), copy);
        return -2;
    }
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
                status = error_set(l->error, "expected a text with %s%zu along %s, found %zu", all ? "" : _("at least "),
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
    int stack = edit_stack_of(s);
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
        int status = take_number(l, &c->x);
        if (status != 0)
            return status == -2 ? -1 : error_set(l->error, "expected a number or noise(SEED, STD)");
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
    int status = take_number(l, &c->x);
    return status != -1 ? status : error_set(l->error, "expected a number, zero, mean, unmasked, patch(TEXT) or token(TEXT)");
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

/* Reads the line, edit number `edit`. */
static int read_line(Line *l, size_t edit)
{
    AddressList list;
    size_t used = 0, behind = 0;
    char quoted[QUOTE_SHORT];
    skip_spaces(l);
    int status = address_read(&list, l->pass, NO_STAGE, l->text + l->at, l->n - l->at, &used, l->error);
    l->at += used;
    for (size_t i = 0; i < list.count && status == 0; i++) {
        Change c = {.edit = edit, .at = list.items[i]};
        size_t start = l->at;
        status = read_change(l, &c);
        skip_spaces(l);
        if (status == 0 && l->at < l->n)
            status = error_set(l->error, "expected the end of the edit, found %s", quote_short(l->text + l->at, l->n - l->at, quoted));
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

int edit_read(Pass *p, struct Changes *c, size_t edit, Error *e)
{
    const char *text = c->edits.items[edit];
    Line l = {p, c, text, 0, strlen(text), e};
    char quoted[QUOTE_SHORT];
    if (read_line(&l, edit) == 0)
        return 0;
    return error_prefix(e, "edit %s: character %zu", quote_short(l.text, l.n, quoted), l.at + 1);
}
