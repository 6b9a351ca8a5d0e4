/* lesson.c - CommonMark into blocks, by md4c. What stands in an acting block is read by block.c. */
#include "lesson/lesson.h"

#include "base/file.h"
#include "base/text.h"
#include "lesson/block.h"

#include <md4c.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LESSON_MAX = 1 << 20, CELLS_MAX = 4096, DEPTH_MAX = 8 };

/* A file being read. */
typedef struct Reader {
    Lesson *l;
    const char *bytes;
    size_t n;
    Error *e;
    bool failed;

    Buffer text;                  /* of the block being read */
    bool open;                    /* a heading or paragraph is being read */
    Block head;                   /* its kind, line, level, bullet */
    bool in_html, in_cell, prose; /* prose: of an acting block; only the spans matter */
    size_t code_at;               /* where a code span's mark stands */
    char *href;                   /* of the link being read */
    int depth;                    /* of lists */
    unsigned number[DEPTH_MAX];   /* of the next item, where they are numbered; 0: they are not */
    bool fresh;                   /* at the beginning of an item: its first paragraph has the bullet */
    int quotes;
    Block table, code;
    char *info;
} Reader;

static int fail_memory(Reader *r)
{
    r->failed = true;
    return error_memory(r->e, r->l->path);
}

/* The line that a place of the file is in, from 1. */
static int line_of(const Reader *r, const char *at)
{
    int line = 1;
    if ((uintptr_t)at < (uintptr_t)r->bytes || (uintptr_t)at > (uintptr_t)(r->bytes + r->n))
        return 0;
    for (const char *p = r->bytes; p < at; p++)
        line += *p == '\n';
    return line;
}

void block_free(Block *b)
{
    free(b->text);
    free(b->bullet);
    free(b->name);
    free(b->origin);
    for (size_t i = 0; b->cells && i < b->rows * b->columns; i++)
        free(b->cells[i]);
    free(b->cells);
    for (int k = 0; k < KEY_COUNT; k++)
        free(b->keys[k].text);
    for (int k = 0; k < 2; k++) {
        ItemList *list = k ? &b->items : &b->more;
        for (size_t i = 0; i < list->count; i++) {
            free(list->items[i].text);
            free(list->items[i].reply);
        }
        free(list->items);
    }
    *b = (Block){.kind = BLOCK_TEXT};
}

/* Takes the block. */
static int add_block(Reader *r, Block *b)
{
    Block *more = realloc(r->l->blocks, (r->l->count + 1) * sizeof *more);
    if (!more || (!b->text && !(b->text = strdup("")))) {
        r->l->blocks = more ? more : r->l->blocks;
        block_free(b);
        return fail_memory(r);
    }
    r->l->blocks = more;
    more[r->l->count++] = *b;
    *b = (Block){.kind = BLOCK_TEXT};
    return 0;
}

/* ---- texts ---- */

static void begin_text(Reader *r)
{
    if (r->open || r->prose || r->in_cell)
        return;
    buffer_clear(&r->text);
    r->open = true;
    r->head.kind = r->head.kind == BLOCK_HEADING ? BLOCK_HEADING : BLOCK_TEXT;
    r->head.quoted = r->quotes > 0;
    if (r->head.kind == BLOCK_TEXT && r->depth) {
        char bullet[16] = "";
        unsigned number = r->number[r->depth - 1];
        r->head.level = r->depth;
        if (r->fresh && number)
            snprintf(bullet, sizeof bullet, "%u.", number);
        else if (r->fresh)
            snprintf(bullet, sizeof bullet, "•");
        if (r->fresh && number)
            r->number[r->depth - 1]++;
        r->fresh = false;
        r->head.bullet = strdup(bullet);
    }
}

static int end_text(Reader *r)
{
    if (!r->open)
        return 0;
    r->open = false;
    Block b = r->head;
    r->head = (Block){.kind = BLOCK_TEXT};
    text_join_lines(&r->text);
    b.text = strdup(buffer_text(&r->text));
    if (r->text.failed || !b.text) {
        block_free(&b);
        return fail_memory(r);
    }
    return add_block(r, &b);
}

