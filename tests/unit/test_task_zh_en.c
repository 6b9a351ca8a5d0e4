/* test_task_zh_en.c - the translator's grammar: one right translation each, right English, and what a bag of words decides. */
#include "tasks_help.h"
#include "train/task_zh_en.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(task_zh_en, the_lecture_is_translated)
{
    static const struct {
        const char *zh, *en;
    } rows[] = {
        {"我爱你", "I love you"},
        {"你爱我", "you love me"},
        {"你 爱 我", "you love me"},
        {"我吃了一个苹果", "I ate an apple"},
        {"她看了一本书", "she read a book"},
        {"买一张从上海到北京的车票", "buy a ticket from Shanghai to Beijing"},
        {"买一张从北京到上海的车票。", "buy a ticket from Beijing to Shanghai"},
        {"狗咬人", "the dog bites the man"},
        {"人咬狗", "the man bites the dog"},
        {"我昨天在北京买了一张票", "I bought a ticket in Beijing yesterday"},
        {"昨天我在北京买了一张票", "I bought a ticket in Beijing yesterday"},
        {"我不吃鱼", "I do not eat fish"},
        {"她没看那本书", "she did not read that book"},
        {"她没有看那本书", "she did not read that book"},
        {"你爱我吗", "do you love me?"},
        {"你爱我吗？", "do you love me?"},
        {"她看了一部电影吗?", "did she watch a movie?"},
        {"你正在吃什么", "what are you eating?"},
        {"你住在哪里", "where do you live?"},
        {"谁吃了我的苹果", "who ate my apple?"},
        {"他为什么哭", "why does he cry?"},
        {"他明天去上海", "he will go to Shanghai tomorrow"},
        {"他想喝一杯热茶", "he wants to drink a cup of hot tea"},
        {"她会说英文", "she will speak English"},
        {"我有两只猫", "I have two cats"},
        {"我没有钱", "I do not have money"},
        {"桌子上有一个鸡蛋", "there is an egg on the table"},
        {"我的书在桌子上", "my book is on the table"},
        {"我买的书很有趣", "the book that I bought is interesting"},
        {"我喜欢她昨天买的书", "I like the book that she bought yesterday"},
        {"汤姆把那本旧书卖了", "Tom sold that old book"},
        {"妈妈", NULL}, /* whose? */
        {"我妈妈给我买了一件衬衫", "my mother bought a shirt for me"},
        {"给我一杯水", "give me a cup of water"},
        {"我给了他一本书", "I gave him a book"},
        {"我坐火车去北京", "I go to Beijing by train"},
        {"汤姆和玛丽是老师", "Tom and Mary are teachers"},
        {"他是一个苹果", NULL},
        {"我爱你，但是你不爱我", "I love you but you do not love me"},
        {"苹果我一个吃了", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Buffer out = {0};
        Error e = {{0}};
        int status = task_zh_en_translate(rows[i].zh, &out, &e);
        cr_expect_eq(status, rows[i].en ? 0 : -1, "%s: %s", rows[i].zh, status ? e.text : buffer_text(&out));
        if (status == 0 && rows[i].en)
            cr_expect_str_eq(buffer_text(&out), rows[i].en, "%s: %s", rows[i].zh, buffer_text(&out));
        else
            assert_says(e, "zh-en: expected");
        buffer_free(&out);
    }
}

/* What the search of a sentence's words found: the sentence itself, with the same translation (`found`) and with others, sentences
 * with another translation, and whether one derivation has the probability that was looked for. */
typedef struct Same {
    const int *zh, *en;
    size_t zh_n, en_n, found, others, undecided, as_likely;
    double nats;
} Same;

static bool count_same(void *context, const ZhEnSentence *s)
{
    Same *w = context;
    bool zh = s->zh.n == w->zh_n && memcmp(s->zh.ids, w->zh, w->zh_n * sizeof(int)) == 0;
    bool en = s->en.n == w->en_n && memcmp(s->en.ids, w->en, w->en_n * sizeof(int)) == 0;
    w->found += zh && en;
    w->others += zh && !en;
    w->undecided += !en;
    w->as_likely += zh && en && fabs(s->nats - w->nats) < 1e-9;
    return true;
}

/* The bare words of an example, without the end token and the mark. */
static size_t bare_length(const Opened *o, const TaskExample *x)
{
    const char *last = vocab_token(o->vocab, x->source.data[x->source.len - 2]);
    return x->source.len - 1 - (strcmp(last, "。") == 0 || strcmp(last, "？") == 0 || strcmp(last, "?") == 0);
}

static bool is_one_clause(const Opened *o, const TaskExample *x)
{
    int comma = vocab_find(o->vocab, "，");
    for (size_t i = 0; i < x->source.len; i++)
        if (x->source.data[i] == comma)
            return false;
    return true;
}

static Same search(const Opened *o, const TaskExample *x)
{
    Same w = {.zh = x->source.data, .en = x->input.data + 1, .zh_n = bare_length(o, x), .en_n = x->input.len - 1};
    cr_assert_eq(zh_en_search(w.zh, w.zh_n, is_one_clause(o, x) ? ZH_EN_CLAUSE : ZH_EN_TWO_STATEMENTS, count_same, &w), 0);
    return w;
}

/* All derivations of a Chinese sentence give the same English. */
Test(task_zh_en, a_sentence_has_one_translation, .timeout = 60)
{
    Opened o = open_task("zh-en");
    Random r = random_seeded(21);
    TaskExample x = {0};
    for (int i = 0; i < 1500; i++) {
        draw(&o, &r, TASK_TRAIN, 0, &x);
        Same w = search(&o, &x);
        Buffer text = {0};
        vocab_decode(o.vocab, x.source.data, x.source.len, &text);
        cr_assert(w.found > 0, "not found: %s", buffer_text(&text));
        cr_assert(w.others == 0, "two translations: %s", buffer_text(&text));
        buffer_free(&text);
    }
    task_example_free(&x);
    close_task(&o);
}

/* Wherever two sentences that were drawn are made of the same words and have two translations, the search of either says that the bag does
 * not decide. */
Test(task_zh_en, bags_that_do_not_decide_are_found, .timeout = 60)
{
    enum { N = 60000 };
    Opened o = open_task("zh-en");
    Random r = random_seeded(22);
    Drawn *drawn = calloc(N, sizeof *drawn);
    cr_assert(drawn);
    for (size_t i = 0; i < N; i++) {
        TaskExample *x = &drawn[i].x;
        do
            draw(&o, &r, TASK_TRAIN, 0, x);
        while (!is_one_clause(&o, x));
        drawn[i].bag = number_of(x->source.data, bare_length(&o, x), true);
        drawn[i].english = number_of(x->targets.data, x->targets.len, false);
    }
    qsort(drawn, N, sizeof *drawn, compare_bags);
    size_t pairs = 0;
    for (size_t i = 1; i < N; i++) {
        if (drawn[i].bag != drawn[i - 1].bag || drawn[i].english == drawn[i - 1].english)
            continue;
        pairs++;
        cr_assert(search(&o, &drawn[i].x).undecided > 0 && search(&o, &drawn[i - 1].x).undecided > 0);
    }
    cr_assert(pairs > 100, "only %zu pairs: nothing is tested", pairs);
    for (size_t i = 0; i < N; i++)
        task_example_free(&drawn[i].x);
    free(drawn);
    close_task(&o);
}

/* The search gives a sentence the probability with which it is drawn. */
Test(task_zh_en, searching_keeps_probabilities, .timeout = 60)
{
    Random r = random_seeded(26);
    size_t written = 0;
    for (int i = 0; i < 1200; i++) {
        Choices c;
        ZhEnSentence s;
        ZhEnKind kind = i % 4 ? ZH_EN_CLAUSE : ZH_EN_TWO_STATEMENTS;
        choices_begin(&c, &r);
        zh_en_write(&c, kind, &s);
        if (c.dead || s.zh.n > ZH_EN_LENGTH)
            continue;
        written++;
        Same w = {.zh = s.zh.ids, .en = s.en.ids, .zh_n = s.zh.n, .en_n = s.en.n, .nats = c.nats};
        cr_assert_eq(zh_en_search(w.zh, w.zh_n, kind, count_same, &w), 0);
        cr_assert(w.as_likely > 0, "sentence %d: %g nats", i, c.nats);
    }
    cr_assert(written > 600, "%zu", written);
}

/* A bag that decides is guessed; of those that do not, some are. */
Test(task_zh_en, what_the_bag_decides, .timeout = 60)
{
    Error e = {{0}};
    Random r = random_seeded(23), again = random_seeded(23);
    ZhEnBag bag, same;
    cr_assert_eq(task_zh_en_bag(&r, 400, &bag, &e), 0, "%s", e.text);
    cr_assert(bag.decided > 0.4 && bag.guessed > bag.decided + 0.05 && bag.guessed < 0.95, "%g %g", bag.decided, bag.guessed);
    cr_assert_eq(task_zh_en_bag(&again, 400, &same, &e), 0);
    cr_assert(same.decided == bag.decided && same.guessed == bag.guessed);
}

static void check_bag(const char *zh, bool decided)
{
    Opened o = open_task("zh-en");
    Ids ids = {0};
    Error e = {{0}};
    Buffer b = {0};
    cr_assert(vocab_encode(o.vocab, zh, ENCODE_BARE, &ids, &e) == 0 && task_zh_en_translate(zh, &b, &e) == 0, "%s", e.text);
    Ids en = {0};
    cr_assert_eq(vocab_encode(o.vocab, buffer_text(&b), ENCODE_BARE, &en, &e), 0, "%s", e.text);
    Same w = {.zh = ids.data, .en = en.data, .zh_n = ids.len, .en_n = en.len};
    cr_assert_eq(zh_en_search(w.zh, w.zh_n, ZH_EN_CLAUSE, count_same, &w), 0);
    cr_assert(w.found > 0 && (w.undecided == 0) == decided, "%s", zh);
    ids_free(&ids);
    ids_free(&en);
    buffer_free(&b);
    close_task(&o);
}

Test(task_zh_en, bags_of_the_lecture)
{
    check_bag("我爱你", false);
    check_bag("狗咬人", false);
    check_bag("买一张从上海到北京的车票", false);
    check_bag("我吃了一个苹果", true);
    check_bag("她看了一本书", true);
    check_bag("我昨天在北京买了一张票", true);
}

Test(task_zh_en, chinese_is_as_long_as_asked_for)
{
    static const int lengths[] = {2, 7, 14, 21, 28};
    Opened o = open_task("zh-en");
    Random r = random_seeded(24);
    TaskExample x = {0};
    size_t longest = 0;
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        for (int i = 0; i < 50; i++) {
            draw(&o, &r, i % 2 ? TASK_TRAIN : TASK_HELD_OUT, lengths[k], &x);
            cr_assert_eq(bare_length(&o, &x), (size_t)lengths[k]);
        }
    for (int i = 0; i < 20000; i++) {
        draw(&o, &r, TASK_TRAIN, 0, &x);
        longest = bare_length(&o, &x) > longest ? bare_length(&o, &x) : longest;
    }
    cr_assert_eq(longest, ZH_EN_LENGTH);
    task_example_free(&x);
    close_task(&o);
}

/* True where the words stand in the text, not within longer ones. */
static bool has_words(const char *text, const char *words)
{
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++)
        if (at > text && at[-1] == ' ')
            return true;
    return false;
}

