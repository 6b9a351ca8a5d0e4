/* test_edit.c - addresses, and edits of values and weights: what they change, what follows, and their gradients. */
#include "base/random.h"
#include "measure/gradient_check.h"
#include "pass/edit.h"
#include "pass/input.h"

#include "model_help.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Bed {
    Model *model;
    Pass *pass;
} Bed;

static Bed make(const char *model, const int *source, size_t ns, const int *target, size_t nt)
{
    Error e = {{0}};
    Bed b = {.model = model_open(model, NULL, &e)};
    cr_assert_not_null(b.model, "%s", e.text);
    b.pass = pass_create(b.model, (PassInput){source, target, ns, nt}, 0, &e);
    cr_assert_not_null(b.pass, "%s", e.text);
    return b;
}

static void drop(Bed *b)
{
    pass_free(b->pass);
    model_free(b->model);
}

static const int ids[] = {1, 5, 3, 7, 2, 5}, others[] = {4, 6, 2, 3, 1, 7};

/* A small decoder with everything: two layers, two heads, biases, norms. */
static Bed decoder(void)
{
    return make("random:kind=decoder,d_model=8,n_heads=2,d_ff=12,vocab_size=11,seed=3", NULL, 0, ids, 6);
}

static Bed both(void)
{
    return make("random:kind=encoder-decoder,d_model=8,n_heads=2,d_ff=12,vocab_size=11,seed=4", ids, 6, others, 5);
}

static int edit(Pass *p, Error *e, size_t n, const char *const texts[])
{
    Edits edits = {0};
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(edits_add(&edits, texts[i], e), 0);
    int status = pass_set_edits(p, &edits, e);
    edits_free(&edits);
    return status;
}

static void edit_one(Pass *p, const char *text)
{
    Error e = {{0}};
    cr_assert_eq(edit(p, &e, 1, &text), 0, "%s: %s", text, e.text);
}

static size_t stage(const Pass *p, const char *name)
{
    int i = plan_find(pass_plan(p), name);
    cr_assert_geq(i, 0, "%s", name);
    return (size_t)i;
}

static real *copy_value(Pass *p, size_t i)
{
    size_t n = pass_plan(p)->stages[i].count;
    real *x = malloc(n * sizeof *x);
    cr_assert_not_null(x);
    memcpy(x, pass_value(p, i), n * sizeof *x);
    return x;
}

/* ---- addresses ---- */

