/* test_tasks.c - the tasks: what all of them promise (splits, alignment, vocabulary), and what each one teaches. */
#include "model_help.h"
#include "train/task_story.h"
#include "train/task_zh_en.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- a task with its vocabulary ---- */

typedef struct Opened {
    const Task *task;
    Config config;
    Vocab *vocab;
} Opened;

static Opened open_task(const char *name)
{
    Opened o = {.task = task_find(name), .config = config_default()};
    Error e = {{0}};
    Buffer b = {0};
    cr_assert(o.task, "%s", name);
    cr_assert_eq(o.task->configure(&o.config, &e), 0, "%s", e.text);
    cr_assert_eq(config_check(&o.config, name, &e), 0, "%s", e.text);
    o.task->vocabulary(&b);
    o.vocab = vocab_read(buffer_text(&b), b.len, &o.config, name, &e);
    cr_assert(o.vocab, "%s", e.text);
    buffer_free(&b);
    return o;
}

static void close_task(Opened *o)
{
    vocab_free(o->vocab);
    config_free(&o->config);
}

static void draw(const Opened *o, Random *r, TaskSplit split, int difficulty, TaskExample *x)
{
    Error e = {{0}};
    cr_assert_eq(o->task->draw(r, split, difficulty, x, &e), 0, "%s: %s", o->task->name, e.text);
}

static const char *const names[] = {"zh-en", "story", "induction", "sum", "mask", "recall"};
enum { TASKS = sizeof names / sizeof *names };

Test(tasks, listed)
{
    size_t count;
    const Task *const *all = task_list(&count);
    cr_assert_eq(count, TASKS);
    for (size_t i = 0; i < count; i++)
        cr_assert(task_find(all[i]->name) == all[i] && all[i]->what[0], "%s", all[i]->name);
    cr_assert_null(task_find("zh_en"));
    cr_assert_null(task_find(""));
}

/* ---- what all promise ---- */

static void check_ids(const Opened *o, const Ids *ids, bool uncounted)
{
    int most = (int)vocab_size(o->vocab);
    for (size_t i = 0; i < ids->len; i++)
        cr_assert(ids->data[i] >= (uncounted ? -1 : 0) && ids->data[i] < most && ids->data[i] != o->config.pad, "%s: id %d at %zu",
                  o->task->name, ids->data[i], i);
}

/* targets[i] is what follows input[i], and the end token follows the last. */
static void check_decoder(const Opened *o, const TaskExample *x)
{
    cr_assert_eq(x->input.len, x->targets.len);
    cr_assert_eq(x->input.data[0], o->config.bos);
    for (size_t i = 0; i + 1 < x->input.len; i++)
        cr_assert(x->targets.data[i] == -1 || x->targets.data[i] == x->input.data[i + 1], "%s: target %zu", o->task->name, i);
    if (o->config.eos >= 0)
        cr_assert_eq(x->targets.data[x->targets.len - 1], o->config.eos);
    for (size_t i = 1; i < x->input.len; i++)
        cr_assert(x->input.data[i] != o->config.bos && x->input.data[i] != o->config.eos);
}

/* Only the mask is asked for, and it stands once. */
static void check_encoder(const Opened *o, const TaskExample *x)
{
    size_t masks = 0;
    cr_assert(x->input.len == 0 && x->source.len == x->targets.len);
    for (size_t i = 0; i < x->source.len; i++) {
        bool mask = x->source.data[i] == o->config.mask;
        masks += mask;
        cr_assert_eq(x->targets.data[i] >= 0, mask);
        cr_assert(!mask || x->targets.data[i] != o->config.mask);
    }
    cr_assert_eq(masks, 1);
    cr_assert(x->source.data[0] == o->config.bos && x->source.data[x->source.len - 1] == o->config.eos);
}