static void add_entity(Buffer *out, const char *s, size_t n)
{
    static const struct {
        const char *name, *text;
    } known[] = {{"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&nbsp;", "\u00a0"}};
    char text[16] = "", bytes[4];
    snprintf(text, sizeof text, "%.*s", (int)n, s);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, known[i].name) == 0) {
            buffer_puts(out, known[i].text);
            return;
        }
    bool hex = text[1] == '#' && (text[2] == 'x' || text[2] == 'X');
    long c = text[1] == '#' ? strtol(text + 2 + hex, NULL, hex ? 16 : 10) : 0;
    if (c >= 0x20 && c <= 0x10ffff && c != 0x7f)
        buffer_add(out, bytes, text_encode((int32_t)c, bytes));
    else
        buffer_add(out, s, n);
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *s, MD_SIZE n, void *context)
{
    Reader *r = context;
    if (r->info) { /* in a code block */
        buffer_add(&r->text, s, n);
        return 0;
    }
    if (r->in_html) {
        for (MD_SIZE i = 0; r->in_html && i < n; i++)
            if (s[i] != ' ' && s[i] != '\n') {
                if (n - i < 4 || memcmp(s + i, "<!--", 4) != 0) {
                    r->failed = true;
                    return error_set(r->e, _("%s:%d: expected Markdown, found HTML; only comments (<!-- -->) may be HTML"), r->l->path,
                                     line_of(r, s));
                }
                r->in_html = false; /* a comment, to its end */
            }
        return 0;
    }
    if (!r->prose && !r->in_cell && !r->open)
        return 0; /* the rest of a comment */
    if (!r->head.line && !r->prose)
        r->head.line = line_of(r, s);
    switch (type) {
    case MD_TEXT_NULLCHAR:
        break;
    case MD_TEXT_BR:
        buffer_putc(&r->text, MARK_BREAK);
        break;
    case MD_TEXT_SOFTBR:
        buffer_putc(&r->text, '\n');
        break;
    case MD_TEXT_ENTITY:
        add_entity(&r->text, s, n);
        break;
    default:
        for (MD_SIZE i = 0; i < n; i++)
            buffer_putc(&r->text, s[i] == '\t' ? ' ' : s[i]);
    }
    return r->text.failed ? fail_memory(r) : 0;
}

static int on_enter_span(MD_SPANTYPE type, void *detail, void *context)
{
    Reader *r = context;
    switch (type) {
    case MD_SPAN_EM:
        buffer_putc(&r->text, MARK_EMPHASIS);
        break;
    case MD_SPAN_STRONG:
        buffer_putc(&r->text, MARK_STRONG);
        break;
    case MD_SPAN_CODE:
        r->code_at = r->text.len;
        buffer_putc(&r->text, MARK_CODE);
        break;
    case MD_SPAN_A:
    case MD_SPAN_IMG: {
        const MD_ATTRIBUTE *a = type == MD_SPAN_A ? &((MD_SPAN_A_DETAIL *)detail)->href : &((MD_SPAN_IMG_DETAIL *)detail)->src;
        free(r->href);
        r->href = strndup(a->text ? a->text : "", a->text ? a->size : 0);
        buffer_putc(&r->text, MARK_LINK);
        break;
    }
    default:
        break;
    }
    return 0;
}

static int on_leave_span(MD_SPANTYPE type, void *detail, void *context)
{
    Reader *r = context;
    (void)detail;
    switch (type) {
    case MD_SPAN_CODE:
        if (!r->text.failed && r->text.len > r->code_at + 3 && memcmp(r->text.data + r->code_at + 1, "= ", 2) == 0) {
            r->text.data[r->code_at] = MARK_NUMBER;
            memmove(r->text.data + r->code_at + 1, r->text.data + r->code_at + 3, r->text.len - r->code_at - 3);
            r->text.len -= 2;
            r->text.data[r->text.len] = '\0';
            for (size_t i = r->code_at + 1; i < r->text.len; i++)
                if (r->text.data[i] == '\n')
                    r->text.data[i] = ' ';
        }
        buffer_putc(&r->text, MARK_END);
        break;
    case MD_SPAN_EM:
    case MD_SPAN_STRONG:
        buffer_putc(&r->text, MARK_END);
        break;
    case MD_SPAN_A:
    case MD_SPAN_IMG:
        buffer_putc(&r->text, MARK_END);
        buffer_putc(&r->text, MARK_ADDRESS);
        for (const char *p = r->href ? r->href : ""; *p; p++)
            buffer_putc(&r->text, (unsigned char)*p < 0x20 ? '?' : *p);
        buffer_putc(&r->text, MARK_END);
        break;
    default:
        break;
    }
    return 0;
}

