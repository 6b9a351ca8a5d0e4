/* test_hand_wired.c - the model hand-wired: what wire.c writes is what is shipped, and it does
 * what its card says. Runs from the top folder. */
#include "pass/ablation.h"
#include "pass/pass.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The program that makes the model, its main under another name. */
int wire_main(int argc, char **argv);
#define main wire_main
#include "../../tiny-models/hand-wired/wire.c"
#undef main

#define SHIPPED "tiny-models/hand-wired"

enum { LONGEST_TEXT = POSITIONS - 1 }; /* letters; <s> takes position 0 */

/* ---- texts ---- */

typedef struct Text {
    int letter[LONGEST_TEXT];
    size_t len;
} Text;

/* "ABCA" */
static Text text_of(const char *letters)
{
    Text t = {0};
    for (; letters[t.len]; t.len++)
        t.letter[t.len] = letters[t.len] - 'A';
    return t;
}

/* All texts of a length, up to the names of their letters: the first letter is A, and a new letter is the first unused
 * one. Begins with all A; false after the last. */
static bool text_next(Text *t)
{
    for (size_t i = t->len; i-- > 1;) {
        int largest = 0;
        for (size_t j = 0; j < i; j++)
            largest = t->letter[j] > largest ? t->letter[j] : largest;
        if (t->letter[i] <= largest && t->letter[i] < LETTERS - 1) {
            t->letter[i]++;
            for (size_t j = i + 1; j < t->len; j++)
                t->letter[j] = 0;
            return true;
        }
    }
    return false;
}

/* How many texts it stands for: every choice of names for its letters. */
static long text_stands_for(const Text *t)
{
    int largest = 0;
    for (size_t i = 0; i < t->len; i++)
        largest = t->letter[i] > largest ? t->letter[i] : largest;
    long n = 1;
    for (int used = 0; used <= largest; used++)
        n *= LETTERS - used;
    return n;
}

/* Counts how often each letter came after the last of the first n letters. */
static void text_successors(const Text *t, size_t n, int counts[LETTERS])
{
    for (int x = 0; x < LETTERS; x++)
        counts[x] = 0;
    for (size_t i = 0; i + 1 < n; i++)
        if (t->letter[i] == t->letter[n - 1])
            counts[t->letter[i + 1]]++;
}

/* The letter every earlier occurrence was followed by, or -1: the first one, or they disagree. */
static int only_successor(const int counts[LETTERS])
{
    int found = -1;
    for (int x = 0; x < LETTERS; x++)
        if (counts[x] > 0) {
            if (found >= 0)
                return -1;
            found = x;
        }
    return found;
}

static const char *text_show(const Text *t, size_t n, char out[LONGEST_TEXT + 1])
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('A' + t->letter[i]);
    out[n] = '\0';
    return out;
}

/* ---- running the shipped model ---- */

static Model *shipped(void)
{
    Error e = {0};
    Model *m = model_open(SHIPPED, NULL, &e);
    cr_assert_not_null(m, "%s", e.text);
    return m;
}

static Pass *run(const Model *m, const Text *t, Ablations a)
{
    int ids[POSITIONS] = {BEGIN};
    for (size_t i = 0; i < t->len; i++)
        ids[i + 1] = t->letter[i];
    Error e = {0};
    Pass *p = pass_create(m, (PassInput){.target = ids, .target_len = t->len + 1}, a, &e);
    cr_assert_not_null(p, "%s", e.text);
    return p;
}

static const real *value(Pass *p, const char *stage)
{
    int i = plan_find(pass_plan(p), stage);
    cr_assert_geq(i, 0, "no stage %s", stage);
    return pass_value(p, (size_t)i);
}

/* The probabilities [TOKENS] after the first n letters. */
static const real *probs_after(Pass *p, size_t n)
{
    return value(p, "output.probs") + n * TOKENS;
}

/* The token with the largest probability, or -1 where two share it. */
static int top_of(const real *probs)
{
    int top = 0;
    for (int x = 1; x < TOKENS; x++)
        if (probs[x] > probs[top])
            top = x;
    for (int x = 0; x < TOKENS; x++)
        if (x != top && probs[top] - probs[x] < (real)1e-6)
            return -1;
    return top;
}

static Ablations ablation(const char *name)
{
    Ablations a = 0;
    Error e = {0};
    cr_assert_eq(ablations_parse(&a, name, &e), 0, "%s", e.text);
    return a;
}

