/* test_tasks.c - the tasks: what all of them promise (splits, alignment, vocabulary), and what each one teaches. */
#include "tasks_help.h"
#include "train/task_choices.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Test(tasks, listed)
{
    size_t count;
    const Task *const *all = task_list(&count);
    cr_assert(count > 0);
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
    size_t count;
    const Task *const *all = task_list(&count);
    for (size_t t = 0; t < count; t++) {
        Opened o = open_task(all[t]->name);
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
    size_t count;
    const Task *const *all = task_list(&count);
    for (size_t t = 0; t < count; t++) {
        Opened o = open_task(all[t]->name);
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
        cr_assert(others > 10, "%s: %zu", all[t]->name, others);
        task_example_free(&x);
        task_example_free(&y);
        close_task(&o);
    }
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
        for (int i = 0; i < 100000; i++) {
            draw(&o, &r, TASK_TRAIN, 0, &x);
            for (size_t k = 0; k < x.source.len; k++)
                used[x.source.data[k]]++;
            for (size_t k = 0; k < x.targets.len; k++)
                if (x.targets.data[k] >= 0)
                    used[x.targets.data[k]]++;
        }
        for (int id = 0; id < (int)vocab_size(o.vocab); id++)
            if (id != o.config.pad && id != o.config.bos)
                cr_expect(used[id] > 10, "%s: \"%s\" comes %zu times", with_words[t], vocab_token(o.vocab, id), used[id]);
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
    size_t count;
    const Task *const *all = task_list(&count);
    for (size_t t = 0; t < count; t++) {
        Opened o = open_task(all[t]->name);
        Random r = random_seeded(14);
        TaskExample x = {0};
        bool words = o.config.kind == KIND_ENCODER || o.config.split == SPLIT_WORDS; /* English alone needs its spaces */
        for (int i = 0; i < (t == 0 ? 20000 : 3000); i++) {
            draw(&o, &r, TASK_TRAIN, 0, &x);
            size_t front = o.config.kind == KIND_ENCODER;
            if (x.source.len)
                check_reading(&o, x.source.data + front, x.source.len - 1 - front, !words);
            if (x.input.len > 1)
                check_reading(&o, x.input.data + 1, x.input.len - 1, !words && o.config.kind == KIND_DECODER);
        }
        Ids example = {0};
        Error e = {{0}};
        cr_assert_eq(vocab_encode(o.vocab, o.config.example, ENCODE_BARE, &example, &e), 0, "%s: %s", all[t]->name, e.text);
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
        int sum = 0;
        size_t counted = 0;
        for (size_t k = 0; k + 1 < x.targets.len; k++)
            if (x.targets.data[k] >= 0) {
                sum = 10 * sum + value_of(&o, x.targets.data[k]);
                counted++;
            }
        cr_assert_eq(sum, a + b);
        cr_assert_eq(counted, a + b > 999 ? 4 : 3);
    }
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
