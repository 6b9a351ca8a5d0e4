/* text_task.c - the vocabulary of a text, and pieces of it. */
#include "train/text_task.h"

#include "base/file.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

struct TextTask {
    Buffer text, vocabulary;
    Ids ids;
    size_t length, held_out; /* the first token that is held out */
};

/* ---- the vocabulary ---- */

/* A place in the text where a token stands. */
typedef struct Piece {
    const char *text;
    size_t len, count;
} Piece;

typedef struct Pieces {
    Piece *items;
    size_t count, cap;
} Pieces;

static int add_piece(Pieces *p, const char *text, size_t len, Error *e)
{
    if (p->count == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 4096;
        Piece *more = realloc(p->items, cap * sizeof *more);
        if (!more)
            return error_memory(e, "text");
        p->items = more;
        p->cap = cap;
    }
    p->items[p->count++] = (Piece){text, len, 1};
    return 0;
}

/* The same spaces and punctuation as vocab_encode's. */
static bool is_space(int32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || (c > 0x7f && utf8proc_category(c) == UTF8PROC_CATEGORY_ZS);
}

static bool is_punctuation(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

/* A word between spaces: the punctuation at its ends, character by character, and what is left. */
static int add_word(Pieces *p, const char *word, const char *end, Error *e)
{
    while (word < end) {
        int32_t c;
        size_t len = text_decode(word, (size_t)(end - word), &c);
        if (!is_punctuation(c))
            break;
        if (add_piece(p, word, len, e) != 0)
            return -1;
        word += len;
    }
    while (word < end) {
        const char *last = end - 1;
        int32_t c;
        while (last > word && ((unsigned char)*last & 0xc0) == 0x80)
            last--;
        text_decode(last, (size_t)(end - last), &c);
        if (!is_punctuation(c))
            return add_piece(p, word, (size_t)(end - word), e);
        if (add_piece(p, last, (size_t)(end - last), e) != 0)
            return -1;
        end = last;
    }
    return 0;
}

static int cut_words(Pieces *p, const char *text, size_t n, Error *e)
{
    const char *word = text, *end = text + n;
    for (const char *at = text; at < end;) {
        int32_t c;
        size_t len = text_decode(at, (size_t)(end - at), &c);
        if (is_space(c)) {
            if (at > word && add_word(p, word, at, e) != 0)
                return -1;
            word = at + len;
        }
        at += len;
    }
    return end > word ? add_word(p, word, end, e) : 0;
}

static int cut_characters(Pieces *p, const char *text, size_t n, Error *e)
{
    for (size_t at = 0; at < n;) {
        int32_t c;
        size_t len = text_decode(text + at, n - at, &c);
        if (add_piece(p, text + at, len, e) != 0)
            return -1;
        at += len;
    }
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    int order = memcmp(x->text, y->text, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The most frequent first; of equals in the order of their bytes. */
static int by_count(const void *a, const void *b)
{
    const Piece *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : by_text(a, b);
}

/* Sorts the pieces and makes one of equal ones. */
static void count_pieces(Pieces *p)
{
    size_t kept = 0;
    qsort(p->items, p->count, sizeof *p->items, by_text);
    for (size_t i = 0; i < p->count; i++)
        if (kept && by_text(&p->items[kept - 1], &p->items[i]) == 0)
            p->items[kept - 1].count++;
        else
            p->items[kept++] = p->items[i];
    p->count = kept;
}

static void write_vocabulary(TextTask *t, Pieces *p, Config *c)
{
    size_t n = p->count < TEXT_MAX_TOKENS ? p->count : TEXT_MAX_TOKENS - 1;
    qsort(p->items, p->count, sizeof *p->items, by_count);
    qsort(p->items, n, sizeof *p->items, by_text);
    for (size_t i = 0; i < n; i++) {
        text_escape(&t->vocabulary, p->items[i].text, p->items[i].len, false);
        buffer_putc(&t->vocabulary, '\n');
    }
    c->vocab_size = n;
    if (n < p->count) {
        buffer_puts(&t->vocabulary, "<unk>\n");
        c->unk = (int)c->vocab_size++;
    }
}

/* ---- reading ---- */

/* Copies the text, "\r\n" as "\n"; other control characters are errors, for vocab.txt could not hold them. */
static int read_text(TextTask *t, const File *f, const char *path, Error *e)
{
    const char *s = (const char *)f->data;
    size_t line = 1;
    if (f->size > TEXT_MAX_BYTES)
        return error_set(e, "%s: expected at most %d bytes, found %zu; try a part of it", path, TEXT_MAX_BYTES, f->size);
    if (!text_is_valid(s, f->size))
        return error_set(e, "%s: expected UTF-8, found other bytes; convert the text to UTF-8 first", path);
    for (size_t i = 0; i < f->size; i++) {
        unsigned char b = (unsigned char)s[i];
        if (b == '\r' && i + 1 < f->size && s[i + 1] == '\n')
            continue;
        if ((b < 32 && b != '\n' && b != '\t') || b == 127)
            return error_set(e, "%s: line %zu: expected text, found the control character 0x%02X", path, line, b);
        line += b == '\n';
        buffer_putc(&t->text, s[i]);
    }
    return t->text.failed ? error_memory(e, path) : 0;
}

static int encode(TextTask *t, const Config *c, const char *path, Error *e)
{
    Vocab *v = vocab_read(t->vocabulary.data, t->vocabulary.len, c, path, e);
    if (!v)
        return -1;
    int status = vocab_encode(v, buffer_text(&t->text), ENCODE_BARE, &t->ids, e);
    vocab_free(v);
    return status == 0 ? 0 : error_prefix(e, "%s", path);
}

static int prepare(TextTask *t, const char *path, Config *c, Error *e)
{
    Pieces p = {0};
    File f;
    if (file_open(&f, path, e) != 0)
        return -1;
    int status = read_text(t, &f, path, e);
    file_close(&f);
    if (status == 0)
        status = (c->split == SPLIT_WORDS ? cut_words : cut_characters)(&p, buffer_text(&t->text), t->text.len, e);
    if (status == 0 && p.count == 0)
        status = error_set(e, "%s: expected a text, found nothing to learn from", path);
    if (status == 0) {
        count_pieces(&p);
        write_vocabulary(t, &p, c);
        status = t->vocabulary.failed ? error_memory(e, path) : encode(t, c, path, e);
    }
    free(p.items);
    if (status != 0)
        return -1;
    t->held_out = t->ids.len - t->ids.len / 10;
    if (t->ids.len - t->held_out < t->length + 2)
        return error_set(e, "%s: expected at least %zu tokens, a tenth of which is held out, found %zu; try a longer text or a smaller \"length\"", path,
                         10 * (t->length + 2), t->ids.len);
    return 0;
}

TextTask *text_task_open(const char *path, size_t length, Config *c, Error *e)
{
    TextTask *t = calloc(1, sizeof *t);
    if (!t) {
        error_memory(e, path);
        return NULL;
    }
    t->length = length;
    if (prepare(t, path, c, e) == 0)
        return t;
    text_task_free(t);
    return NULL;
}

void text_task_free(TextTask *t)
{
    if (!t)
        return;
    buffer_free(&t->text);
    buffer_free(&t->vocabulary);
    ids_free(&t->ids);
    free(t);
}

void text_task_vocabulary(const TextTask *t, Buffer *out)
{
    buffer_add(out, t->vocabulary.data, t->vocabulary.len);
}

const char *text_task_bytes(const TextTask *t, size_t *n)
{
    *n = t->text.len;
    return buffer_text(&t->text);
}

int text_task_draw(const TextTask *t, Random *r, TaskSplit split, TaskExample *out, Error *e)
{
    size_t first = split == TASK_TRAIN ? 0 : t->held_out, end = split == TASK_TRAIN ? t->held_out : t->ids.len;
    size_t at = first + (size_t)random_below(r, end - first - t->length);
    out->source.len = out->input.len = out->targets.len = 0;
    for (size_t i = 0; i < t->length; i++)
        if (ids_add(&out->input, t->ids.data[at + i], e) != 0 || ids_add(&out->targets, t->ids.data[at + i + 1], e) != 0)
            return -1;
    return 0;
}