/* ---- the files ---- */

static void same_bytes(const char *folder, const char *name)
{
    char *made = file_join(folder, name), *kept = file_join(SHIPPED, name);
    Error e = {0};
    File a, b;
    cr_assert_eq(file_open(&a, made, &e), 0, "%s", e.text);
    cr_assert_eq(file_open(&b, kept, &e), 0, "%s", e.text);
    cr_expect(a.size == b.size && memcmp(a.data, b.data, a.size) == 0, "%s is not what wire.c writes; run `make models`", kept);
    file_close(&a);
    file_close(&b);
    remove(made);
    free(made);
    free(kept);
}

/* wire.c's program writes the shipped files, byte for byte. (In the double build it writes doubles.) */
Test(hand_wired, is_what_its_program_writes)
{
    char folder[] = "hand-wired-XXXXXX", program[] = "wire";
    cr_assert_not_null(mkdtemp(folder));
    char *arguments[] = {program, folder, NULL};
    cr_assert_eq(wire_main(2, arguments), 0);
    same_bytes(folder, "config.json");
    same_bytes(folder, "vocab.txt");
    if (REAL_IS_DOUBLE) {
        char *weights = file_join(folder, "model.safetensors");
        remove(weights);
        free(weights);
    } else {
        same_bytes(folder, "model.safetensors");
    }
    cr_expect_eq(rmdir(folder), 0, "wire.c wrote a file that is not shipped");
}

/* The same in memory, for every build: each weight is the integer its rule gives. */
Test(hand_wired, has_the_weights_of_the_rules)
{
    Model *m = shipped(), wired;
    Error e = {0};
    cr_assert_eq(wire_model(&wired, &e), 0, "%s", e.text);
    cr_assert_eq(m->weights.count, wired.weights.count);
    size_t not_zero = 0;
    for (size_t i = 0; i < m->weights.count; i++) {
        const Weight *a = &m->weights.items[i], *b = &wired.weights.items[i];
        cr_assert_str_eq(a->name, b->name);
        cr_assert_eq(a->count, b->count);
        for (size_t j = 0; j < a->count; j++) {
            cr_assert_eq(weight_plain(a)[j], weight_plain(b)[j], "%s, number %zu", a->name, j);
            not_zero += weight_plain(a)[j] != 0;
        }
    }
    cr_expect_eq(not_zero, 103); /* the card says so */
    unwire_model(&wired);
    model_free(m);
}

Test(hand_wired, refuses_a_rule_without_a_place)
{
    Model m;
    Error e = {0};
    cr_assert_eq(wire_model(&m, &e), 0, "%s", e.text);
    wire(&m.weights, "decoder.0.self.W_Q", D_MODEL, 0, 1, &e);
    cr_expect(strstr(e.text, "decoder.0.self.W_Q[35, 0]"), "%s", e.text);
    Error none = {0};
    wire(&m.weights, "decoder.2.self.W_Q", 0, 0, 1, &none);
    cr_expect(strstr(none.text, "decoder.2.self.W_Q"), "%s", none.text);
    unwire_model(&m);
}

/* ---- what the residual stream says ---- */

/* After the demonstration's last letter the stream holds the four facts by name, and nothing else above 0.0001. */
Test(hand_wired, writes_the_facts_its_dimensions_name)
{
    static const struct {
        const char *name;
        double value;
    } facts[] = {{"token is A", 1}, {"position is 4", 1}, {"previous token is C", 0.99982}, {"next token is B", 0.99751}};
    enum { FACTS = sizeof facts / sizeof *facts };
    Model *m = shipped();
    Text t = text_of("ABCA");
    Pass *p = run(m, &t, 0);
    const real *x = value(p, "decoder.1.self.residual") + 4 * D_MODEL;
    size_t found = 0;
    for (size_t d = 0; d < D_MODEL; d++) {
        double expected = 0;
        for (size_t f = 0; f < FACTS; f++)
            if (strcmp(m->config.dim_names[d], facts[f].name) == 0) {
                expected = facts[f].value;
                found++;
            }
        if (expected != 0)
            cr_expect_float_eq(x[d], expected, 1e-5, "%s is %g", m->config.dim_names[d], (double)x[d]);
        else
            cr_expect(fabs((double)x[d]) < 0.0001, "%s is %g", m->config.dim_names[d], (double)x[d]);
    }
    cr_expect_eq(found, FACTS);
    pass_free(p);
    model_free(m);
}