static const struct {
    int line;
    const char *text, *want; /* as address_write says it; "ADDRESS; ADDRESS"; or "N: error" with the place where it stands */
} addresses[] = {
    {__LINE__, "decoder.0.self.weights", "decoder.0.self.weights"},
    {__LINE__, "decoder.0.self.weights[head=1,query=3]", "decoder.0.self.weights[head=1,query=3]"},
    {__LINE__, "decoder.0.self.weights[1,3,2]", "decoder.0.self.weights[head=1,query=3,key=2]"},
    {__LINE__, "decoder.0.self.weights[ query=-1 , key=0..2 ]", "decoder.0.self.weights[query=5,key=0..2]"},
    {__LINE__, "decoder.0.self.weights[key=3, 0, 1]", "decoder.0.self.weights[head=0,query=1,key=3]"},
    {__LINE__, "decoder.0.self.weights[*,2]", "decoder.0.self.weights[head=0..1,query=2]"},
    {__LINE__, "decoder.*.self.weights", "decoder.0.self.weights; decoder.1.self.weights"},
    {__LINE__, "*.weights[head=0]", "decoder.0.self.weights[head=0]; decoder.1.self.weights[head=0]"},
    {__LINE__, "decoder.self.weights[layer=1]", "decoder.1.self.weights"},
    {__LINE__, "decoder.self.weights[layer=-1,head=0]", "decoder.1.self.weights[head=0]"},
    {__LINE__, "decoder.self.q[layer=0..1]", "decoder.0.self.q; decoder.1.self.q"},
    {__LINE__, "decoder.self.q[layer=*]", "decoder.0.self.q; decoder.1.self.q"},
    {__LINE__, "blocks.1.attn.hook_pattern[0]", "decoder.1.self.weights[head=0]"},
    {__LINE__, "decoder.0.self.W_Q[row=2]", "decoder.0.self.W_Q[row=2]"},
    {__LINE__, "decoder.0.self.W_Q[2,3..4]", "decoder.0.self.W_Q[row=2,column=3..4]"},
    {__LINE__, "decoder.0.self.b_Q[-8]", "decoder.0.self.b_Q[column=0]"},
    {__LINE__, "decoder.ffn.W_1", "decoder.0.ffn.W_1; decoder.1.ffn.W_1"},
    {__LINE__, "decoder.0.self.q[token=2,head=1]", "decoder.0.self.q[head=1,query=2]"},
    {__LINE__, "decoder.0.self.v[token=2,head=1]", "decoder.0.self.v[kv_head=1,key=2]"},
    {__LINE__, "output.logits[token=\"#3\"]", "output.logits[token=2]"},
    {__LINE__, "output.logits[token=#3,vocab=#7]", "output.logits[token=2,vocab=7]"},
    {__LINE__, "output.logits*2", "output.logits"},
    {__LINE__, "decoder.0.self.weights[head=2]", "28: expected head from 0 to 1, found 2"},
    {__LINE__, "decoder.0.self.weights[head=-3]", "28: expected head from 0 to 1, found -3"},
    {__LINE__, "decoder.0.self.weights[heads=1]", "23: expected one of its axes (head, query, key), each once, found \"heads\""},
    {__LINE__, "decoder.0.self.weights[head=1,head=0]", "30: expected one of its axes (head, query, key), each once, found \"head\""},
    {__LINE__, "decoder.0.self.weights[1,2,3,4]", "29: expected at most 3 indices (head, query, key)"},
    {__LINE__, "decoder.0.self.weights[query=4..2]", "29: expected a range whose first index is not after its last, found 4..2"},
    {__LINE__, "decoder.0.self.weights[query=#5]", "29: \"#5\" stands at positions 1 and 5: expected which, as a number"},
    {__LINE__, "decoder.0.self.weights[query=us]", "29: expected a position from 0 to 5 or one of its tokens, found \"us\""},
    {__LINE__, "decoder.0.self.weights[head=1", "29: expected a comma or a ']' here"},
    {__LINE__, "decoder.0.self.weights[]", "23: expected an index of head"},
    {__LINE__, "decoder.0.self.weights[layer=2]", "29: expected a layer from 0 to 1, found \"2\""},
    {__LINE__, "decoder.0.self.weights[layer=1]", "29: expected a layer that has such a stage"},
    {__LINE__, "decoder.0.self.wieghts", "0: expected a stage or a weight, found \"decoder.0.self.wieghts\"; nearest: \"decoder.0.self.weights\", "
                                         "\"decoder.1.self.weights\", \"decoder.0.self.heads\""},
    {__LINE__, "[head=1]", "0: expected the name of a stage or a weight, such as decoder.0.self.weights"},
    {__LINE__, "", "0: expected the name of a stage or a weight, such as decoder.0.self.weights"},
};

Test(address, table)
{
    Bed b = decoder();
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        Error e = {{0}};
        AddressList list;
        size_t used = 0;
        Buffer got = {0};
        const char *text = addresses[i].text;
        if (address_read(&list, b.pass, NO_STAGE, text, strlen(text), &used, &e) != 0)
            buffer_printf(&got, "%zu: %s", used, e.text);
        for (size_t k = 0; k < list.count; k++) {
            buffer_puts(&got, k ? "; " : "");
            address_write(b.pass, &list.items[k], &got);
        }
        cr_expect_str_eq(buffer_text(&got), addresses[i].want, "line %d: %s: %s", addresses[i].line, text, buffer_text(&got));
        address_list_free(&list);
        buffer_free(&got);
    }
    drop(&b);
}

