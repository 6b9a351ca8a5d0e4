/* task_sum.c - the task "sum": addition of two numbers of three digits.
 *
 * Owns the numbers. 317+485=802, one token a character, the answer's digits in their usual order: the first one already needs every carry.
 * A pair and the same pair the other way round are on the same side of the split. */
#include "base/text.h"
#include "train/task_words.h"

enum { PAD, BOS, EOS, FIRST_DIGIT, PLUS = FIRST_DIGIT + 10, EQUALS, SIZE, LEAST = 100, MOST = 999, HELD_OUT_ONE_IN = 20 };
enum { ASKED = 9, LINE = ASKED + 5 }; /* ids of "<s>317+485=", and of the longest example with its end */

static void write_vocabulary(Buffer *out)
{
    buffer_puts(out, "<pad>\n<s>\n</s>\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n+\n=\n");
}

static int configure(Config *c, Error *e)
{
    static const int special[TOKEN_COUNT] = {[TOKEN_BOS] = BOS, [TOKEN_EOS] = EOS, [TOKEN_PAD] = PAD, [TOKEN_MASK] = -1, [TOKEN_UNK] = -1};
    return task_configure(c, KIND_DECODER, SIZE, SPLIT_CHARACTERS, special, "317+485=", e);
}

static size_t write_number(int *ids, int number)
{
    ids[0] = FIRST_DIGIT + number / 100;
    ids[1] = FIRST_DIGIT + number / 10 % 10;
    ids[2] = FIRST_DIGIT + number % 10;
    return 3;
}

static int draw(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e)
{
    int a, b, line[LINE];
    size_t n = 0;
    task_example_clear(out);
    if (difficulty != 0)
        return error_set(e, "sum: expected a difficulty of 0 (there is only one), found %d", difficulty);
    do {
        a = LEAST + (int)random_below(r, MOST - LEAST + 1);
        b = LEAST + (int)random_below(r, MOST - LEAST + 1);
    } while (task_split((int[]){a < b ? a : b, a < b ? b : a}, 2, HELD_OUT_ONE_IN) != split);
    line[n++] = BOS;
    n += write_number(line + n, a);
    line[n++] = PLUS;
    n += write_number(line + n, b);
    line[n++] = EQUALS;
    if (a + b > MOST)
        line[n++] = FIRST_DIGIT + (a + b) / 1000;
    n += write_number(line + n, (a + b) % 1000);
    line[n++] = EOS;
    if (task_add(&out->input, line, n - 1, e) != 0)
        return -1;
    for (size_t i = 1; i < n; i++)
        if (ids_add(&out->targets, i < ASKED ? -1 : line[i], e) != 0)
            return -1;
    return 0;
}

static bool has_form(const int *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool digit = ids[i] >= FIRST_DIGIT && ids[i] < PLUS, answer = i >= ASKED;
        if (i == 0 ? ids[i] != BOS : i == 4 ? ids[i] != PLUS : i == 8 ? ids[i] != EQUALS : !digit && !(answer && ids[i] == EOS))
            return false;
        if ((i == 1 || i == 5) && ids[i] == FIRST_DIGIT)
            return false;
    }
    return true;
}

const Task task_sum = {
    .name = "sum",
    .what = N_("addition of two numbers of three digits"),
    .score = TASK_SCORE_EXAMPLES,
    .vocabulary = write_vocabulary,
    .configure = configure,
    .draw = draw,
    .has_form = has_form,
    .form = N_("two numbers from 100 to 999, as in 317+485="),
};