/* ---- blocks ---- */

static int on_enter_block(MD_BLOCKTYPE type, void *detail, void *context)
{
    Reader *r = context;
    if (r->prose)
        return 0;
    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        if (end_text(r) != 0)
            return -1;
        if (r->depth == DEPTH_MAX) {
            r->failed = true;
            return error_set(r->e, _("%s: expected lists at most %d deep, found a deeper one"), r->l->path, DEPTH_MAX);
        }
        r->number[r->depth++] = type == MD_BLOCK_OL ? ((MD_BLOCK_OL_DETAIL *)detail)->start : 0;
        break;
    case MD_BLOCK_LI:
        r->fresh = true;
        begin_text(r); /* a tight item has no paragraph of its own */
        break;
    case MD_BLOCK_QUOTE:
        r->quotes++;
        break;
    case MD_BLOCK_H:
        r->head = (Block){.kind = BLOCK_HEADING, .level = (int)((MD_BLOCK_H_DETAIL *)detail)->level};
        begin_text(r);
        break;
    case MD_BLOCK_P:
        if (r->open && r->text.len && end_text(r) != 0)
            return -1;
        begin_text(r);
        break;
    case MD_BLOCK_CODE: {
        const MD_BLOCK_CODE_DETAIL *d = detail;
        if (r->open && !r->text.len) { /* an item that begins with code */
            free(r->head.bullet);
            r->head = (Block){.kind = BLOCK_TEXT};
            r->open = false;
        }
        if (end_text(r) != 0)
            return -1;
        r->code = (Block){.kind = BLOCK_CODE, .line = d->info.size ? line_of(r, d->info.text) : 0};
        r->info = strndup(d->info.text ? d->info.text : "", d->info.text ? d->info.size : 0);
        buffer_clear(&r->text);
        return r->info ? 0 : fail_memory(r);
    }
    case MD_BLOCK_HTML:
        r->in_html = true;
        break;
    case MD_BLOCK_TABLE: {
        const MD_BLOCK_TABLE_DETAIL *d = detail;
        if (end_text(r) != 0)
            return -1;
        r->table = (Block){.kind = BLOCK_TABLE, .columns = d->col_count};
        if (d->col_count && (size_t)d->head_row_count + d->body_row_count > CELLS_MAX / d->col_count) {
            r->failed = true;
            return error_set(r->e, _("%s: expected a table of at most %d cells, found a larger one"), r->l->path, CELLS_MAX);
        }
        r->table.rows = (size_t)d->head_row_count + d->body_row_count;
        r->table.cells = calloc(r->table.rows * r->table.columns + 1, sizeof *r->table.cells);
        r->table.level = 0; /* cells read so far */
        return r->table.cells ? 0 : fail_memory(r);
    }
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        buffer_clear(&r->text);
        r->head.line = 0;
        r->in_cell = true;
        break;
    default:
        break;
    }
    return 0;
}

static int leave_code(Reader *r)
{
    Block b = r->code;
    char *info = r->info;
    int status;
    r->code = (Block){.kind = BLOCK_TEXT};
    r->info = NULL;
    b.text = strdup(buffer_text(&r->text));
    if (r->text.failed || !b.text) {
        block_free(&b);
        status = fail_memory(r);
    } else if ((status = block_read(&b, r->l, info, r->e)) != 0) {
        r->failed = true;
        block_free(&b);
    } else {
        status = add_block(r, &b);
    }
    free(info);
    return status;
}