Test(address, short_names_within_a_sub_layer)
{
    Bed b = decoder();
    Error e = {{0}};
    AddressList list;
    size_t used, here = stage(b.pass, "decoder.1.self.q");
    cr_assert_eq(address_read(&list, b.pass, (int)here, "weights[0]", 10, &used, &e), 0, "%s", e.text);
    cr_assert(list.count == 1 && list.items[0].index == stage(b.pass, "decoder.1.self.weights"));
    address_list_free(&list);
    cr_assert_eq(address_read(&list, b.pass, (int)here, "W_K", 3, &used, &e), 0, "%s", e.text);
    cr_assert(list.count == 1 && list.items[0].is_weight);
    cr_assert_str_eq(b.model->weights.items[list.items[0].index].name, "decoder.1.self.W_K");
    address_list_free(&list);
    drop(&b);
}

/* Offsets are those of a loop over the indices. */
Test(address, offsets)
{
    Bed b = decoder();
    Error e = {{0}};
    AddressList list;
    const char *text = "decoder.0.self.weights[head=1,query=2..4,key=1..2]";
    size_t used, k = 0;
    cr_assert_eq(address_read(&list, b.pass, NO_STAGE, text, strlen(text), &used, &e), 0);
    for (size_t query = 2; query <= 4; query++)
        for (size_t key = 1; key <= 2; key++)
            cr_assert_eq(address_offset(&list.items[0], k++), (1 * 6 + query) * 6 + key);
    cr_assert_eq(address_count(&list.items[0]), k);
    address_list_free(&list);
    drop(&b);
}

/* ---- what edits do ---- */

Test(edit, changes_these_cells_and_no_others)
{
    Bed b = decoder();
    size_t i = stage(b.pass, "decoder.0.self.heads");
    real *before = copy_value(b.pass, i);
    size_t per_head = 6 * 4;
    edit_one(b.pass, "decoder.0.self.heads[head=1]=zero");
    const real *x = pass_value(b.pass, i);
    for (size_t k = 0; k < 2 * per_head; k++)
        cr_assert(x[k] == (k < per_head ? before[k] : 0));
    edit_one(b.pass, "decoder.0.self.heads[head=0,query=2]*=-2");
    x = pass_value(b.pass, i);
    for (size_t k = 0; k < 2 * per_head; k++)
        cr_assert(x[k] == (k >= 2 * 4 && k < 3 * 4 ? -2 * before[k] : before[k]));
    edit_one(b.pass, "decoder.0.self.heads[0,1,3]=0.25");
    cr_assert(pass_value(b.pass, i)[7] == (real)0.25 && pass_value(b.pass, i)[6] == before[6]);
    edit_one(b.pass, "decoder.0.self.heads[0,1,3]+=1");
    cr_assert_float_eq((double)pass_value(b.pass, i)[7], (double)before[7] + 1, 1e-6);
    cr_assert(memcmp(pass_unedited(b.pass, i), before, 2 * per_head * sizeof *before) == 0);
    cr_assert(pass_is_edited(b.pass, i) && !pass_is_edited(b.pass, i + 1));
    free(before);
    drop(&b);
}

Test(edit, mean_is_that_of_the_column)
{
    Bed b = decoder();
    size_t i = stage(b.pass, "decoder.0.ffn.activate"), rows = 6, columns = 12;
    real *before = copy_value(b.pass, i);
    edit_one(b.pass, "decoder.0.ffn.activate[token=2..3,unit=5..6]=mean");
    const real *x = pass_value(b.pass, i);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            double sum = 0;
            for (size_t k = 0; k < rows; k++)
                sum += (double)before[k * columns + c];
            bool edited = (r == 2 || r == 3) && (c == 5 || c == 6);
            cr_assert_float_eq((double)x[r * columns + c], edited ? sum / 6 : (double)before[r * columns + c], 1e-6);
        }
    free(before);
    drop(&b);
}

/* In order: each works on what the one before it left. Undoing them all brings back every bit. */
Test(edit, in_order_and_undone)
{
    Bed b = decoder();
    Error e = {{0}};
    size_t last = pass_plan(b.pass)->count - 1;
    real *before = copy_value(b.pass, last);
    const char *const texts[] = {"decoder.embed.tokens[token=1]=0.5", "decoder.embed.tokens[token=1]*=4", "decoder.embed.tokens[token=1,dim=0]+=1",
                                 "decoder.0.self.W_Q*=0.5"};
    cr_assert_eq(edit(b.pass, &e, 4, texts), 0, "%s", e.text);
    const real *x = pass_value(b.pass, stage(b.pass, "decoder.embed.tokens"));
    cr_assert(x[8] == 3 && x[9] == 2);
    cr_assert(memcmp(before, pass_value(b.pass, last), pass_plan(b.pass)->stages[last].count * sizeof *before) != 0);
    cr_assert_eq(edit(b.pass, &e, 0, NULL), 0);
    cr_assert(memcmp(before, pass_value(b.pass, last), pass_plan(b.pass)->stages[last].count * sizeof *before) == 0);
    free(before);
    drop(&b);
}

