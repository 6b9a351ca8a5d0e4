/* charsmap.c - SentencePiece's table of replacements.
 * The trie is darts-clone's (https://github.com/s-yata/darts-clone, darts.h: exact and common-prefix search); what is done with it is what
 * https://github.com/huggingface/spm_precompiled does. */
#include "model/charsmap.h"

#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct Charsmap {
    uint32_t *units;
    size_t count;
    char *texts; /* ended by a NUL that is not counted */
    size_t len;
};

static int digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Decodes into out, which has room for n bytes. -1 where it is no base64. */
static int64_t decode(const char *s, size_t n, unsigned char *out)
{
    uint32_t bits = 0;
    int have = 0;
    int64_t len = 0;
    while (n && s[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++) {
        int d = digit(s[i]);
        if (d < 0)
            return -1;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[len++] = (unsigned char)(bits >> have);
        }
    }
    return len;
}

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

Charsmap *charsmap_read_bytes(const unsigned char *bytes, size_t n, const char *place, Error *e)
{
    uint32_t size = n >= 4 ? read_u32(bytes) : 0;
    if (n < 8 || size < 4 || size % 4 || size > n - 4) {
        error_set(e, "%s: precompiled_charsmap: expected a trie's length in bytes, and the trie, found %zu bytes that are not", place, n);
        return NULL;
    }
    const char *texts = (const char *)bytes + 4 + size;
    size_t len = n - 4 - size;
    if (!text_is_valid(texts, len)) {
        error_set(e, "%s: precompiled_charsmap: expected replacements in UTF-8, found other bytes", place);
        return NULL;
    }
    Charsmap *m = calloc(1, sizeof *m);
    if (m) {
        m->count = size / 4;
        m->len = len;
        m->units = malloc(size);
        m->texts = malloc(len + 1);
    }
    if (!m || !m->units || !m->texts) {
        charsmap_free(m);
        error_memory(e, place);
        return NULL;
    }
    for (size_t i = 0; i < m->count; i++)
        m->units[i] = read_u32(bytes + 4 + 4 * i);
    if (len)
        memcpy(m->texts, texts, len);
    m->texts[len] = '\0';
    return m;
}

Charsmap *charsmap_read(const char *base64, size_t n, const char *place, Error *e)
{
    unsigned char *bytes = malloc(n ? n : 1);
    if (!bytes) {
        error_memory(e, place);
        return NULL;
    }
    int64_t len = decode(base64, n, bytes);
    Charsmap *m = NULL;
    if (len < 0)
        error_set(e, "%s: precompiled_charsmap: expected base64, found another character", place);
    else
        m = charsmap_read_bytes(bytes, (size_t)len, place, e);
    free(bytes);
    return m;
}

void charsmap_free(Charsmap *m)
{
    if (!m)
        return;
    free(m->units);
    free(m->texts);
    free(m);
}

/* How far a unit's children are. */
static size_t offset(uint32_t unit)
{
    return (size_t)(unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The replacement of an entry that the n bytes at text begin with: the shortest, or with `longest` the longest. */
static const char *find(const Charsmap *m, const char *text, size_t n, bool longest, size_t *used)
{
    const char *found = NULL;
    size_t at = offset(m->units[0]);
    for (size_t i = 0; i < n && text[i]; i++) {
        unsigned char c = (unsigned char)text[i];
        at ^= c;
        if (at >= m->count)
            break;
        uint32_t unit = m->units[at];
        if ((unit & (1u << 31 | 0xff)) != c)
            break;
        at ^= offset(unit);
        if (unit >> 8 & 1) { /* an entry ends here */
            size_t value = at < m->count ? m->units[at] & ~(1u << 31) : m->len;
            found = value < m->len ? m->texts + value : NULL;
            *used = i + 1;
            if (!longest)
                break;
        }
    }
    return found;
}

const char *charsmap_find(const Charsmap *m, const char *text, size_t n)
{
    size_t used;
    return find(m, text, n, false, &used);
}

const char *charsmap_longest(const Charsmap *m, const char *text, size_t n, size_t *used)
{
    return find(m, text, n, true, used);
}
