/* test_shipped.c - what the cards of shipped models say that their scores do not: what their heads look at. */
#include "pass/input.h"
#include "pass/pass.h"

#include <criterion/criterion.h>
#include <string.h>

/* Cross-attention follows the reordering: the English row that says a word looks at the Chinese word it comes from. (Row i of a decoder
 * says token i + 1.) */
Test(shipped, zh_en_cross_attention_follows_the_words)
{
    static const struct {
        const char *says, *at;
        size_t heads; /* in how many of the four it is the largest weight */
    } want[] = {{"ticket", "车票", 4}, {"from", "从", 3}, {"Shanghai", "上海", 4}, {"Beijing", "北京", 4}};
    Error e = {{0}};
    Input in;
    Model *m = model_open("tiny-models/zh-en", NULL, &e);
    cr_assert_not_null(m, "%s", e.text);
    cr_assert_eq(input_read(&in, m, (InputText){.text = "买一张从上海到北京的车票"}, 0, &e), 0, "%s", e.text);
    Pass *p = pass_create(m, input_ids(&in), 0, &e);
    cr_assert_not_null(p, "%s", e.text);
    int i = plan_find(pass_plan(p), "decoder.1.cross.weights");
    const Stage *s = &pass_plan(p)->stages[i];
    const real *w = pass_value(p, (size_t)i);
    for (size_t k = 0; k < sizeof want / sizeof *want; k++) {
        size_t heads = 0, row = in.target.len;
        for (size_t t = 0; t + 1 < in.target.len; t++)
            if (strcmp(vocab_token(m->vocab, in.target.data[t + 1]), want[k].says) == 0)
                row = t;
        cr_assert_lt(row, in.target.len, "%s is not said", want[k].says);
        for (size_t h = 0; h < s->shape[0]; h++) {
            const real *x = w + (h * s->shape[1] + row) * s->shape[2];
            size_t best = 0;
            for (size_t key = 1; key < s->shape[2]; key++)
                best = x[key] > x[best] ? key : best;
            heads += strcmp(vocab_token(m->vocab, in.source.data[best]), want[k].at) == 0;
        }
        cr_assert_geq(heads, want[k].heads, "%s: %zu heads look at %s", want[k].says, heads, want[k].at);
    }
    pass_free(p);
    input_free(&in);
    model_free(m);
}