Test(tasks, examples_are_aligned_and_in_the_vocabulary)
{
    for (size_t t = 0; t < TASKS; t++) {
        Opened o = open_task(names[t]);
        Random r = random_seeded(t + 1);
        TaskExample x = {0};
        for (int i = 0; i < 4000; i++) {
            size_t counted = 0;
            draw(&o, &r, i % 8 ? TASK_TRAIN : TASK_HELD_OUT, 0, &x);
            check_ids(&o, &x.source, false);
            check_ids(&o, &x.input, false);
            check_ids(&o, &x.targets, true);
            for (size_t k = 0; k < x.targets.len; k++)
                counted += x.targets.data[k] >= 0;
            cr_assert(counted > 0);
            cr_assert_eq(x.source.len > 0, o.config.kind != KIND_DECODER);
            if (o.config.kind == KIND_ENCODER)
                check_encoder(&o, &x);
            else
                check_decoder(&o, &x);
            if (o.config.kind == KIND_ENCODER_DECODER)
                cr_assert_eq(x.source.data[x.source.len - 1], o.config.eos);
        }
        task_example_free(&x);
        close_task(&o);
    }
}

Test(tasks, a_seed_decides_the_examples)
{
    for (size_t t = 0; t < TASKS; t++) {
        Opened o = open_task(names[t]);
        TaskExample x = {0}, y = {0};
        Random a = random_seeded(5), b = random_seeded(5), c = random_seeded(6);
        size_t others = 0;
        for (int i = 0; i < 50; i++) {
            draw(&o, &a, TASK_TRAIN, 0, &x);
            draw(&o, &b, TASK_TRAIN, 0, &y);
            cr_assert(x.targets.len == y.targets.len && x.source.len == y.source.len);
            cr_assert_arr_eq(x.targets.data, y.targets.data, x.targets.len * sizeof(int));
            draw(&o, &c, TASK_TRAIN, 0, &y);
            others += x.targets.len != y.targets.len || memcmp(x.targets.data, y.targets.data, x.targets.len * sizeof(int)) != 0;
        }
        cr_assert(others > 10, "%s: %zu", names[t], others);
        task_example_free(&x);
        task_example_free(&y);
        close_task(&o);
    }
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A number for n ids, or for a bag of them. */
static uint64_t number_of(const int *ids, size_t n, bool bag)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) {
        Random r = random_seeded(bag ? (uint64_t)ids[i] : h ^ (uint64_t)ids[i] << 32);
        h = bag ? h + random_bits(&r) : random_bits(&r);
    }
    return h;
}

/* What the split promises not to share: of a sum the two numbers in any order, of the others the sentence without its mark. */
static uint64_t sentence_of(const Opened *o, const TaskExample *x)
{
    int words[LINE_MAX * 2];
    size_t n = 0;
    for (size_t i = 0; i < x->source.len; i++)
        if (strcmp(vocab_token(o->vocab, x->source.data[i]), "？") != 0 && strcmp(vocab_token(o->vocab, x->source.data[i]), "。") != 0 &&
            strcmp(vocab_token(o->vocab, x->source.data[i]), "?") != 0)
            words[n++] = x->source.data[i];
    if (strcmp(o->task->name, "sum") == 0)
        return number_of(x->input.data + 1, 3, false) + number_of(x->input.data + 5, 3, false);
    for (size_t i = 0; i < x->input.len && o->config.kind == KIND_DECODER; i++)
        words[n++] = x->input.data[i];
    return number_of(words, n, false);
}