/* Rules of English that no lexicon row can break: a and an, agreement of the commonest pronouns, a mark for questions alone. */
Test(task_zh_en, english_is_right)
{
    Opened o = open_task("zh-en");
    Random r = random_seeded(25);
    TaskExample x = {0};
    size_t with_an = 0, questions = 0;
    static const char *const wrong[] = {"a a ", "an a ", "the the ", "the a ", "my the ", "not not ", "did did ", "to to ", "in to "};
    static const char *const disagreeing[] = {"I is ",    "I are ",  "he are ",  "he am ",    "she do ",     "we is ",   "you is ",
                                              "they is ", "you am ", "he love ", "she love ", "they loves ", "I loves ", "we loves "};
    for (int i = 0; i < 20000; i++) {
        Buffer text = {0};
        draw(&o, &r, TASK_TRAIN, 0, &x);
        buffer_putc(&text, ' ');
        vocab_decode(o.vocab, x.input.data, x.input.len, &text);
        buffer_putc(&text, ' ');
        for (const char *at = text.data; (at = strstr(at, " a ")); at++)
            cr_assert(!strchr("aeiou", at[3]), "%s", text.data);
        for (const char *at = text.data; (at = strstr(at, " an ")); at++, with_an++)
            cr_assert(strchr("aeiou", at[4]), "%s", text.data);
        for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
            cr_assert(!has_words(text.data, wrong[k]), "%s", text.data);
        bool plain = !strchr(text.data, '?') && !strstr(text.data, " and ");
        for (size_t k = 0; k < sizeof disagreeing / sizeof *disagreeing && plain; k++) /* "does she love", "Tom and I are" */
            cr_assert(!has_words(text.data, disagreeing[k]), "%s", text.data);
        bool question = text.data[text.len - 2] == '?';
        questions += question;
        bool asks = false;
        for (size_t k = 0; k < x.source.len; k++) {
            const char *token = vocab_token(o.vocab, x.source.data[k]);
            asks = asks || !strcmp(token, "吗") || !strcmp(token, "谁") || !strcmp(token, "什么") || !strcmp(token, "哪里") ||
                   !strcmp(token, "为什么");
        }
        cr_assert_eq(question, asks, "%s", text.data);
        buffer_free(&text);
    }
    cr_assert(with_an > 300 && questions > 2000, "%zu %zu", with_an, questions);
    task_example_free(&x);
    close_task(&o);
}
