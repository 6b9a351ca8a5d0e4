/* task_recall.c - the task "recall": which digit belongs to this letter?
 *
 * Owns the pairs. a3b7c1? lists pairs of a letter and a digit, all letters different; then come as many of those letters, each drawn at
 * random (so that none can be found by leaving out those asked before), and after each the digit that belongs to it: b7c1b7. Those digits
 * are what is counted. The difficulty is the number of pairs. */
#include "base/text.h"
#include "train/task_words.h"

enum {
    PAD,
    BOS,
    ASK,
    FIRST_LETTER,
    LETTERS = 26,
    FIRST_DIGIT = FIRST_LETTER + LETTERS,
    DIGITS = 10,
    SIZE = FIRST_DIGIT + DIGITS,
    MOST = 10, /* pairs in training */
    HELD_OUT_ONE_IN = 20
};

static void write_vocabulary(Buffer *out)
{
    buffer_puts(out, "<pad>\n<s>\n?\n");
    for (int i = 0; i < LETTERS; i++)
        buffer_printf(out, "%c\n", 'a' + i);
    for (int i = 0; i < DIGITS; i++)
        buffer_printf(out, "%d\n", i);
}

static int configure(Config *c, Error *e)
{
    static const int special[TOKEN_COUNT] = {[TOKEN_BOS] = BOS, [TOKEN_EOS] = -1, [TOKEN_PAD] = PAD, [TOKEN_MASK] = -1, [TOKEN_UNK] = -1};
    return task_configure(c, KIND_DECODER, SIZE, SPLIT_CHARACTERS, special, "a3b7c1?b", e);
}

/* The first n of `count` ids, drawn without putting back. */
static void shuffle(Random *r, int *ids, size_t count, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = i + (size_t)random_below(r, count - i);
        int id = ids[k];
        ids[k] = ids[i];
        ids[i] = id;
    }
}

static int draw(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e)
{
    int letters[LETTERS], digit_of[LETTERS], line[4 * LETTERS + 2];
    task_example_clear(out);
    if (difficulty < 0 || difficulty > LETTERS)
        return error_set(e, "recall: expected a difficulty (pairs) from 1 to %d, found %d", LETTERS, difficulty);
    size_t pairs = difficulty ? (size_t)difficulty : 1 + (size_t)random_below(r, MOST), n;
    do {
        n = 0;
        line[n++] = BOS;
        for (int i = 0; i < LETTERS; i++)
            letters[i] = i;
        shuffle(r, letters, LETTERS, pairs);
        for (size_t i = 0; i < pairs; i++) {
            digit_of[letters[i]] = FIRST_DIGIT + (int)random_below(r, DIGITS);
            line[n++] = FIRST_LETTER + letters[i];
            line[n++] = digit_of[letters[i]];
        }
        line[n++] = ASK;
        for (size_t i = 0; i < pairs; i++) {
            int asked = letters[random_below(r, pairs)];
            line[n++] = FIRST_LETTER + asked;
            line[n++] = digit_of[asked];
        }
    } while (task_split(line, 2 * pairs + 1, HELD_OUT_ONE_IN) != split); /* the pairs alone, however they are asked for */
    if (task_add(&out->input, line, n - 1, e) != 0)
        return -1;
    for (size_t i = 1; i < n; i++) {
        bool counted = i > 2 * pairs + 1 && line[i] >= FIRST_DIGIT;
        if (ids_add(&out->targets, counted ? line[i] : -1, e) != 0)
            return -1;
    }
    return 0;
}

static void show(const Vocab *v, const TaskExample *x, Buffer *out)
{
    size_t asked = x->input.len / 2 + 2; /* of the 4k + 1 ids for k pairs: the begin token, the pairs and ? */
    vocab_decode(v, x->input.data, asked, out);
    for (size_t i = asked; i < x->input.len; i += 2) {
        buffer_putc(out, ' ');
        vocab_decode(v, x->input.data + i, 1, out);
        buffer_puts(out, "→");
        vocab_decode(v, x->targets.data + i, 1, out);
    }
}

static bool has_form(const int *ids, size_t n)
{
    bool listed[SIZE] = {false}, asking = false, letter = true; /* letter: what comes next */
    for (size_t i = 1; i < n; i++) {
        if (ids[i] >= SIZE) /* the vocabulary of some other model, whose recipe names this task */
            return false;
        if (ids[i] == ASK && letter && i > 1 && !asking) {
            asking = true;
            continue;
        }
        if (letter ? ids[i] < FIRST_LETTER || ids[i] >= FIRST_DIGIT || (asking && !listed[ids[i]]) : ids[i] < FIRST_DIGIT)
            return false;
        listed[ids[i]] = true;
        letter = !letter;
    }
    return n > 0 && ids[0] == BOS;
}

const Task task_recall = {
    .name = "recall",
    .what = N_("which digit belonged to this letter?"),
    .score = TASK_SCORE_TARGETS,
    .vocabulary = write_vocabulary,
    .configure = configure,
    .draw = draw,
    .show = show,
    .has_form = has_form,
    .form = N_("pairs of a letter and a digit, ?, and one of those letters, as in a3b7c1?b"),
};