/* At sizes at which the same sentence is drawn again and again, none is drawn on both sides. */
Test(tasks, no_sentence_is_on_both_sides)
{
    static const struct {
        const char *name;
        int difficulty;
    } rows[] = {{"zh-en", 3}, {"induction", 2}, {"sum", 0}, {"mask", 0}, {"recall", 1}};
    enum { TRAINING = 30000, HELD = 6000 };
    uint64_t *training = malloc(TRAINING * sizeof *training);
    cr_assert(training);
    for (size_t t = 0; t < sizeof rows / sizeof *rows; t++) {
        Opened o = open_task(rows[t].name);
        Random r = random_seeded(11);
        TaskExample x = {0};
        for (size_t i = 0; i < TRAINING; i++) {
            draw(&o, &r, TASK_TRAIN, rows[t].difficulty, &x);
            training[i] = sentence_of(&o, &x);
        }
        qsort(training, TRAINING, sizeof *training, compare_numbers);
        size_t again = 0;
        for (size_t i = 1; i < TRAINING; i++)
            again += training[i] == training[i - 1];
        cr_assert(again > 300, "%s: only %zu of the sentences come twice: nothing is tested", rows[t].name, again);
        for (size_t i = 0; i < HELD; i++) {
            draw(&o, &r, TASK_HELD_OUT, rows[t].difficulty, &x);
            uint64_t held = sentence_of(&o, &x);
            cr_assert_null(bsearch(&held, training, TRAINING, sizeof held, compare_numbers), "%s: example %zu", rows[t].name, i);
        }
        task_example_free(&x);
        close_task(&o);
    }
    free(training);
}

/* Stories are too many for that: the side is the one that the hash of the words says. */
Test(tasks, stories_are_split_by_their_words)
{
    Opened o = open_task("story");
    Random r = random_seeded(12);
    TaskExample x = {0};
    for (int i = 0; i < 2000; i++) {
        TaskSplit split = i % 2 ? TASK_TRAIN : TASK_HELD_OUT;
        draw(&o, &r, split, 0, &x);
        cr_assert_eq(task_split(x.input.data + 1, x.input.len - 1, 20), split);
    }
    task_example_free(&x);
    close_task(&o);
}

Test(tasks, every_word_is_used)
{
    static const char *const with_words[] = {"zh-en", "story", "mask"};
    for (size_t t = 0; t < 3; t++) {
        Opened o = open_task(with_words[t]);
        Random r = random_seeded(13);
        TaskExample x = {0};
        size_t used[WORDS_MAX] = {0};
        for (int i = 0; i < 150000; i++) {
            draw(&o, &r, TASK_TRAIN, 0, &x);
            for (size_t k = 0; k < x.source.len; k++)
                used[x.source.data[k]]++;
            for (size_t k = 0; k < x.targets.len; k++)
                if (x.targets.data[k] >= 0)
                    used[x.targets.data[k]]++;
        }
        for (int id = 0; id < (int)vocab_size(o.vocab); id++)
            if (id != o.config.pad && id != o.config.bos)
                cr_expect(used[id] > 20, "%s: \"%s\" comes %zu times", with_words[t], vocab_token(o.vocab, id), used[id]);
        task_example_free(&x);
        close_task(&o);
    }
}

Test(tasks, a_difficulty_that_is_none_is_refused)
{
    static const struct {
        const char *name;
        int difficulty;
    } rows[] = {{"zh-en", -1},     {"zh-en", 1}, {"zh-en", 101}, {"story", 1},   {"induction", 1},
                {"induction", 27}, {"sum", 3},   {"mask", 1},    {"recall", -1}, {"recall", 27}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Opened o = open_task(rows[i].name);
        Random r = random_seeded(1);
        TaskExample x = {0};
        Error e = {{0}};
        cr_assert_eq(o.task->draw(&r, TASK_TRAIN, rows[i].difficulty, &x, &e), -1, "%s %d", rows[i].name, rows[i].difficulty);
        assert_says(e, "expected a difficulty");
        task_example_free(&x);
        close_task(&o);
    }
}

/* What a user types is read as the words the grammar meant, with and without spaces. */
static void check_reading(const Opened *o, const int *ids, size_t n, bool joined_too)
{
    for (int spaced = !joined_too; spaced < 3; spaced++) {
        Buffer text = {0};
        Ids read = {0};
        Error e = {{0}};
        if (spaced == 2)
            vocab_decode(o->vocab, ids, n, &text);
        for (size_t i = 0; i < n && spaced < 2; i++) {
            buffer_puts(&text, spaced && i ? " " : "");
            buffer_puts(&text, vocab_token(o->vocab, ids[i]));
        }
        cr_assert_eq(vocab_encode(o->vocab, buffer_text(&text), ENCODE_BARE, &read, &e), 0, "%s", e.text);
        cr_assert(read.len == n && memcmp(read.data, ids, n * sizeof *ids) == 0, "read otherwise: %s", buffer_text(&text));
        ids_free(&read);
        buffer_free(&text);
    }
}