Test(edit, of_a_weight_go_in_order_too)
{
    Bed b = decoder();
    Error e = {{0}};
    const char *const texts[] = {"decoder.0.self.W_Q*=0.5", "decoder.0.self.W_Q[row=1]+=1", "decoder.0.self.W_Q[row=1,column=2]*=4"};
    size_t w = (size_t)weights_find(&b.model->weights, "decoder.0.self.W_Q");
    const real *was = weight_plain(&b.model->weights.items[w]);
    cr_assert_eq(edit(b.pass, &e, 3, texts), 0, "%s", e.text);
    const Matrix now = pass_weight(b.pass, w);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 8; j++) {
            double half = (double)was[i * 8 + j] / 2, expected = i != 1 ? half : j == 2 ? 4 * (half + 1) : half + 1;
            cr_assert_float_eq((double)matrix_at(&now, i, j), expected, 1e-6, "[%zu,%zu]", i, j);
        }
    drop(&b);
}

Test(edit, of_a_weight_is_a_model_with_that_weight)
{
    Bed b = decoder();
    Error e = {{0}};
    size_t last = pass_plan(b.pass)->count - 2;
    edit_one(b.pass, "decoder.1.ffn.W_1[row=3]=zero");
    real *edited = copy_value(b.pass, last);
    Model *m = model_copy(b.model, &e);
    cr_assert_not_null(m);
    int w = weights_find(&m->weights, "decoder.1.ffn.W_1");
    memset(weights_values(&m->weights, (size_t)w) + 3 * 12, 0, 12 * sizeof(real));
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 6}, 0, &e);
    cr_assert(memcmp(edited, pass_value(p, last), pass_plan(p)->stages[last].count * sizeof *edited) == 0);
    pass_free(p);
    model_free(m);
    free(edited);
    drop(&b);
}

Test(edit, token_is_a_text_with_that_token)
{
    Bed b = decoder();
    Error e = {{0}};
    size_t last = pass_plan(b.pass)->count - 2, n;
    int changed[6];
    memcpy(changed, ids, sizeof changed);
    changed[3] = 9;
    Pass *p = pass_create(b.model, (PassInput){NULL, changed, 0, 6}, 0, &e);
    pass_run(b.pass);
    edit_one(b.pass, "decoder.embed.tokens[token=3]=token(#9)");
    cr_assert(memcmp(pass_value(b.pass, last), pass_value(p, last), pass_plan(p)->stages[last].count * sizeof(real)) == 0);
    cr_assert_eq(pass_ids(b.pass, STACK_DECODER, &n)[3], 9);
    const char *bad = "decoder.embed.tokens[token=3]=token(#99)";
    cr_assert_eq(edit(b.pass, &e, 1, &bad), -1);
    cr_assert_eq(pass_ids(b.pass, STACK_DECODER, &n)[3], 9); /* as it was */
    cr_assert_eq(edit(b.pass, &e, 0, NULL), 0);
    cr_assert_eq(pass_ids(b.pass, STACK_DECODER, &n)[3], ids[3]);
    pass_free(p);
    drop(&b);
}

