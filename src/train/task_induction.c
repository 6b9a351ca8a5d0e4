/* task_induction.c - the task "induction": a random sequence, twice.
 *
 * Owns the sequences. A B C D A B C D: from the second letter of the second half on, what comes next is what came after the same letter in
 * the first half. The letters of a half are all different, so that there is one right answer everywhere; lengths vary, so that counting
 * back does not give it. */
#include "base/text.h"
#include "train/task_words.h"

enum { PAD, BOS, LETTERS = 26, FIRST_LETTER = 2, SIZE = FIRST_LETTER + LETTERS, LEAST = 4, MOST = 12, HELD_OUT_ONE_IN = 20 };

static void write_vocabulary(Buffer *out)
{
    buffer_puts(out, "<pad>\n<s>\n");
    for (int i = 0; i < LETTERS; i++)
        buffer_printf(out, "%c\n", 'A' + i);
}

static int configure(Config *c, Error *e)
{
    static const int special[TOKEN_COUNT] = {[TOKEN_BOS] = BOS, [TOKEN_EOS] = -1, [TOKEN_PAD] = PAD, [TOKEN_MASK] = -1, [TOKEN_UNK] = -1};
    return task_configure(c, KIND_DECODER, SIZE, SPLIT_CHARACTERS, special, "QWERTYQWER", e);
}

/* n different letters: the beginning of a shuffle (Fisher and Yates). */
static void draw_letters(Random *r, int *ids, size_t n)
{
    int letters[LETTERS];
    for (int i = 0; i < LETTERS; i++)
        letters[i] = FIRST_LETTER + i;
    for (size_t i = 0; i < n; i++) {
        size_t k = i + (size_t)random_below(r, LETTERS - i);
        ids[i] = letters[k];
        letters[k] = letters[i];
    }
}

static int draw(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e)
{
    static const int bos = BOS;
    int half[LETTERS];
    task_example_clear(out);
    if (difficulty != 0 && (difficulty < 2 || difficulty > LETTERS))
        return error_set(e, "induction: expected a difficulty (letters of the sequence) from 2 to %d, found %d", LETTERS, difficulty);
    size_t n = difficulty ? (size_t)difficulty : LEAST + (size_t)random_below(r, MOST - LEAST + 1);
    do
        draw_letters(r, half, n);
    while (task_split(half, n, HELD_OUT_ONE_IN) != split);
    if (task_add(&out->input, &bos, 1, e) != 0 || task_add(&out->input, half, n, e) != 0 || task_add(&out->input, half, n - 1, e) != 0)
        return -1;
    for (size_t i = 0; i < n + 1; i++) /* the begin token and the first half: nothing that could be known comes next */
        if (ids_add(&out->targets, -1, e) != 0)
            return -1;
    return task_add(&out->targets, half + 1, n - 1, e);
}

/* The half, the first letter of its repetition, and what follows. */
static void show(const Vocab *v, const TaskExample *x, Buffer *out)
{
    size_t n = x->input.len / 2;
    vocab_decode(v, x->input.data, n + 2, out);
    buffer_puts(out, " → ");
    vocab_decode(v, x->targets.data + n + 1, n - 1, out);
}

const Task task_induction = {
    .name = "induction",
    .what = N_("a random sequence and its repetition"),
    .score = TASK_SCORE_TARGETS,
    .vocabulary = write_vocabulary,
    .configure = configure,
    .draw = draw,
    .show = show,
};