static int on_leave_block(MD_BLOCKTYPE type, void *detail, void *context)
{
    Reader *r = context;
    (void)detail;
    if (r->prose) {
        if (type == MD_BLOCK_P || type == MD_BLOCK_H || type == MD_BLOCK_LI || type == MD_BLOCK_CODE)
            buffer_putc(&r->text, MARK_BREAK);
        return 0;
    }
    switch (type) {
    case MD_BLOCK_UL:
    case MD_BLOCK_OL:
        r->depth--;
        r->fresh = false;
        break;
    case MD_BLOCK_LI:
    case MD_BLOCK_P:
    case MD_BLOCK_H:
        return end_text(r);
    case MD_BLOCK_QUOTE:
        r->quotes--;
        break;
    case MD_BLOCK_HR: {
        Block b = {.kind = BLOCK_RULE};
        return add_block(r, &b);
    }
    case MD_BLOCK_CODE:
        return leave_code(r);
    case MD_BLOCK_HTML:
        r->in_html = false;
        break;
    case MD_BLOCK_TH:
    case MD_BLOCK_TD:
        r->in_cell = false;
        if (!r->table.line)
            r->table.line = r->head.line;
        if ((size_t)r->table.level < r->table.rows * r->table.columns) {
            char *copy = strdup(buffer_text(&r->text));
            r->table.cells[r->table.level++] = copy;
            if (!copy || r->text.failed)
                return fail_memory(r);
        }
        break;
    case MD_BLOCK_TABLE:
        for (size_t i = 0; i < r->table.rows * r->table.columns; i++)
            if (!r->table.cells[i] && !(r->table.cells[i] = strdup("")))
                return fail_memory(r);
        r->table.level = 0;
        r->head.line = 0;
        return add_block(r, &r->table);
    default:
        break;
    }
    return 0;
}

static const MD_PARSER parser = {
    .flags = MD_FLAG_TABLES | MD_FLAG_NOHTMLSPANS,
    .enter_block = on_enter_block,
    .leave_block = on_leave_block,
    .enter_span = on_enter_span,
    .leave_span = on_leave_span,
    .text = on_text,
};

static void free_reader(Reader *r)
{
    buffer_free(&r->text);
    free(r->href);
    free(r->info);
    block_free(&r->head);
    block_free(&r->table);
    block_free(&r->code);
}

char *lesson_inline(const char *text)
{
    Lesson none = {.path = ""};
    Reader r = {.l = &none, .prose = true, .head.kind = BLOCK_TEXT};
    Buffer guarded = {0};
    buffer_printf(&guarded, ". %s", text); /* so that its beginning is no list and no heading */
    int status = guarded.failed ? -1 : md_parse(guarded.data, (MD_SIZE)guarded.len, &parser, &r);
    while (r.text.len && strchr("\n \010", r.text.data[r.text.len - 1]))
        r.text.data[--r.text.len] = '\0';
    text_join_lines(&r.text);
    const char *made = buffer_text(&r.text);
    char *copy = status == 0 && !r.text.failed ? strdup(strncmp(made, ". ", 2) == 0 ? made + 2 : strcmp(made, ".") == 0 ? "" : made) : NULL;
    buffer_free(&guarded);
    free_reader(&r);
    return copy;
}

/* ---- a file ---- */

/* UTF-8 without control characters. */
static int check_bytes(const char *path, const char *s, size_t n, Error *e)
{
    int line = 1;
    if (n > LESSON_MAX)
        return error_set(e, _("%s: expected a lesson of at most %d bytes, found %zu; split it"), path, LESSON_MAX, n);
    for (size_t i = 0; i < n;) {
        int32_t c;
        size_t used = text_decode(s + i, n - i, &c);
        if (c == 0xfffd && used == 1)
            return error_set(e, _("%s:%d: expected UTF-8, found the byte 0x%02x; save the file as UTF-8"), path, line, (unsigned char)s[i]);
        if (c < 0x20 && c != '\n' && c != '\t' && !(c == '\r' && i + 1 < n && s[i + 1] == '\n'))
            return error_set(e, _("%s:%d: expected text, found the control character 0x%02x"), path, line, (unsigned)c);
        line += c == '\n';
        i += used;
    }
    return 0;
}

