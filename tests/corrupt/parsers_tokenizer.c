/* parsers_tokenizer.c - Hugging Face's tokenizers behind the signature of parsers.h. */
#include "parsers.h"

#include "base/text.h"
#include "model/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(bool fits, const char *what)
{
    if (fits)
        return;
    fprintf(stderr, "accepted, but %s\n", what);
    abort();
}

/* Encodes the bytes, if they are a text, decodes what came out and every token, and records how. */
static void use(const Pipeline *p, const uint8_t *bytes, size_t n)
{
    static const char sample[] = "ab abab \xc3\xa9 A <e> xx, 12";
    bool valid = n < 4096 && text_is_valid((const char *)bytes, n);
    const char *text = valid ? (const char *)bytes : sample;
    CutId *ids = NULL;
    size_t count = 0;
    Cut cut = {.text_count = 0};
    Error e = {{0}};
    Buffer out = {0};
    n = valid ? n : sizeof sample - 1;
    if (pipeline_encode(p, text, n, true, &ids, &count, &cut, &e) != 0)
        must(e.text[0] != '\0', "a text is refused without a message");
    for (size_t i = 0; i < count; i++) {
        must(ids[i].id >= 0 && (size_t)ids[i].id < p->size, "an id is out of range");
        must(ids[i].from.from <= ids[i].from.to && ids[i].from.to <= n, "a place is outside the text");
        pipeline_decode(p, &ids[i].id, 1, NULL, NULL, &out);
    }
    for (size_t i = 0; i < cut.piece_count; i++) {
        CutTokens now;
        if (cut_state(&cut.pieces[i], cut.pieces[i].count, &now, &e) == 0)
            free(now.items);
    }
    for (size_t id = 0; id < p->size && id < 64; id++) {
        size_t len;
        const char *s = pipeline_spelling(p, (int)id, &len);
        must(!s || pipeline_find(p, s, len) == (int)id, "a token is not found by its spelling");
        pipeline_show(p, (int)id, &out);
    }
    buffer_free(&out);
    cut_free(&cut);
    free(ids);
}

static int finish(Pipeline *p, const uint8_t *bytes, size_t n)
{
    if (!p)
        return -1;
    use(p, bytes, n);
    pipeline_free(p);
    return 0;
}

int parse_tokenizer_json(const uint8_t *bytes, size_t n, Error *e)
{
    return finish(pipeline_read((const char *)bytes, n, "input", e), bytes, n);
}

int parse_merges(const uint8_t *bytes, size_t n, Error *e)
{
    static const char vocab[] = "{\"a\":0,\"b\":1,\"ab\":2,\"\xc4\xa0\":3,\"\xc4\xa0""a\":4,\"abab\":5,\"<|endoftext|>\":6}";
    return finish(pipeline_read_gpt2(vocab, sizeof vocab - 1, "input", (const char *)bytes, n, "input", e), bytes, n);
}

int parse_bert(const uint8_t *bytes, size_t n, Error *e)
{
    return finish(pipeline_read_bert((const char *)bytes, n, "input", e), bytes, n);
}

/* A SentencePiece file with a vocab.json that has some of its pieces: as the source's, and as the target's. */
int parse_spm(const uint8_t *bytes, size_t n, Error *e)
{
    static const char vocab[] = "{\"</s>\":0,\"<unk>\":1,\"\xe2\x96\x81\":2,\"a\":3,\"\xe2\x96\x81I\":4,\"<pad>\":5}";
    Error other;
    Pipeline *target = pipeline_read_marian(vocab, sizeof vocab - 1, "input", bytes, n, "input", 5, &other);
    pipeline_free(target);
    return finish(pipeline_read_marian(vocab, sizeof vocab - 1, "input", bytes, n, "input", -1, e), bytes, n);
}
