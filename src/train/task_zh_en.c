/* task_zh_en.c - the task "zh-en": Chinese to English.
 *
 * Owns how sentences are drawn and marked, and the split. The grammar is task_zh_en_*.c; knows nothing of models. */
#include "train/task_zh_en.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_OUT_ONE_IN = 20, TRIES = 200000 };

/* ---- a sentence ---- */

static void begin(ZhEnSentence *s)
{
    s->zh.table = s->en.table = zh_en_words();
    s->zh.n = s->en.n = s->clauses = 0;
    s->zh.bad = s->en.bad = s->question = false;
    s->nats = 0;
}

/* Adds a clause. */
static void add_clause(Choices *c, ZhEnSentence *s, bool statement)
{
    Clause x;
    zh_en_choose_clause(c, &x, statement);
    s->nats = c->nats;
    if (c->dead)
        return;
    s->question = x.question != ASKS_NOTHING;
    s->clauses++;
    zh_en_say_chinese(&s->zh, &x);
    zh_en_say_english(&s->en, &x);
    if (s->question)
        line_say(&s->en, "?");
}

/* Adds ， or ，但是, and a clause that does not repeat the one before it, which begins at word `last` of the English. */
static void add_another(Choices *c, ZhEnSentence *s, size_t last)
{
    choices_use(c, "，");
    bool but = choose_words(c, 35, "但是");
    size_t before = s->en.n - last;
    line_say(&s->zh, but ? "， 但是" : "，");
    line_say(&s->en, but ? "but" : "and");
    size_t again = s->en.n;
    add_clause(c, s, true);
    if (s->en.n - again == before && memcmp(s->en.ids + again, s->en.ids + last, before * sizeof *s->en.ids) == 0)
        c->dead = true;
}

void zh_en_write(Choices *c, ZhEnKind kind, ZhEnSentence *s)
{
    begin(s);
    add_clause(c, s, kind != ZH_EN_CLAUSE);
    if (kind == ZH_EN_TWO_STATEMENTS && !c->dead)
        add_another(c, s, 0);
}

/* One of the task's own mix; false where it came to nothing. */
static bool draw_mixed(Random *r, ZhEnSentence *s)
{
    Choices c;
    choices_begin(&c, r);
    zh_en_write(&c, random_below(r, 100) >= 86 ? ZH_EN_TWO_STATEMENTS : ZH_EN_CLAUSE, s);
    return !c.dead && s->zh.n <= ZH_EN_LENGTH;
}

/* One of exactly `length` words, made of as many clauses as it takes. */
static bool draw_long(Random *r, size_t length, ZhEnSentence *s)
{
    enum { LEAST = 4 }; /* words of a clause with its ， */
    size_t last = 0;
    begin(s);
    for (int tries = 0; s->zh.n < length && tries < 1000; tries++) {
        ZhEnSentence longer = *s;
        Choices c;
        choices_begin(&c, r);
        if (s->clauses == 0)
            add_clause(&c, &longer, true);
        else
            add_another(&c, &longer, last);
        if (c.dead || longer.zh.n > length || (longer.zh.n < length && longer.zh.n + LEAST > length))
            continue;
        last = s->clauses ? s->en.n + 1 : 0;
        *s = longer;
    }
    return s->zh.n == length;
}

static bool draw_sentence(Random *r, TaskSplit split, size_t length, ZhEnSentence *s)
{
    for (int tries = 0; tries < TRIES; tries++) {
        bool done = length > ZH_EN_LENGTH ? draw_long(r, length, s) : draw_mixed(r, s) && (length == 0 || s->zh.n == length);
        if (done && task_split(s->zh.ids, s->zh.n, HELD_OUT_ONE_IN) == split)
            return true;
    }
    return false;
}

/* ---- an example ---- */

static int find(const char *word)
{
    return words_id(zh_en_words(), word, strlen(word));
}