/* The name and the language from where the file is. */
static int name_lesson(Lesson *l, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    size_t n = dot ? (size_t)(dot - base) : strlen(base);
    if (n == 2 && slash && slash > path) { /* q03/en.md */
        const char *end = slash, *start = end;
        while (start > path && start[-1] != '/')
            start--;
        l->name = strndup(start, (size_t)(end - start));
        l->lang = strndup(base, n);
    } else {
        l->name = strndup(base, n);
        l->lang = strdup(n == 2 ? "en" : "");
        if (n == 2 && l->lang)
            memcpy(l->lang, base, 2);
    }
    l->path = strdup(path);
    return l->name && l->lang && l->path ? 0 : -1;
}

/* What a whole lesson must have. */
static int check_whole(Lesson *l, Error *e)
{
    Buffer title = {0};
    const Block *first = l->count ? &l->blocks[0] : NULL;
    if (!first || first->kind != BLOCK_HEADING || first->level != 1)
        return error_set(e, _("%s:%d: expected a title, \"# …\", at the beginning, found %s"), l->path,
                         first && first->line ? first->line : 1, first ? _("something else") : _("nothing"));
    for (size_t i = 0; i < l->count; i++) {
        const Block *b = &l->blocks[i];
        l->asks += b->kind == BLOCK_ASK || b->kind == BLOCK_DRAW;
        l->checks += b->kind == BLOCK_CHECK ? b->more.count : 0;
        for (size_t k = 0; b->kind == BLOCK_ASK && k < i; k++)
            if (l->blocks[k].kind == BLOCK_ASK && strcmp(l->blocks[k].name, b->name) == 0)
                return error_set(
                    e, _("%s:%d: expected an id that no other question has, found \"%s\", which line %d has; call it something else"),
                    l->path, b->line, b->name, l->blocks[k].line);
    }
    lesson_plain(first->text, &title);
    l->title = strdup(buffer_text(&title));
    buffer_free(&title);
    return l->title ? 0 : error_memory(e, l->path);
}

/* Lines end in \n alone from here on. */
static char *without_returns(const char *bytes, size_t *n)
{
    char *copy = malloc(*n + 1);
    size_t kept = 0;
    for (size_t i = 0; copy && i < *n; i++)
        if (bytes[i] != '\r')
            copy[kept++] = bytes[i];
    if (copy)
        copy[ *n = kept] = '\0';
    return copy;
}

int lesson_parse(Lesson *l, const char *path, const char *bytes, size_t n, Error *e)
{
    *l = (Lesson){.count = 0};
    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        bytes += 3;
        n -= 3;
    }
    if (check_bytes(path, bytes, n, e) != 0)
        return -1;
    char *text = without_returns(bytes, &n);
    Reader r = {.l = l, .bytes = text, .n = n, .e = e, .head.kind = BLOCK_TEXT};
    int status = text && name_lesson(l, path) == 0 ? 0 : error_memory(e, path);
    if (status == 0 && md_parse(text, (MD_SIZE)n, &parser, &r) != 0)
        status = r.failed ? -1 : error_memory(e, path);
    free_reader(&r);
    if (status == 0)
        status = block_check_texts(l, e) == 0 ? check_whole(l, e) : -1;
    free(text);
    if (status != 0)
        lesson_free(l);
    return status;
}

int lesson_open(Lesson *l, const char *path, Error *e)
{
    File f;
    *l = (Lesson){.count = 0};
    if (file_open(&f, path, e) != 0)
        return -1;
    int status = lesson_parse(l, path, (const char *)f.data, f.size, e);
    file_close(&f);
    return status;
}

void lesson_free(Lesson *l)
{
    for (size_t i = 0; i < l->count; i++)
        block_free(&l->blocks[i]);
    free(l->blocks);
    free(l->path);
    free(l->name);
    free(l->lang);
    free(l->title);
    *l = (Lesson){.count = 0};
}

void lesson_plain(const char *marked, Buffer *out)
{
    bool hidden = false;
    for (const char *p = marked; *p; p++) {
        if (*p == MARK_ADDRESS)
            hidden = true;
        else if (*p == MARK_END)
            hidden = false;
        else if (*p == '\n' || *p == MARK_BREAK)
            buffer_putc(out, ' ');
        else if ((unsigned char)*p >= 0x20 && !hidden)
            buffer_putc(out, *p);
    }
}
