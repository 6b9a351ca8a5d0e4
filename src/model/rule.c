/* rule.c - the list of rules, and those that cut. */
#include "model/rule.h"

#include "base/text.h"
#include "model/rule_internal.h"

#include <stdlib.h>
#include <string.h>

static void free_rule(Rule *r)
{
    pattern_free(r->pattern);
    charsmap_free(r->map);
    free(r->text);
}

void rules_free(Rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        free_rule(&r->items[i]);
    free(r->items);
    *r = (Rules){0};
}

int rules_add(Rules *r, Rule rule, Error *e)
{
    Rule *more = realloc(r->items, (r->count + 1) * sizeof *more);
    if (!more) {
        free_rule(&rule);
        return error_memory(e, "tokenizer");
    }
    r->items = more;
    r->items[r->count++] = rule;
    return 0;
}

/* ---- cutting ---- */

/* A part of a piece: a match or what lies between two. */
typedef struct Part {
    size_t from, to;
    bool match;
} Part;

/* Joins the parts that the way of splitting keeps together. Returns how many are left. */
static size_t join(Part *parts, size_t n, SplitHow how)
{
    size_t kept = 0;
    bool before = false; /* the part before was a match */
    if (how == SPLIT_WITH_NEXT) {
        for (size_t i = n; i-- > 0;) {
            if (parts[i].match && !before && kept)
                parts[n - kept].from = parts[i].from;
            else {
                Part p = parts[i];
                parts[n - ++kept] = p;
            }
            before = parts[i].match;
        }
        memmove(parts, parts + n - kept, kept * sizeof *parts);
        return kept;
    }
    for (size_t i = 0; i < n; i++) {
        bool match = parts[i].match;
        bool joins = how == SPLIT_CONTIGUOUS ? match == before : how == SPLIT_WITH_PREVIOUS && match && !before;
        if (joins && kept)
            parts[kept - 1].to = parts[i].to;
        else
            parts[kept++] = parts[i];
        before = match;
    }
    return kept;
}

static int split_piece(const Rule *r, const TextPieces *in, TextPiece piece, Matches *found, TextPieces *out, Error *e)
{
    size_t n = piece.to - piece.from, at = 0, count = 0;
    found->count = 0;
    if (pattern_find(r->pattern, in->text.data + piece.from, n, found, e) != 0)
        return -1;
    Part *parts = malloc((2 * found->count + 1) * sizeof *parts);
    if (!parts)
        return error_memory(e, "text");
    for (size_t i = 0; i <= found->count; i++) {
        size_t from = i < found->count ? found->items[i].from : n;
        if (from > at)
            parts[count++] = (Part){at, from, r->invert};
        if (i < found->count) {
            parts[count++] = (Part){from, found->items[i].to, !r->invert};
            at = found->items[i].to;
        }
    }
    count = join(parts, count, r->how);
    for (size_t i = 0; i < count; i++) {
        if (r->how == SPLIT_REMOVED && parts[i].match)
            continue;
        pieces_copy(out, in, piece.from + parts[i].from, piece.from + parts[i].to);
        pieces_end(out, -1);
    }
    free(parts);
    return 0;
}

int rule_apply(const Rule *r, const TextPieces *in, TextPieces *out, Error *e)
{
    Matches found = {0};
    int status = 0;
    for (size_t i = 0; status == 0 && i < in->count && !out->failed && !out->too_long; i++) {
        TextPiece p = in->items[i];
        if (p.id >= 0) {
            pieces_copy(out, in, p.from, p.to);
            pieces_end(out, p.id);
        } else if (r->kind == RULE_SPLIT)
            status = split_piece(r, in, p, &found, out, e);
        else {
            status = rule_change(r, in, p, &found, out, e);
            pieces_end(out, -1);
        }
    }
    free(found.items);
    return status == 0 ? pieces_check(out, e) : status;
}

static void quote(const char *text, size_t n, Buffer *out)
{
    buffer_putc(out, '"');
    text_escape(out, text, n, false);
    buffer_putc(out, '"');
}

/* The text that a rule puts in place of its matches. */
static void say_replace(const Rule *r, Buffer *out)
{
    size_t n;
    const char *text = pattern_literal(r->pattern, &n);
    Buffer what = {0}, by = {0};
    if (text)
        quote(text, n, &what);
    quote(r->text, r->len, &by);
    if (text && r->len)
        buffer_printf(out, _("every %s becomes %s"), buffer_text(&what), buffer_text(&by));
    else if (text)
        buffer_printf(out, _("every %s away"), buffer_text(&what));
    else if (r->len)
        buffer_printf(out, _("what fits a pattern becomes %s"), buffer_text(&by));
    else
        buffer_puts(out, _("what fits a pattern away"));
    buffer_free(&what);
    buffer_free(&by);
}

void rule_say(const Rule *r, Buffer *out)
{
    static const char *const words[RULE_KIND_COUNT] = {
        [RULE_NFC] = N_("Unicode normal form C: letters and their marks become one character"),
        [RULE_NFD] = N_("Unicode normal form D: letters and their marks are taken apart"),
        [RULE_NFKC] = N_("Unicode normal form KC: look-alikes become one, marks are put together"),
        [RULE_NFKD] = N_("Unicode normal form KD: look-alikes become one, marks are taken apart"),
        [RULE_LOWERCASE] = N_("letters to lower case"),
        [RULE_REMOVE] = N_("accents away"),
        [RULE_CLEAN] = N_("control characters away, white space to spaces"),
        [RULE_CHINESE] = N_("spaces around Chinese characters"),
        [RULE_NMT] = N_("control characters away, odd spaces to spaces"),
        [RULE_STRIP] = N_("white space away at the ends"),
        [RULE_CHARSMAP] = N_("SentencePiece's table of characters"),
        [RULE_BYTES] = N_("each byte becomes a letter: a space is Ġ, a new line Ċ"),
        [RULE_SPLIT] = N_("cut into pieces; nothing is merged across a cut"),
    };
    if (r->kind == RULE_REPLACE)
        say_replace(r, out);
    else if (r->kind == RULE_PREPEND) {
        Buffer text = {0};
        quote(r->text, r->len, &text);
        buffer_printf(out, _("%s in front"), buffer_text(&text));
        buffer_free(&text);
    } else
        buffer_puts(out, r->kind == RULE_SPLIT && r->how == SPLIT_REMOVED ? _("cut into pieces; what stands between them goes") : _(words[r->kind]));
}