/* The two attention rows the card prints. */
Test(hand_wired, attends_as_its_card_says)
{
    static const double back[5] = {0.00005, 0.00005, 0.00005, 0.99982, 0.00005};
    static const double induction[5] = {0.00248, 0.00001, 0.99751, 0.00001, 0.00001};
    Model *m = shipped();
    Text t = text_of("ABCA");
    Pass *p = run(m, &t, 0);
    for (size_t key = 0; key < 5; key++) {
        cr_expect_float_eq(value(p, "decoder.0.self.weights")[4 * 5 + key], back[key], 1e-5, "layer 0, key %zu", key);
        cr_expect_float_eq(value(p, "decoder.1.self.weights")[4 * 5 + key], induction[key], 1e-5, "layer 1, key %zu", key);
    }
    pass_free(p);
    model_free(m);
}

/* Where nothing matches, it rests on <s>. */
Test(hand_wired, rests_on_the_begin_token)
{
    Model *m = shipped();
    Text t = text_of("ABC");
    Pass *p = run(m, &t, 0);
    cr_expect_float_eq(value(p, "decoder.1.self.weights")[3 * 4], 0.99262, 1e-5);
    pass_free(p);
    model_free(m);
}

/* ---- what it predicts ---- */

/* The probability of a letter after a text: the numbers the card gives. */
Test(hand_wired, says_what_its_card_says)
{
    static const struct {
        const char *text, *ablation;
        char letter;
        double p;
    } says[] = {
        {"ABCA", "", 'B', 0.998},
        {"ABCAB", "", 'C', 0.998},
        {"AA", "", 'A', 0.998},
        {"ABACA", "", 'B', 0.479},
        {"ABACA", "", 'C', 0.477},
        {"ABACABA", "", 'B', 0.914},
        {"ABACABA", "", 'C', 0.064},
        {"ABC", "", 'A', 0.144},
        {"ABC", "", 'B', 0.144},
        {"ABC", "", 'C', 0.144},
        {"ABC", "", 'D', 0.142},
        {"ABCA", "no-positions", 'A', 0.907},
        {"ABCA", "uniform-attention", 'A', 0.638},
        {"AAAAAAAAABCB", "scale-by-dk", 'A', 0.712},
        {"AAAABCB", "scale-by-dk", 'C', 0.666},
    };
    Model *m = shipped();
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        Text t = text_of(says[i].text);
        Pass *p = run(m, &t, ablation(says[i].ablation));
        double found = (double)probs_after(p, t.len)[says[i].letter - 'A'];
        cr_expect_float_eq(found, says[i].p, 5.1e-4, "%s %s: %c has %g", says[i].text, says[i].ablation, says[i].letter, found);
        pass_free(p);
    }
    model_free(m);
}

/* Text goes in as words, and the tokenizer puts <s> in front. */
Test(hand_wired, reads_words)
{
    Model *m = shipped();
    static const int expected[] = {BEGIN, 0, 1, 2, 0};
    Ids ids = {0};
    Error e = {0};
    cr_assert_eq(vocab_encode(m->vocab, "A B C A", ENCODE_DECODER, &ids, &e), 0, "%s", e.text);
    cr_expect_eq(ids.len, 5);
    cr_expect(memcmp(ids.data, expected, sizeof expected) == 0);
    ids_free(&ids);
    cr_expect_neq(vocab_encode(m->vocab, "A B G A", ENCODE_DECODER, &ids, &e), 0);
    cr_expect(strstr(e.text, "G"), "%s", e.text);
    ids_free(&ids);
    cr_expect_str_eq(m->summary, "Completes A B ... A with B: two layers of attention, wired by hand.");
    model_free(m);
}

/* Without <s>, the first letter looks at itself and takes itself for its own predecessor. */
Test(hand_wired, needs_the_begin_token)
{
    Model *m = shipped();
    static const int bare[] = {0, 1, 2, 0};
    Error e = {0};
    Pass *p = pass_create(m, (PassInput){.target = bare, .target_len = 4}, 0, &e);
    cr_assert_not_null(p, "%s", e.text);
    cr_expect_float_eq(probs_after(p, 3)[0], 0.479, 5.1e-4);
    cr_expect_float_eq(probs_after(p, 3)[1], 0.478, 5.1e-4);
    pass_free(p);
    model_free(m);
}