static int draw(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e)
{
    static const int bos = ZH_EN_BOS, eos = ZH_EN_EOS;
    ZhEnSentence s;
    task_example_clear(out);
    if (difficulty < 0 || difficulty == 1 || difficulty > ZH_EN_LONGEST)
        return error_set(e, "zh-en: expected a difficulty (words of the Chinese sentence) from 2 to %d, found %d", ZH_EN_LONGEST,
                         difficulty);
    if (!draw_sentence(r, split, (size_t)difficulty, &s) || s.zh.bad || s.en.bad)
        return error_set(e, "zh-en: expected a sentence of %d words, found none; try another difficulty", difficulty);
    uint64_t kind = random_below(r, 20); /* a quarter of the statements and half of the questions are typed with their mark */
    const char *mark = s.question ? (kind < 8 ? "？" : kind < 10 ? "?" : NULL) : kind < 5 ? "。" : NULL;
    if (task_add(&out->source, s.zh.ids, s.zh.n, e) != 0 || (mark && ids_add(&out->source, find(mark), e) != 0) ||
        ids_add(&out->source, eos, e) != 0)
        return -1;
    if (ids_add(&out->input, bos, e) != 0 || task_add(&out->input, s.en.ids, s.en.n, e) != 0)
        return -1;
    return task_add(&out->targets, s.en.ids, s.en.n, e) != 0 ? -1 : ids_add(&out->targets, eos, e);
}

static void write_vocabulary(Buffer *out)
{
    words_write(zh_en_words(), out);
}

static int configure(Config *c, Error *e)
{
    static const int special[TOKEN_COUNT] = {
        [TOKEN_BOS] = ZH_EN_BOS, [TOKEN_EOS] = ZH_EN_EOS, [TOKEN_PAD] = ZH_EN_PAD, [TOKEN_MASK] = -1, [TOKEN_UNK] = -1};
    return task_configure(c, KIND_ENCODER_DECODER, (size_t)zh_en_words()->count, SPLIT_LONGEST_MATCH, special, "我吃了一个苹果", e);
}

const Task task_zh_en = {
    .name = "zh-en",
    .what = N_("Chinese to English, a grammar of some hundreds of words"),
    .score = TASK_SCORE_GENERATED,
    .vocabulary = write_vocabulary,
    .configure = configure,
    .draw = draw,
};

/* ---- searching the grammar ---- */

/* True where a line is made of exactly the words of a bag. */
static bool is_made_of(const Line *l, const unsigned char bag[WORDS_MAX], size_t n)
{
    unsigned char left[WORDS_MAX];
    if (l->n != n)
        return false;
    memcpy(left, bag, sizeof left);
    for (size_t i = 0; i < n; i++)
        if (left[l->ids[i]]-- == 0)
            return false;
    return true;
}

int zh_en_search(const int *ids, size_t n, ZhEnKind kind, bool (*visit)(void *context, const ZhEnSentence *s), void *context)
{
    const long steps_max = 100000000;
    unsigned char bag[WORDS_MAX] = {0}, left[WORDS_MAX];
    for (size_t i = 0; i < n; i++)
        bag[ids[i]]++;
    Choices c;
    choices_begin(&c, NULL);
    c.table = zh_en_words();
    c.bag = left;
    long steps = 0;
    do {
        ZhEnSentence s;
        memcpy(left, bag, sizeof left);
        zh_en_write(&c, kind, &s);
        if (!c.dead && is_made_of(&s.zh, bag, n) && !visit(context, &s))
            return 0;
        if (++steps == steps_max)
            return -1;
    } while (choices_next(&c));
    return 0;
}

/* ---- translating ---- */

typedef struct Wanted {
    const int *zh;
    size_t n;
    bool found;
    Line answer;
} Wanted;

static bool is_wanted(void *context, const ZhEnSentence *s)
{
    Wanted *w = context;
    w->found = memcmp(s->zh.ids, w->zh, w->n * sizeof *w->zh) == 0;
    if (w->found)
        w->answer = s->en;
    return !w->found;
}

/* Translates the n words at ids, a clause. */
static int translate_clause(const char *source, const int *ids, size_t n, bool statement, Line *out, Error *e)
{
    Wanted w = {.zh = ids, .n = n};
    if (zh_en_search(ids, n, statement ? ZH_EN_STATEMENT : ZH_EN_CLAUSE, is_wanted, &w) != 0)
        return error_set(e, "zh-en: expected a shorter sentence, found one that takes too long to search: %s", source);
    if (!w.found)
        return error_set(e, "zh-en: expected a sentence of the grammar, found %s", source);
    for (size_t i = 0; i < w.answer.n && out->n < LINE_MAX; i++)
        out->ids[out->n++] = w.answer.ids[i];
    return 0;
}