/* All of a stage through which everything goes, from another text: the rest is that text's. */
Test(edit, patch)
{
    Bed b = decoder();
    Error e = {{0}};
    size_t last = pass_plan(b.pass)->count - 2, n = pass_plan(b.pass)->stages[last].count;
    Pass *p = pass_create(b.model, (PassInput){NULL, others, 0, 6}, 0, &e);
    edit_one(b.pass, "decoder.1.ffn.residual=patch(4,6,2,3,1,7)");
    cr_assert(memcmp(pass_value(b.pass, last), pass_value(p, last), n * sizeof(real)) == 0);
    /* one row of it */
    size_t i = stage(b.pass, "decoder.0.self.v");
    real *before = (edit(b.pass, &e, 0, NULL), copy_value(b.pass, i));
    edit_one(b.pass, "decoder.0.self.v[token=2,kv_head=1]=patch(4,6,2,3,1,7)");
    for (size_t h = 0; h < 2; h++)
        for (size_t t = 0; t < 6; t++)
            for (size_t d = 0; d < 4; d++) {
                size_t at = (h * 6 + t) * 4 + d;
                cr_assert(pass_value(b.pass, i)[at] == (h == 1 && t == 2 ? pass_value(p, i)[at] : before[at]));
            }
    const char *bad = "decoder.0.self.v=patch(1,2,3)";
    cr_assert_eq(edit(b.pass, &e, 1, &bad), -1);
    cr_assert_str_eq(e.text, "edit \"decoder.0.self.v=patch(1,2,3)\": character 23: expected a text with 6 along key, found 3");
    bad = "decoder.0.self.v[token=2..3]=patch(1,2,3)"; /* the row behind its last */
    cr_assert_eq(edit(b.pass, &e, 1, &bad), -1);
    cr_assert(strstr(e.text, "expected a text with at least 4 along key, found 3"), "%s", e.text);
    free(before);
    pass_free(p);
    drop(&b);
}

/* The decoder is fed as in this pass, so that the source alone makes the difference. */
Test(edit, patch_of_an_encoder_decoder)
{
    Bed b = both();
    Error e = {{0}};
    size_t last = pass_plan(b.pass)->count - 2, n = pass_plan(b.pass)->stages[last].count;
    int source[6] = {7, 1, 2, 3, 9, 10};
    Pass *p = pass_create(b.model, (PassInput){source, others, 6, 5}, 0, &e);
    edit_one(b.pass, "encoder.final_norm=patch(7,1,2,3,9,10)");
    cr_assert(memcmp(pass_value(b.pass, last), pass_value(p, last), n * sizeof(real)) == 0);
    edit_one(b.pass, "decoder.1.ffn.residual=patch(7,1,2,3,9,10 => 4,6,2,3,1)");
    cr_assert(memcmp(pass_value(b.pass, last), pass_value(p, last), n * sizeof(real)) == 0);
    pass_free(p);
    drop(&b);
}

Test(edit, unmasked_lets_a_query_see_the_future)
{
    Bed b = decoder();
    size_t masked = stage(b.pass, "decoder.0.self.masked"), scaled = stage(b.pass, "decoder.0.self.scaled"), weights = masked + 1;
    cr_assert(pass_value(b.pass, weights)[2 * 6 + 5] == 0);
    edit_one(b.pass, "decoder.0.self.masked[head=0,query=2,key=5]=unmasked");
    cr_assert(pass_value(b.pass, masked)[2 * 6 + 5] == pass_value(b.pass, scaled)[2 * 6 + 5]);
    cr_assert(pass_value(b.pass, weights)[2 * 6 + 5] > 0);
    drop(&b);
}

Test(edit, noise_has_its_deviation_and_its_seed)
{
    Bed b = make("random:kind=decoder,d_model=64,n_heads=2,vocab_size=11", NULL, 0, ids, 6);
    size_t i = stage(b.pass, "decoder.embed.tokens"), n = 6 * 64;
    real *before = copy_value(b.pass, i);
    double square = 0;
    edit_one(b.pass, "decoder.embed.tokens+=noise(7, 0.5)");
    real *first = copy_value(b.pass, i);
    for (size_t k = 0; k < n; k++)
        square += ((double)first[k] - (double)before[k]) * ((double)first[k] - (double)before[k]);
    cr_assert_float_eq(sqrt(square / (double)n), 0.5, 0.08); /* four standard errors */
    edit_one(b.pass, "decoder.embed.tokens+=noise(7,0.5)");
    cr_assert(memcmp(first, pass_value(b.pass, i), n * sizeof *first) == 0);
    edit_one(b.pass, "decoder.embed.tokens+=noise(8,0.5)");
    cr_assert(memcmp(first, pass_value(b.pass, i), n * sizeof *first) != 0);
    free(before);
    free(first);
    drop(&b);
}