/* Every text of up to 8 letters, at each of its positions (one pass answers for all beginnings of its text):
 *   the last letter was always followed by the same one: that one, with 0.9979 or more
 *   by several: those that followed most often, those that followed equally often within 0.012
 *   it is new: no token above 0.18, and most of the attention on <s> */
Test(hand_wired, completes_every_short_text)
{
    enum { LEN = 8 };
    Model *m = shipped();
    Text t = {.len = LEN};
    long texts = 0, completed = 0;
    char name[LONGEST_TEXT + 1];
    do {
        Pass *p = run(m, &t, 0);
        const real *look = value(p, "decoder.1.self.weights");
        for (size_t n = 1; n <= LEN; n++) {
            const real *probs = probs_after(p, n);
            int counts[LETTERS], most = 0;
            text_successors(&t, n, counts);
            for (int x = 0; x < LETTERS; x++)
                most = counts[x] > most ? counts[x] : most;
            int only = only_successor(counts);
            text_show(&t, n, name);
            if (most == 0) {
                for (int x = 0; x < TOKENS; x++)
                    cr_assert_lt(probs[x], 0.18, "%s: token %d has %g", name, x, (double)probs[x]);
                cr_assert_gt(look[n * (LEN + 1)], 0.9, "%s: <s> gets %g", name, (double)look[n * (LEN + 1)]);
                continue;
            }
            if (only >= 0)
                cr_assert_geq(probs[only], 0.9979, "%s: the right letter has %g", name, (double)probs[only]);
            double least = 1, largest = 0, other = 0;
            for (int x = 0; x < TOKENS; x++) {
                double q = (double)probs[x];
                if (x < LETTERS && counts[x] == most) {
                    least = q < least ? q : least;
                    largest = q > largest ? q : largest;
                } else {
                    other = q > other ? q : other;
                }
            }
            cr_assert_gt(least, other + 0.1, "%s: a letter that followed most often has %g, another %g", name, least, other);
            cr_assert_lt(largest - least, 0.012, "%s: a tie is split %g to %g", name, largest, least);
            if (n == LEN && only >= 0)
                completed += text_stands_for(&t);
        }
        texts += text_stands_for(&t);
        pass_free(p);
    } while (text_next(&t));
    cr_expect_eq(texts, 1679616, "6^8 texts, found %ld", texts); /* none was left out */
    cr_expect_gt(completed, 0);
    model_free(m);
}

/* The worst of all texts of 15 letters, of each sort. */
Test(hand_wired, holds_at_its_full_length)
{
    static const struct {
        const char *text;
        char token;
        double p;
    } worst[] = {
        {"AAAAAAAAAAAABCB", 'C', 0.997949}, /* the least certain completion */
        {"AABACADAEBAFAFA", 'F', 0.369676}, /* the least certain of those that saw one letter follow most often */
        {"AAAAAAAAAAAAAAB", 'A', 0.178388}, /* the strongest opinion on a letter that is new */
    };
    Model *m = shipped();
    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
        Text t = text_of(worst[i].text);
        cr_assert_eq(t.len, LONGEST_TEXT);
        Pass *p = run(m, &t, 0);
        const real *probs = probs_after(p, t.len);
        cr_expect_float_eq(probs[worst[i].token - 'A'], worst[i].p, 2e-5, "%s: %g", worst[i].text, (double)probs[worst[i].token - 'A']);
        cr_expect_eq(top_of(probs), worst[i].token - 'A', "%s", worst[i].text);
        pass_free(p);
    }
    /* the most uneven tie: B came after A long before C did */
    Text t = text_of("ABBBBBBBBBBBACA");
    Pass *p = run(m, &t, 0);
    const real *probs = probs_after(p, t.len);
    cr_expect_float_eq(probs[1] - probs[2], 0.011552, 2e-5, "%g to %g", (double)probs[1], (double)probs[2]);
    pass_free(p);
    model_free(m);
}

Test(hand_wired, refuses_more_than_its_positions)
{
    Model *m = shipped();
    int ids[POSITIONS + 1] = {BEGIN};
    Error e = {0};
    Pass *p = pass_create(m, (PassInput){.target = ids, .target_len = POSITIONS + 1}, 0, &e);
    cr_expect_null(p);
    cr_expect_neq(e.text[0], '\0');
    pass_free(p);
    model_free(m);
}

