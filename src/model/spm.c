/* spm.c - SentencePiece's files: a protocol buffer, read field by field.
 *
 * The wire format: a field is a number times 8 plus how it is written (0: a number of 7 bits a byte, 1: 8 bytes, 2: a length and so many
 * bytes, 5: 4 bytes), and that. https://protobuf.dev/programming-guides/encoding */
#include "model/spm.h"

#include "base/text.h"
#include "model/config.h"
#include "model/found.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE_MAX_BYTES = 1 << 16 };

/* ---- the wire ---- */

typedef struct Wire {
    const unsigned char *at, *end, *begin; /* begin: of the file, for the places that errors name */
    const char *file;
} Wire;

typedef enum WireKind { WIRE_NUMBER = 0, WIRE_8 = 1, WIRE_BYTES = 2, WIRE_4 = 5 } WireKind;

typedef struct WireField {
    uint64_t number;
    WireKind kind;
    uint64_t value;             /* WIRE_NUMBER, WIRE_4, WIRE_8 */
    const unsigned char *bytes; /* WIRE_BYTES */
    size_t len;
} WireField;

static int broken(const Wire *w, const char *expected, Error *e)
{
    return error_set(e, "%s: byte %zu: expected %s of a SentencePiece model, found the end or other bytes; was it downloaded completely?",
                     w->file, (size_t)(w->at - w->begin), expected);
}