static const struct {
    int line;
    const char *text, *want;
} bad[] = {
    {__LINE__, "decoder.0.self.heads", "character 21: expected =, *= or +="},
    {__LINE__, "decoder.0.self.heads=", "character 22: expected a number, zero, mean, unmasked, patch(TEXT) or token(TEXT)"},
    {__LINE__, "decoder.0.self.heads=1 2", "character 24: expected the end of the edit, found \"2\""},
    {__LINE__, "decoder.0.self.heads *= two", "character 25: expected a number"},
    {__LINE__, "decoder.0.self.heads=1e400", "character 22: expected a number that fits, found 1e400; inf is infinity"},
    {__LINE__, "decoder.0.self.heads+=noise(1)", "character 30: expected noise(SEED, STD)"},
    {__LINE__, "decoder.0.self.heads+=noise(-1,1)", "character 31: expected a whole number as the seed, found -1"},
    {__LINE__, "decoder.0.self.heads+=noise(1.5,1)", "character 32: expected a whole number as the seed, found 1.5"},
    {__LINE__, "decoder.0.self.heads+=noise(1e19,1)", "character 33: expected a whole number as the seed, found 1e+19"},
    {__LINE__, "decoder.0.self.heads+=noise(1,-1)", "character 34: expected a standard deviation of 0 or more, found -1"},
    {__LINE__, "decoder.0.self.heads=patch(1,2", "character 31: expected a ')' at the end"},
    {__LINE__, "decoder.0.self.heads=unmasked", "character 30: expected masked scores before =unmasked, such as decoder.0.self.masked[query=1]"},
    {__LINE__, "decoder.0.self.heads=token(#1)", "character 27: expected token(…) for a row of token embeddings, such as decoder.embed.tokens[token=1]"},
    {__LINE__, "decoder.0.self.W_Q=patch(1)", "character 28: expected a stage to patch, found a weight: it is the same for every text"},
    {__LINE__, "decoder.0.self.W_Q[row=8]=1", "character 24: expected row from 0 to 7, found 8"},
};

Test(edit, errors_say_where)
{
    Bed b = decoder();
    edit_one(b.pass, "decoder.0.self.heads=2");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Error e = {{0}};
        cr_expect_eq(edit(b.pass, &e, 1, &bad[i].text), -1, "line %d", bad[i].line);
        const char *found = strstr(e.text, "\": ");
        cr_expect_str_eq(found ? found + 3 : e.text, bad[i].want, "line %d: %s", bad[i].line, e.text);
    }
    cr_assert(pass_value(b.pass, stage(b.pass, "decoder.0.self.heads"))[0] == 2); /* what was before is still there */
    drop(&b);
}

/* ---- gradients ---- */

static const char *const one_of_each[] = {
    "decoder.0.self.q[head=1,token=2]=0.3",
    "decoder.0.self.weights[head=0]=mean",
    "decoder.0.self.weights[query=3]*=0.5",
    "decoder.0.self.scores[query=2..4]=mean",
    "decoder.1.self.heads[head=0]=zero",
    "decoder.0.self.heads[head=0]*=-1.5",
    "decoder.0.ffn.activate[token=1..3,unit=2..7]=mean",
    "decoder.0.ffn.residual[token=2]+=noise(5,0.4)",
    "decoder.1.self.norm[token=0..1]=patch(4,6,2,3,1,7)",
    "decoder.0.self.masked[query=1]=unmasked",
    "decoder.0.self.masked[query=4,key=1]=-inf",
    "decoder.embed.tokens[token=3]=token(#9)",
    "decoder.0.ffn.W_1[row=2]*=3",
    "decoder.1.self.W_O=mean",
    "decoder.final_norm[token=5,dim=2..4]*=2",
};