/* Translates the words of a sentence without its mark. */
static int translate_words(const char *source, const int *ids, size_t n, Line *out, Error *e)
{
    int comma = find("，"), but = find("但是");
    bool several = false;
    for (size_t i = 0; i < n; i++)
        several = several || ids[i] == comma;
    for (size_t at = 0; at <= n;) {
        size_t end = at;
        while (end < n && ids[end] != comma)
            end++;
        if (at > 0) {
            bool opposed = at < end && ids[at] == but;
            line_say(out, opposed ? "but" : "and");
            at += opposed;
        }
        if (translate_clause(source, ids + at, end - at, several, out, e) != 0)
            return -1;
        at = end + 1;
    }
    return 0;
}

/* The task's vocabulary as the models read it. */
static Vocab *make_vocab(Error *e)
{
    Config c = config_default();
    Buffer text = {0};
    Vocab *v = NULL;
    if (configure(&c, e) == 0) {
        write_vocabulary(&text);
        v = vocab_read(buffer_text(&text), text.len, &c, "zh-en", e);
    }
    buffer_free(&text);
    config_free(&c);
    return v;
}

int task_zh_en_translate(const char *source, Buffer *out, Error *e)
{
    Vocab *v = make_vocab(e);
    Ids ids = {0};
    Line line = {.table = zh_en_words()};
    int status = v ? vocab_encode(v, source, ENCODE_BARE, &ids, e) : -1;
    if (status == 0 && ids.len) {
        int mark = ids.data[ids.len - 1];
        ids.len -= mark == find("。") || mark == find("？") || mark == find("?");
    }
    if (status == 0)
        status = translate_words(source, ids.data, ids.len, &line, e);
    if (status == 0)
        vocab_decode(v, line.ids, line.n, out);
    ids_free(&ids);
    vocab_free(v);
    return status;
}

/* ---- what a bag of words decides ---- */

enum { MEANINGS_MAX = 8192 };

/* The translations of one bag, by the hash of their English. */
typedef struct Meanings {
    struct {
        uint64_t hash; /* 0: free */
        double p;
    } slots[MEANINGS_MAX];
    size_t count;
} Meanings;

static uint64_t hash_of(const Line *l)
{
    uint64_t h = l->n;
    for (size_t i = 0; i < l->n; i++) {
        Random mixed = random_seeded(h ^ (uint64_t)l->ids[i] << 32);
        h = random_bits(&mixed);
    }
    return h ? h : 1;
}

static bool add_meaning(void *context, const ZhEnSentence *s)
{
    Meanings *m = context;
    uint64_t hash = hash_of(&s->en);
    size_t slot = (size_t)(hash % MEANINGS_MAX);
    while (m->slots[slot].hash && m->slots[slot].hash != hash)
        slot = (slot + 1) % MEANINGS_MAX;
    m->count += m->slots[slot].hash == 0;
    m->slots[slot].hash = hash;
    m->slots[slot].p += exp(-s->nats);
    return m->count < MEANINGS_MAX - 1;
}

/* How often the likeliest of them is the one with this hash: 1, 0, or a part where several are as likely. */
static double guess(const Meanings *m, uint64_t right)
{
    double most = 0;
    size_t likeliest = 0;
    bool among = false;
    for (size_t i = 0; i < MEANINGS_MAX; i++)
        most = m->slots[i].p > most ? m->slots[i].p : most;
    for (size_t i = 0; i < MEANINGS_MAX; i++)
        if (m->slots[i].p > most * (1 - 1e-9)) {
            likeliest++;
            among = among || m->slots[i].hash == right;
        }
    return among ? 1.0 / (double)likeliest : 0;
}

int task_zh_en_bag(Random *r, size_t n, ZhEnBag *out, Error *e)
{
    Meanings *m = malloc(sizeof *m);
    if (!m)
        return error_memory(e, "zh-en");
    *out = (ZhEnBag){0};
    for (size_t i = 0; i < n; i++) {
        ZhEnSentence s;
        memset(m, 0, sizeof *m);
        bool drawn = draw_sentence(r, TASK_HELD_OUT, 0, &s);
        ZhEnKind kind = s.clauses > 1 ? ZH_EN_TWO_STATEMENTS : ZH_EN_CLAUSE;
        if (!drawn || zh_en_search(s.zh.ids, s.zh.n, kind, add_meaning, m) != 0 || m->count >= MEANINGS_MAX - 1) {
            free(m);
            return error_set(e, "zh-en: expected a sentence that can be searched, found one that takes too long");
        }
        out->decided += m->count == 1;
        out->guessed += guess(m, hash_of(&s.en));
    }
    free(m);
    out->decided /= (double)n;
    out->guessed /= (double)n;
    return 0;
}
