/* vocab_cut.c - how a text becomes tokens, recorded for every kind of vocabulary.
 *
 * Owns the order of what is shown. The steps themselves are recorded where they are taken. */
#include "base/text.h"
#include "model/vocab_table.h"

#include <stdlib.h>
#include <string.h>

static int add_id(Cut *cut, int id, bool added, Origin from, Error *e)
{
    CutId *more = realloc(cut->ids, (cut->id_count + 1) * sizeof *more);
    if (!more)
        return error_memory(e, "text");
    cut->ids = more;
    more[cut->id_count++] = (CutId){id, added, from};
    return 0;
}

/* The ids that a piece became; its first byte is byte `at` of the text. A place before the text (llama2.c's space) is none. */
static int add_piece_ids(Cut *cut, CutPiece *p, long at, size_t n, Error *e)
{
    p->first_id = cut->id_count;
    for (size_t i = 0; i < p->tokens.count; i++) {
        const CutToken *t = &p->tokens.items[i];
        long from = at + (long)t->from, to = at + (long)t->to;
        from = from < 0 ? 0 : from;
        to = to < from ? from : to > (long)n ? (long)n : to;
        if (add_id(cut, t->id, t->from == t->to, (Origin){(uint32_t)from, (uint32_t)to}, e) != 0)
            return -1;
    }
    return 0;
}

static int add_text(Cut *cut, const char *text, const char *name, const char *what, const char *front, Error *e)
{
    TextPieces pieces = pieces_begin(strlen(text));
    pieces_add(&pieces, front, strlen(front), (Origin){0, 0});
    pieces_add(&pieces, text, strlen(text), (Origin){0, 0});
    pieces_end(&pieces, -1);
    int status = cut_add_text(cut, name, what, &pieces, e);
    pieces_free(&pieces);
    return status;
}

/* The words of a text, as pieces. */
static int add_words(Cut *cut, Error *e)
{
    size_t n = 0;
    for (size_t i = 0; i < cut->piece_count; i++)
        n += cut->pieces[i].len;
    TextPieces pieces = pieces_begin(n);
    for (size_t i = 0; i < cut->piece_count; i++) {
        pieces_add(&pieces, cut->pieces[i].text, cut->pieces[i].len, (Origin){0, 0});
        pieces_end(&pieces, -1);
    }
    int status = cut_add_text(cut, "words", _("cut at white space"), &pieces, e);
    pieces_free(&pieces);
    return status;
}

static int cut_llama2c(const Vocab *v, const char *text, EncodeFor how, Cut *cut, Ids *ids, Error *e)
{
    Buffer spaced = {0};
    bool with_bos = vocab_puts_bos(v, how);
    buffer_puts(&spaced, *text ? " " : "");
    buffer_puts(&spaced, text);
    CutPiece *p = spaced.failed ? NULL : cut_add_piece(cut, CUT_SCORES, buffer_text(&spaced), spaced.len, e);
    int status = p ? vocab_encode_llama2c(v, text, with_bos, p, ids, e) : error_memory(e, "text");
    if (status == 0)
        status = cut_state(p, p->count, &p->tokens, e);
    if (status == 0)
        status = add_text(cut, text, "llama2.c", _("a space in front"), *text ? " " : "", e);
    if (status == 0)
        status = add_piece_ids(cut, p, *text ? -1 : 0, strlen(text), e);
    buffer_free(&spaced);
    return status;
}

static int cut_native(const Vocab *v, const char *text, EncodeFor how, Cut *cut, Ids *ids, Error *e)
{
    size_t n = strlen(text);
    const char *at = text;
    int status = vocab_puts_bos(v, how) ? add_id(cut, v->special[TOKEN_BOS], true, (Origin){0, 0}, e) : 0;
    if (status == 0)
        status = vocab_encode_native(v, text, cut, ids, e);
    if (status == 0 && v->split == SPLIT_WORDS)
        status = add_words(cut, e);
    for (size_t i = 0; status == 0 && i < cut->piece_count; i++) {
        const char *found = v->split == SPLIT_WORDS ? strstr(at, cut->pieces[i].text) : text;
        at = found ? found : at;
        status = add_piece_ids(cut, &cut->pieces[i], (long)(at - text), n, e);
        at += v->split == SPLIT_WORDS ? cut->pieces[i].len : 0;
    }
    return status;
}

static int cut_any(const Vocab *v, const char *text, EncodeFor how, Cut *cut, Error *e)
{
    Ids ids = {0};
    size_t n = strlen(text);
    int eos = v->special[TOKEN_EOS], status;
    if (!v->has_text)
        return error_set(e, "text: expected ids, because this model has no vocabulary, found a text; try --ids 0,1,2");
    if (!text_is_valid(text, n))
        return error_set(e, "text: expected UTF-8, found other bytes");
    if (v->pipeline)
        return pipeline_encode(vocab_pipeline(v, how), text, n, how != ENCODE_BARE, &cut->ids, &cut->id_count, cut, e);
    status = add_text(cut, text, "", _("the text"), "", e);
    if (status == 0)
        status = v->split == SPLIT_LLAMA2C ? cut_llama2c(v, text, how, cut, &ids, e) : cut_native(v, text, how, cut, &ids, e);
    ids_free(&ids);
    return status == 0 && how == ENCODE_ENCODER && eos >= 0 ? add_id(cut, eos, true, (Origin){(uint32_t)n, (uint32_t)n}, e) : status;
}

int vocab_cut(const Vocab *v, const char *text, EncodeFor how, Cut *cut, Error *e)
{
    *cut = (Cut){.text_count = 0};
    if (cut_any(v, text, how, cut, e) == 0)
        return 0;
    cut_free(cut);
    return -1;
}