Test(tasks, texts_are_read_as_meant)
{
    for (size_t t = 0; t < TASKS; t++) {
        Opened o = open_task(names[t]);
        Random r = random_seeded(14);
        TaskExample x = {0};
        bool words = o.config.kind == KIND_ENCODER || o.config.split == SPLIT_WORDS; /* English alone needs its spaces */
        for (int i = 0; i < (t == 0 ? 30000 : 3000); i++) {
            draw(&o, &r, TASK_TRAIN, 0, &x);
            size_t front = o.config.kind == KIND_ENCODER;
            if (x.source.len)
                check_reading(&o, x.source.data + front, x.source.len - 1 - front, !words);
            if (x.input.len > 1)
                check_reading(&o, x.input.data + 1, x.input.len - 1, !words && o.config.kind == KIND_DECODER);
        }
        Ids example = {0};
        Error e = {{0}};
        cr_assert_eq(vocab_encode(o.vocab, o.config.example, ENCODE_BARE, &example, &e), 0, "%s: %s", names[t], e.text);
        ids_free(&example);
        task_example_free(&x);
        close_task(&o);
    }
}

/* ---- choices ---- */

/* A few sentences: a or b, then 0 … 2 after a, nothing after b. */
static int write_toy(Choices *c)
{
    return choose_weighted(c, (int[]){0, 30, 10}, 3) == 2 ? 9 : (int)choose(c, 3);
}

Test(tasks, all_choices_are_gone_through)
{
    Choices c;
    choices_begin(&c, NULL);
    int found[8], count = 0;
    double total = 0;
    do {
        cr_assert(count < 8);
        found[count++] = write_toy(&c);
        total += exp(-c.nats);
        cr_assert(!c.dead);
    } while (choices_next(&c));
    cr_assert_eq(count, 4);
    cr_assert(found[0] == 0 && found[1] == 1 && found[2] == 2 && found[3] == 9);
    cr_assert_float_eq(total, 1, 1e-12);
}

Test(tasks, choices_have_their_probabilities)
{
    Random r = random_seeded(3);
    size_t nines = 0, twos = 0, n = 40000;
    for (size_t i = 0; i < n; i++) {
        Choices c;
        choices_begin(&c, &r);
        int toy = write_toy(&c);
        nines += toy == 9;
        twos += toy == 2;
        cr_assert_float_eq(exp(-c.nats), 0.25, 1e-12);
    }
    cr_assert_float_eq((double)nines / (double)n, 0.25, 0.01); /* 4.6 standard deviations */
    cr_assert_float_eq((double)twos / (double)n, 0.25, 0.01);
}

/* ---- zh-en ---- */

Test(tasks, the_lecture_is_translated)
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

typedef struct Same {
    const int *zh, *en;
    size_t zh_n, en_n, found, others, undecided;
} Same;

static bool count_same(void *context, const ZhEnSentence *s)
{
    Same *w = context;
    bool zh = s->zh.n == w->zh_n && memcmp(s->zh.ids, w->zh, w->zh_n * sizeof(int)) == 0;
    bool en = s->en.n == w->en_n && memcmp(s->en.ids, w->en, w->en_n * sizeof(int)) == 0;
    w->found += zh && en;
    w->others += zh && !en;
    w->undecided += !en;
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
    Same w = {x->source.data, x->input.data + 1, bare_length(o, x), x->input.len - 1, 0, 0, 0};
    cr_assert_eq(zh_en_search(w.zh, w.zh_n, false, count_same, &w), 0);
    return w;
}

