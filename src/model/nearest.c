/* nearest.c - edit distance, and a short list of the closest names. */
#include "model/nearest.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Letters of either case are the same here: who types q where Q is meant is told Q. */
static size_t decode_all(const char *s, size_t n, int32_t out[NEAREST_LENGTH])
{
    size_t len = 0;
    while (n && len < NEAREST_LENGTH) {
        size_t used = text_decode(s, n, &out[len]);
        if (out[len] >= 'A' && out[len] <= 'Z')
            out[len] += 'a' - 'A';
        len++;
        s += used;
        n -= used;
    }
    return len;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Row by row of the usual table; the last two rows are kept, because a swap looks two rows back. */
static size_t distance(const int32_t *a, size_t na, const int32_t *b, size_t nb)
{
    size_t rows[3][NEAREST_LENGTH + 1];
    for (size_t j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3], *higher = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t d = above[j - 1] + (a[i - 1] != b[j - 1]);
            d = least(d, least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = least(d, higher[j - 2] + 1);
            row[j] = d;
        }
    }
    return rows[na % 3][nb];
}

Nearest nearest_to(const char *word, size_t n)
{
    Nearest near = {.count = 0};
    near.len = decode_all(word, n, near.word);
    return near;
}

void nearest_offer(Nearest *near, const char *name)
{
    int32_t chars[NEAREST_LENGTH];
    size_t len = decode_all(name, strlen(name), chars);
    size_t longer = len > near->len ? len : near->len, difference = longer - least(len, near->len);
    if (difference * 2 > longer)
        return;
    size_t d = distance(near->word, near->len, chars, len);
    if (d * 2 > longer)
        return;
    size_t at = near->count;
    while (at > 0 && near->best[at - 1].distance > d)
        at--;
    if (at == NEAREST_KEPT)
        return;
    if (near->count < NEAREST_KEPT)
        near->count++;
    for (size_t i = near->count - 1; i > at; i--)
        near->best[i] = near->best[i - 1];
    near->best[at].text = name;
    near->best[at].distance = d;
}

const char *nearest_hint(const Nearest *near, char out[NEAREST_HINT])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < near->count; i++) {
        char quoted[QUOTE_SHORT];
        quote_short(near->best[i].text, strlen(near->best[i].text), quoted);
        int n = snprintf(out + used, NEAREST_HINT - used, "%s%s", i ? ", " : _("; nearest: "), quoted);
        if (n < 0 || (size_t)n >= NEAREST_HINT - used) {
            out[used] = '\0'; /* a name that does not fit is left out whole */
            break;
        }
        used += (size_t)n;
    }
    return out;
}

const char *quote_short(const char *s, size_t n, char out[QUOTE_SHORT])
{
    enum { COLUMNS = 40 };
    Buffer b = {0};
    text_escape(&b, s, n < QUOTE_SHORT * 2 ? n : QUOTE_SHORT * 2, false);
    const char *escaped = buffer_text(&b);
    int used;
    size_t fit = text_fit(escaped, COLUMNS, &used);
    /* Characters without width could fill any number of bytes: cut at a character's start. */
    while (fit > QUOTE_SHORT - 8 || (fit < b.len && ((unsigned char)escaped[fit] & 0xc0) == 0x80))
        fit--;
    snprintf(out, QUOTE_SHORT, "\"%.*s%s\"", (int)fit, escaped, fit < b.len ? "…" : "");
    buffer_free(&b);
    return out;
}

bool name_ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}