/* The gradient of every stage's numbers, drawn at random, against finite differences. */
static void check_gradients(Bed *b, const char *what, uint64_t seed)
{
    Error e = {{0}};
    const int targets[] = {2, 3, 4, 5, 6, 7};
    double loss;
    Random r = random_seeded(seed);
    const Plan *plan = pass_plan(b->pass);
    size_t rows = plan->stages[plan->count - 2].shape[0], checked = 0;
    cr_assert_eq(pass_backward(b->pass, targets, rows, &loss, &e), 0, "%s", e.text);
    for (size_t i = 0; i + 1 < plan->count; i++)
        for (int k = 0; k < 4; k++) {
            const Stage *s = &plan->stages[i];
            Cellref cell = {.stage = i};
            GradientCheck g;
            for (int axis = 0; axis < s->rank; axis++)
                cell.index[axis] = (size_t)random_below(&r, s->shape[axis]);
            if (!isfinite((double)pass_value(b->pass, i)[cell_offset(s, cell.index)]))
                continue;
            char name[STAGE_NAME_MAX];
            cr_assert_eq(gradient_check_cell(b->pass, cell, &g, &e), 0, "%s", e.text);
            cr_assert(g.agrees || g.constant || g.corners, "%s: %s [%zu,%zu,%zu]: backward %.9g, differences %.9g ± %.2g", what, stage_name(s, name),
                      cell.index[0], cell.index[1], cell.index[2], g.analytic, g.numeric, g.noise);
            checked += g.agrees;
        }
    cr_assert_gt(checked, 60, "%s: %zu", what, checked);
}

Test(edit, gradients_by_finite_differences, .timeout = 100)
{
    Error e = {{0}};
    for (size_t i = 0; i < sizeof one_of_each / sizeof *one_of_each; i++) {
        Bed b = decoder();
        edit_one(b.pass, one_of_each[i]);
        check_gradients(&b, one_of_each[i], i);
        drop(&b);
    }
    Bed b = decoder();
    cr_assert_eq(edit(b.pass, &e, sizeof one_of_each / sizeof *one_of_each, one_of_each), 0, "%s", e.text);
    check_gradients(&b, "all of them", 99);
    drop(&b);
}

/* ---- the list as text ---- */

Test(edit, list_is_read_as_it_was_written)
{
    Error e = {{0}};
    Edits edits = {0}, again = {0};
    Buffer text = {0};
    const char *given = "# heads\n\n  decoder.0.self.heads[head=1]=zero  \r\ndecoder.0.self.v=patch(我爱你)";
    cr_assert_eq(edits_read(&edits, given, strlen(given), &e), 0);
    cr_assert_eq(edits.count, 2);
    cr_assert_str_eq(edits.items[0], "decoder.0.self.heads[head=1]=zero");
    edits_write(&edits, &text);
    cr_assert_eq(edits_read(&again, buffer_text(&text), text.len, &e), 0);
    cr_assert(again.count == 2 && strcmp(again.items[1], edits.items[1]) == 0);
    edits_remove(&again, 0);
    cr_assert(again.count == 1 && strcmp(again.items[0], edits.items[1]) == 0);
    cr_assert_eq(edits_read(&again, "ok=1\n\xff\xfe", 7, &e), -1);
    cr_assert_str_eq(e.text, "line 2: expected UTF-8 text, found other bytes");
    edits_free(&edits);
    edits_free(&again);
    buffer_free(&text);
}

/* A later edit that is added forgets only what it changes: what the earlier stages had computed themselves, and the gradients through them, stay
 * as in a pass that was given both at once. */
Test(edit, an_edit_added_keeps_what_earlier_stages_had_computed)
{
    static const char *const texts[] = {"decoder.0.self.weights[head=0,query=3]=0.25", "decoder.0.ffn.activate=mean"};
    Bed a = decoder(), b = decoder();
    Pass *grown = a.pass, *fresh = b.pass;
    Edits edits = {0};
    Error e = {{0}};
    const int targets[] = {-1, -1, -1, -1, -1, 3};
    double loss[2];
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(edits_add(&edits, texts[i], &e), 0);
        cr_assert_eq(pass_set_edits(grown, &edits, &e), 0, "%s", e.text);
        pass_run(grown);
    }
    cr_assert_eq(pass_set_edits(fresh, &edits, &e), 0, "%s", e.text);
    cr_assert_eq(pass_backward(grown, targets, 6, &loss[0], &e), 0, "%s", e.text);
    cr_assert_eq(pass_backward(fresh, targets, 6, &loss[1], &e), 0, "%s", e.text);
    cr_assert_eq(loss[0], loss[1]);
    for (size_t i = 0; i < pass_plan(grown)->count; i++) {
        size_t bytes = pass_plan(grown)->stages[i].count * sizeof(real);
        cr_assert_arr_eq(pass_unedited(grown, i), pass_unedited(fresh, i), bytes, "stage %zu", i);
        cr_assert_arr_eq(pass_gradient(grown, i), pass_gradient(fresh, i), bytes, "stage %zu", i);
    }
    edits_free(&edits);
    drop(&a);
    drop(&b);
}