/* All derivations of a Chinese sentence give the same English. */
Test(tasks, a_sentence_has_one_translation, .timeout = 60)
{
    Opened o = open_task("zh-en");
    Random r = random_seeded(21);
    TaskExample x = {0};
    for (int i = 0; i < 6000; i++) {
        draw(&o, &r, TASK_TRAIN, 0, &x);
        if (!is_one_clause(&o, &x))
            continue;
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

typedef struct Drawn {
    uint64_t bag, english;
    TaskExample x;
} Drawn;

static int compare_bags(const void *a, const void *b)
{
    const Drawn *x = a, *y = b;
    if (x->bag != y->bag)
        return x->bag < y->bag ? -1 : 1;
    return (x->english > y->english) - (x->english < y->english);
}

/* Wherever two sentences that were drawn are made of the same words and have two translations, the search of either says that the bag does
 * not decide. */
Test(tasks, bags_that_do_not_decide_are_found, .timeout = 60)
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

Test(tasks, share_that_the_bag_decides, .timeout = 60)
{
    Error e = {{0}};
    Random r = random_seeded(23), again = random_seeded(23);
    double share = task_zh_en_bag_share(&r, 400, &e);
    cr_assert(share > 0.2 && share < 0.9, "%g %s", share, e.text);
    cr_assert_eq(task_zh_en_bag_share(&again, 400, &e), share);
}

Test(tasks, chinese_is_as_long_as_asked_for)
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
Test(tasks, english_is_right)
{
    Opened o = open_task("zh-en");
    Random r = random_seeded(25);
    TaskExample x = {0};
    size_t with_an = 0, questions = 0;
    static const char *const wrong[] = {"a a ", "an a ", "the the ", "the a ", "my the ", "not not ", "did did ", "to to ", "in to "};
    static const char *const disagreeing[] = {"I is ",    "I are ",  "he are ",  "he am ",    "she do ",     "we is ",   "you is ",
                                              "they is ", "you am ", "he love ", "she love ", "they loves ", "I loves ", "we loves "};
    for (int i = 0; i < 40000; i++) {
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
    cr_assert(with_an > 500 && questions > 4000, "%zu %zu", with_an, questions);
    task_example_free(&x);
    close_task(&o);
}

/* ---- story ---- */

/* The first choice everywhere: the probability of that story, worked out by hand. */
Test(tasks, the_probability_of_a_story)
{
    Choices c;
    Line l;
    choices_begin(&c, NULL);
    story_write(&c, &l);
    double p = 1.0 / 3 / 12 / 8 * 0.5 * 0.6 /* no friend, no weather */ / 6 / 10 / 3 / 6 * (50.0 / 75) / 7 * 0.6 /* not lost */ / 4;
    cr_assert_float_eq(c.nats, -log(p), 1e-9);
    Opened o = open_task("story");
    Buffer text = {0};
    vocab_decode(o.vocab, l.ids, l.n, &text);
    cr_assert_str_eq(buffer_text(&text),
                     "one day Lily went to the park . she saw a red ball under the bench . she took the red ball . then she went to "
                     "the beach . in the evening her mother asked : where is the red ball ? Lily said : it is in my bag . "
                     "Lily was happy . the end .");
    buffer_free(&text);
    close_task(&o);
}

/* Every choice shows in the very next word: take any other option, and the story differs from that word on. So a story's choices can be
 * read off it, and the sum of their -log p is the least that any reader can be surprised. */
Test(tasks, every_choice_of_a_story_shows_at_once)
{
    Random r = random_seeded(31);
    for (int i = 0; i < 400; i++) {
        Choices c;
        Line l;
        choices_begin(&c, &r);
        story_write(&c, &l);
        cr_assert(!l.bad && !c.dead);
        for (size_t k = 0; k < c.count; k++)
            for (unsigned short other = 0; other < c.tape[k].of; other++) {
                if (other == c.tape[k].taken)
                    continue;
                Choices d;
                Line m;
                choices_begin(&d, &r);
                memcpy(d.tape, c.tape, (k + 1) * sizeof *c.tape);
                d.tape[k].taken = other;
                d.count = k + 1;
                story_write(&d, &m);
                size_t at = 0;
                while (at < l.n && at < m.n && l.ids[at] == m.ids[at])
                    at++;
                cr_assert_eq(at, c.tape[k].place, "choice %zu of story %d", k, i);
            }
    }
}

Test(tasks, entropy_of_stories)
{
    Opened o = open_task("story");
    Random r = random_seeded(32);
    double nats = 0, words = 0;
    for (int i = 0; i < 20000; i++) {
        Choices c;
        Line l;
        choices_begin(&c, &r);
        story_write(&c, &l);
        nats += c.nats;
        words += (double)l.n + 1;
    }
    cr_assert_float_eq(o.task->entropy(), nats / words, 0.004 * nats / words);
    cr_assert(o.task->entropy() > 0.1 && o.task->entropy() < 1);
    /* the examples that are drawn are those stories */
    TaskExample x = {0};
    double drawn = 0;
    for (int i = 0; i < 20000; i++) {
        draw(&o, &r, TASK_TRAIN, 0, &x);
        drawn += (double)x.targets.len;
    }
    cr_assert_float_eq(drawn / words, 1, 0.006);
    task_example_free(&x);
    close_task(&o);
}

/* What is asked for in the evening is what was seen in the morning, and the hero keeps one pronoun. */
Test(tasks, stories_remember)
{
    Opened o = open_task("story");
    Random r = random_seeded(33);
    TaskExample x = {0};
    for (int i = 0; i < 3000; i++) {
        Buffer text = {0};
        char colour[16], thing[16], asked[16], of[16];
        draw(&o, &r, TASK_TRAIN, 0, &x);
        vocab_decode(o.vocab, x.input.data, x.input.len, &text);
        const char *saw = strstr(text.data, " saw a "), *where = strstr(text.data, "where is the ");
        cr_assert(saw && where && sscanf(saw, " saw a %15s %15s", colour, thing) == 2 &&
                  sscanf(where, "where is the %15s %15s", asked, of) == 2);
        cr_assert(strcmp(colour, asked) == 0 && strcmp(thing, of) == 0, "%s", text.data);
        bool she = strstr(text.data, " she ") || strstr(text.data, " her "), he = strstr(text.data, " he ") || strstr(text.data, " his ");
        cr_assert(she != he, "%s", text.data);
        buffer_free(&text);
    }
    task_example_free(&x);
    close_task(&o);
}

/* ---- the small ones ---- */

static int value_of(const Opened *o, int id)
{
    const char *token = vocab_token(o->vocab, id);
    cr_assert(token[0] >= '0' && token[0] <= '9' && token[1] == '\0', "%s", token);
    return token[0] - '0';
}

Test(tasks, sums_are_right)
{
    Opened o = open_task("sum");
    Random r = random_seeded(41);
    TaskExample x = {0};
    for (int i = 0; i < 5000; i++) {
        draw(&o, &r, i % 2 ? TASK_TRAIN : TASK_HELD_OUT, 0, &x);
        const int *d = x.input.data + 1;
        int a = value_of(&o, d[0]) * 100 + value_of(&o, d[1]) * 10 + value_of(&o, d[2]);
        int b = value_of(&o, d[4]) * 100 + value_of(&o, d[5]) * 10 + value_of(&o, d[6]);
        cr_assert(a >= 100 && b >= 100);
        cr_assert_str_eq(vocab_token(o.vocab, d[3]), "+");
        cr_assert_str_eq(vocab_token(o.vocab, d[7]), "=");
        int sum = 0, place = 1;
        size_t counted = 0;
        for (size_t k = 0; k + 1 < x.targets.len; k++)
            if (x.targets.data[k] >= 0) {
                sum += place * value_of(&o, x.targets.data[k]);
                place *= 10;
                counted++;
            }
        cr_assert_eq(sum, a + b);
        cr_assert_eq(counted, a + b > 999 ? 4 : 3);
    }
    Buffer b = {0};
    o.task->show(o.vocab, &x, &b);
    cr_assert(strchr(buffer_text(&b), '=') && strchr(buffer_text(&b), '('), "%s", buffer_text(&b));
    buffer_free(&b);
    task_example_free(&x);
    close_task(&o);
}

Test(tasks, induction_repeats)
{
    Opened o = open_task("induction");
    Random r = random_seeded(42);
    TaskExample x = {0};
    size_t seen[27] = {0};
    for (int i = 0; i < 5000; i++) {
        int difficulty = i % 3 ? 0 : 26;
        draw(&o, &r, TASK_TRAIN, difficulty, &x);
        size_t n = x.input.len / 2, counted = 0;
        seen[n]++;
        for (size_t k = 0; k < x.targets.len; k++) {
            if (x.targets.data[k] < 0)
                continue;
            counted++;
            size_t before = 0, found = 0; /* the only earlier place of the same letter */
            for (size_t m = 1; m < k; m++)
                if (x.input.data[m] == x.input.data[k]) {
                    before = m;
                    found++;
                }
            cr_assert_eq(found, 1);
            cr_assert_eq(x.targets.data[k], x.input.data[before + 1]);
        }
        cr_assert_eq(counted, n - 1);
        cr_assert(difficulty == 0 || n == 26);
    }
    for (size_t n = 0; n <= 25; n++)
        cr_assert_eq(seen[n] > 0, n >= 4 && n <= 12, "length %zu", n);
    task_example_free(&x);
    close_task(&o);
}

Test(tasks, recall_answers)
{
    Opened o = open_task("recall");
    Random r = random_seeded(43);
    TaskExample x = {0};
    for (int i = 0; i < 5200; i++) {
        int pairs = i % 27;
        draw(&o, &r, TASK_TRAIN, pairs, &x);
        size_t k = x.input.len / 4, counted = 0;
        cr_assert(pairs == 0 ? k >= 1 && k <= 10 : k == (size_t)pairs);
        for (size_t t = 0; t < x.targets.len; t++) {
            if (x.targets.data[t] < 0)
                continue;
            counted++;
            size_t found = 0;
            for (size_t m = 1; m <= 2 * k; m += 2)
                if (x.input.data[m] == x.input.data[t]) {
                    cr_assert_eq(x.targets.data[t], x.input.data[m + 1]);
                    found++;
                }
            cr_assert_eq(found, 1);
        }
        cr_assert_eq(counted, k);
    }
    task_example_free(&x);
    close_task(&o);
}

/* The same sentence never has two answers, and neither answer of a pair is much commoner than the other. */
Test(tasks, masks_have_one_answer)
{
    enum { N = 60000 };
    Opened o = open_task("mask");
    Random r = random_seeded(44);
    TaskExample x = {0};
    Drawn *drawn = calloc(N, sizeof *drawn);
    size_t water = 0, money = 0, fruit = 0, phone = 0, repeated = 0;
    cr_assert(drawn);
    for (size_t i = 0; i < N; i++) {
        draw(&o, &r, i % 2 ? TASK_TRAIN : TASK_HELD_OUT, 0, &x);
        int answer = -1;
        for (size_t k = 0; k < x.targets.len; k++)
            answer = x.targets.data[k] >= 0 ? x.targets.data[k] : answer;
        drawn[i].bag = number_of(x.source.data, x.source.len, false);
        drawn[i].english = (uint64_t)answer;
        water += !strcmp(vocab_token(o.vocab, answer), "water");
        money += !strcmp(vocab_token(o.vocab, answer), "money");
        fruit += !strcmp(vocab_token(o.vocab, answer), "水果");
        phone += !strcmp(vocab_token(o.vocab, answer), "手机");
    }
    qsort(drawn, N, sizeof *drawn, compare_bags);
    for (size_t i = 1; i < N; i++)
        if (drawn[i].bag == drawn[i - 1].bag) {
            repeated++;
            cr_assert_eq(drawn[i].english, drawn[i - 1].english);
        }
    cr_assert(repeated > 5000, "%zu", repeated);
    cr_assert(N - repeated > 5000, "only %zu sentences", N - repeated);
    cr_assert(water > 5000 && money > 5000 && fruit > 3000 && phone > 3000, "%zu %zu %zu %zu", water, money, fruit, phone);
    free(drawn);
    task_example_free(&x);
    close_task(&o);
}