/* A text with its letters renamed gets the same answer, renamed: so one text may stand for all its namings. */
static void try_naming(const Model *m, const Text *t, const int name[LETTERS], const real *expected)
{
    Text renamed = *t;
    for (size_t i = 0; i < t->len; i++)
        renamed.letter[i] = name[t->letter[i]];
    Pass *p = run(m, &renamed, 0);
    const real *probs = probs_after(p, t->len);
    for (int x = 0; x < LETTERS; x++)
        cr_assert_float_eq(probs[name[x]], expected[x], 1e-6);
    cr_assert_float_eq(probs[BEGIN], expected[BEGIN], 1e-6);
    pass_free(p);
}

/* Calls try_naming with name[done …] in every order. */
static int try_namings(const Model *m, const Text *t, int name[LETTERS], int done, const real *expected)
{
    if (done == LETTERS) {
        try_naming(m, t, name, expected);
        return 1;
    }
    int tried = 0;
    for (int i = done; i < LETTERS; i++) {
        int first = name[done];
        name[done] = name[i];
        name[i] = first;
        tried += try_namings(m, t, name, done + 1, expected);
        first = name[done];
        name[done] = name[i];
        name[i] = first;
    }
    return tried;
}

Test(hand_wired, treats_all_letters_alike)
{
    static const char *const texts[] = {"ABCDEFA", "ABACA", "ABC"};
    Model *m = shipped();
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        Text t = text_of(texts[i]);
        Pass *p = run(m, &t, 0);
        int name[LETTERS] = {0, 1, 2, 3, 4, 5};
        cr_expect_eq(try_namings(m, &t, name, 0, probs_after(p, t.len)), 720);
        pass_free(p);
    }
    model_free(m);
}

/* ---- what the ablations do to it: the table of the card ---- */

Test(hand_wired, answers_to_the_ablations_as_its_card_says)
{
    enum { LEN = 7 };
    static const struct {
        const char *name;
        double demo;    /* the probability of B after A B C A */
        long completed; /* of the texts of 2 … 7 letters whose last letter was always followed by the same one */
    } table[] = {
        {"no-positions", 0.0213, 29286}, {"no-residual", 0.1429, 0},      {"uniform-attention", 0.1289, 26046},
        {"no-scale", 0.9980, 145626},    {"scale-by-dk", 0.9408, 145626}, {"no-mask", 0.9980, 145626},
        {"no-norm", 0.9980, 145626},     {"no-ffn", 0.9980, 145626},      {"no-attention", 0.1429, 0},
    };
    Model *m = shipped();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        Ablations a = ablation(table[i].name);
        Text demo = text_of("ABCA");
        Pass *p = run(m, &demo, a);
        cr_expect_float_eq(probs_after(p, 4)[1], table[i].demo, 5.1e-5, "%s: B has %g", table[i].name, (double)probs_after(p, 4)[1]);
        pass_free(p);
        long texts = 0, completed = 0;
        for (size_t n = 2; n <= LEN; n++) {
            Text t = {.len = n};
            do {
                int counts[LETTERS];
                text_successors(&t, n, counts);
                int only = only_successor(counts);
                if (only < 0)
                    continue;
                texts += text_stands_for(&t);
                p = run(m, &t, a);
                if (top_of(probs_after(p, n)) == only)
                    completed += text_stands_for(&t);
                pass_free(p);
            } while (text_next(&t));
        }
        cr_expect_eq(texts, 145626);
        cr_expect_eq(completed, table[i].completed, "%s: %ld of %ld", table[i].name, completed, texts);
    }
    model_free(m);
}

/* Without the mask it reads its answers from the text: every letter but the last is followed by the letter it names. */
Test(hand_wired, without_the_mask_copies_the_future)
{
    Model *m = shipped();
    Text t = text_of("ABCA");
    Pass *p = run(m, &t, ablation("no-mask"));
    for (size_t n = 1; n < t.len; n++)
        cr_expect_gt(probs_after(p, n)[t.letter[n]], 0.99, "after %zu letters: %g", n, (double)probs_after(p, n)[t.letter[n]]);
    pass_free(p);
    model_free(m);
}

/* Divided by d_head instead of its root, layer 0 no longer singles out the token before. */
Test(hand_wired, scaled_by_dk_looks_less_sharply)
{
    Model *m = shipped();
    Text t = text_of("ABCA");
    Pass *p = run(m, &t, ablation("scale-by-dk"));
    cr_expect_float_eq(value(p, "decoder.0.self.weights")[4 * 5 + 3], 0.753, 5.1e-4);
    pass_free(p);
    model_free(m);
}