/* Every stage up to `end` holds the bits of a pass that had these edits from the beginning. */
static void check_like_new(const Bed *b, const char *const *texts, size_t n, size_t end)
{
    Error e = {{0}};
    size_t len;
    const int *fed = pass_ids(b->pass, STACK_DECODER, &len);
    Pass *plain = pass_create(b->model, (PassInput){.target = fed, .target_len = len}, 0, &e);
    cr_assert(plain && edit(plain, &e, n, texts) == 0, "%s", e.text);
    for (size_t i = 0; i < end; i++) {
        size_t bytes = pass_plan(plain)->stages[i].count * sizeof(real);
        cr_assert_eq(memcmp(pass_value(plain, i), pass_value(b->pass, i), bytes), 0, "stage %zu", i);
        cr_assert_eq(memcmp(pass_unedited(plain, i), pass_unedited(b->pass, i), bytes), 0, "stage %zu, before its edits", i);
    }
    pass_free(plain);
}

/* An edit of a stage that is there keeps what the stage computed itself: only what follows it is computed again. An edit of what it reads does not. */
Test(edit, only_what_follows_is_computed_again)
{
    Bed b = decoder();
    Error e = {{0}};
    const Plan *plan = pass_plan(b.pass);
    for (size_t i = 0; i < plan->count; i++) {
        char name[STAGE_NAME_MAX], scaled[STAGE_NAME_MAX + 16], set[STAGE_NAME_MAX + 16];
        stage_name(&plan->stages[i], name);
        snprintf(scaled, sizeof scaled, "%s*=2", name);
        snprintf(set, sizeof set, "%s=0.5", name);
        const char *const two[] = {scaled, set}, *const other[] = {set};
        static const struct { int which; size_t n; } turns[] = {{0, 1}, {0, 2}, {1, 1}, {1, 0}, {0, 2}, {0, 0}};
        pass_run(b.pass);
        for (size_t k = 0; k < sizeof turns / sizeof *turns; k++) {
            const char *const *texts = turns[k].which ? other : two;
            cr_assert_eq(edit(b.pass, &e, turns[k].n, texts), 0, "%s", e.text);
            cr_assert_eq(pass_done(b.pass), i + 1, "%s, turn %zu: %zu stages are known", name, k, pass_done(b.pass));
            check_like_new(&b, texts, turns[k].n, k % 2 ? plan->count : i + 1);
            if (k % 2)
                pass_value(b.pass, i); /* and from the end of the pass, too */
        }
    }
    static const char *const token[] = {"decoder.embed.tokens[token=2]=token(4)"}, *const weight[] = {"decoder.0.self.W_Q*=2", "decoder.0.self.q*=3"};
    pass_run(b.pass);
    cr_assert_eq(edit(b.pass, &e, 1, token), 0, "%s", e.text);
    cr_assert_eq(pass_done(b.pass), 0);
    cr_assert_eq(edit(b.pass, &e, 0, token), 0);
    pass_run(b.pass);
    cr_assert_eq(edit(b.pass, &e, 2, weight), 0, "%s", e.text);
    cr_assert_eq((int)pass_done(b.pass), plan_find(plan, "decoder.0.self.q"));
    check_like_new(&b, weight, 2, plan->count);
    cr_assert_eq(edit(b.pass, &e, 0, weight), 0);
    cr_assert_eq((int)pass_done(b.pass), plan_find(plan, "decoder.0.self.q"));
    check_like_new(&b, weight, 0, plan->count);
    drop(&b);
}