static bool read_varint(Wire *w, uint64_t *to)
{
    *to = 0;
    for (int shift = 0; shift < 64 && w->at < w->end; shift += 7) {
        unsigned char byte = *w->at++;
        *to |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool read_fixed(Wire *w, size_t n, uint64_t *to)
{
    *to = 0;
    if ((size_t)(w->end - w->at) < n)
        return false;
    for (size_t i = 0; i < n; i++)
        *to |= (uint64_t)w->at[i] << 8 * i;
    w->at += n;
    return true;
}

/* The next field. 1: there is one, 0: the end, -1: an error. */
static int next_field(Wire *w, WireField *f, Error *e)
{
    uint64_t tag, len;
    bool good;
    *f = (WireField){0};
    if (w->at == w->end)
        return 0;
    if (!read_varint(w, &tag) || tag >> 3 == 0)
        return broken(w, _("a field"), e);
    f->number = tag >> 3;
    f->kind = (WireKind)(tag & 7);
    switch (f->kind) {
    case WIRE_NUMBER:
        good = read_varint(w, &f->value);
        break;
    case WIRE_8:
        good = read_fixed(w, 8, &f->value);
        break;
    case WIRE_4:
        good = read_fixed(w, 4, &f->value);
        break;
    case WIRE_BYTES:
        good = read_varint(w, &len) && len <= (uint64_t)(w->end - w->at);
        if (good) {
            f->bytes = w->at;
            f->len = (size_t)len;
            w->at += len;
        }
        break;
    default:
        good = false;
    }
    return good ? 1 : broken(w, _("a whole field"), e);
}

/* What is inside a field. */
static Wire inside(const Wire *w, const WireField *f)
{
    return (Wire){f->bytes, f->bytes + f->len, w->begin, w->file};
}

static double as_float(uint64_t bits)
{
    uint32_t narrow = (uint32_t)bits;
    float x;
    memcpy(&x, &narrow, sizeof x);
    return (double)x;
}

/* ---- a piece: 1 its text, 2 its score, 3 its type ---- */

static int read_piece(const Wire *file, const WireField *message, Spm *s, Error *e)
{
    Wire w = inside(file, message);
    WireField f;
    SpmPiece p = {.type = SPM_NORMAL};
    int more;
    while ((more = next_field(&w, &f, e)) > 0) {
        if (f.number == 1 && f.kind == WIRE_BYTES) {
            p.text = (const char *)f.bytes;
            p.len = f.len;
        } else if (f.number == 2 && f.kind == WIRE_4)
            p.score = as_float(f.value);
        else if (f.number == 3 && f.kind == WIRE_NUMBER)
            p.type = f.value >= SPM_NORMAL && f.value <= SPM_BYTE ? (SpmType)f.value : (SpmType)0;
    }
    if (more < 0)
        return -1;
    if (p.len == 0 || p.len > PIECE_MAX_BYTES || !text_is_valid(p.text, p.len) || memchr(p.text, '\0', p.len))
        return error_set(e, "%s: piece %zu: expected a text of 1 to %d bytes in UTF-8, found %zu bytes", file->file, s->count,
                         PIECE_MAX_BYTES, p.len);
    if (!isfinite(p.score))
        return error_set(e, "%s: piece %zu: expected a finite score, found %g", file->file, s->count, p.score);
    if (p.type == 0 || p.type == SPM_USER_DEFINED)
        return error_set(e, "%s: piece %zu: expected a normal, unknown, control, unused or byte piece, found %s, which is not read here",
                         file->file, s->count, p.type == 0 ? "another type" : "a user-defined one");
    s->pieces[s->count++] = p;
    return 0;
}

/* ---- how it was trained (2) and how it normalises (3) ---- */

static int read_trainer(const Wire *file, const WireField *message, Spm *s, Error *e)
{
    static const char *const models[] = {"", "unigram", "byte-pair encoding", "words", "characters"};
    enum { MODEL_TYPE = 3, SPACES_BEHIND = 24, BYTE_FALLBACK = 35, UNIGRAM = 1 };
    Wire w = inside(file, message);
    WireField f;
    int more;
    while ((more = next_field(&w, &f, e)) > 0) {
        if (f.kind != WIRE_NUMBER)
            continue;
        if (f.number == MODEL_TYPE && f.value != UNIGRAM)
            return error_set(e, "%s: model_type: expected 1 (unigram), found %llu (%s), which is not read here", file->file,
                             (unsigned long long)f.value, f.value < 5 ? models[f.value] : "unknown");
        if (f.number == SPACES_BEHIND && f.value)
            return error_set(e, "%s: treat_whitespace_as_suffix: expected false, found true: spaces behind words are not read here",
                             file->file);
        if (f.number == BYTE_FALLBACK)
            s->byte_fallback = f.value != 0;
    }
    return more;
}

static int read_normalizer(const Wire *file, const WireField *message, Spm *s, Error *e)
{
    enum { CHARSMAP = 2, DUMMY_PREFIX, REMOVES_SPACES, ESCAPES_SPACES };
    Wire w = inside(file, message);
    WireField f;
    int more;
    while ((more = next_field(&w, &f, e)) > 0) {
        if (f.number == CHARSMAP && f.kind == WIRE_BYTES) {
            s->charsmap = f.bytes;
            s->charsmap_len = f.len;
        } else if (f.kind == WIRE_NUMBER && f.number == DUMMY_PREFIX)
            s->dummy_prefix = f.value != 0;
        else if (f.kind == WIRE_NUMBER && f.number == REMOVES_SPACES)
            s->removes_spaces = f.value != 0;
        else if (f.kind == WIRE_NUMBER && f.number == ESCAPES_SPACES)
            s->escapes_spaces = f.value != 0;
    }
    return more;
}

/* ---- the file ---- */

enum { PIECES = 1, TRAINER = 2, NORMALIZER = 3 };

/* How many pieces there are, so that room for them is made once. */
static int count_pieces(Wire w, size_t *count, Error *e)
{
    WireField f;
    int more;
    *count = 0;
    while ((more = next_field(&w, &f, e)) > 0)
        *count += f.number == PIECES && f.kind == WIRE_BYTES;
    if (more == 0 && (*count == 0 || *count > (size_t)CONFIG_MAX_SIZE))
        return error_set(e, "%s: expected from 1 to %d pieces of a SentencePiece model, found %zu", w.file, CONFIG_MAX_SIZE, *count);
    return more;
}

int spm_read(Spm *s, const unsigned char *bytes, size_t n, const char *file, Error *e)
{
    Wire w = {bytes, bytes + n, bytes, file};
    WireField f;
    size_t count;
    *s = (Spm){.dummy_prefix = true, .removes_spaces = true, .escapes_spaces = true};
    const char *format = found_format(bytes, n);
    if (format)
        return error_set(e, "%s: expected a SentencePiece model, found %s", file, format);
    if (count_pieces(w, &count, e) != 0)
        return -1;
    s->pieces = malloc(count * sizeof *s->pieces);
    int more = s->pieces ? 1 : error_memory(e, file), status = 0;
    while (more > 0 && status == 0 && (more = next_field(&w, &f, e)) > 0) {
        if (f.kind != WIRE_BYTES)
            continue;
        if (f.number == PIECES)
            status = read_piece(&w, &f, s, e);
        else if (f.number == TRAINER)
            status = read_trainer(&w, &f, s, e);
        else if (f.number == NORMALIZER)
            status = read_normalizer(&w, &f, s, e);
    }
    if (more == 0 && status == 0)
        return 0;
    spm_free(s);
    return -1;
}

void spm_free(Spm *s)
{
    free(s->pieces);
    *s = (Spm){0};
}
