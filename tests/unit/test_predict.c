/* test_predict.c - every question made from a pass is checked by a computation of its own (predict_help.h): the right answer is right, and
 * every wrong choice is wrong. */
#include "predict_help.h"

#include "pass/bug.h"
#include "pass/edit.h"

/* Names met so far, so that no maker is one that never makes anything. */
static char met[96][QUESTION_NAME_MAX];
static size_t met_count;

static void meet(const char *name)
{
    for (size_t i = 0; i < met_count; i++)
        if (strcmp(met[i], name) == 0)
            return;
    snprintf(met[met_count++], QUESTION_NAME_MAX, "%s", name);
}

static void check(const Question *q, Pass *p, const char *what)
{
    Case k = open_case(q, p, what);
    int mistake;
    meet(q->name);
    cr_assert(q->text && *q->text && q->why && *q->why, "%s: no words", k.where);
    cr_assert_gt(q->mistake_count, 0, "%s: no mistake is known", k.where);
    if (q->kind == QUESTION_CHOICE) {
        double truth = true_claim(&k);
        size_t right = 0;
        for (int i = 0; i < q->choice_count; i++) {
            bool is = q->choices[i].claim == truth || fabs(q->choices[i].claim - truth) < 1e-6 * fabs(truth);
            right += is;
            cr_assert_eq(is, i == q->right.choice, "%s: choice %s claims %g, computed %g", k.where, q->choices[i].text, q->choices[i].claim,
                         truth);
            Answer a = {.choice = i};
            cr_assert_eq(question_judge(q, &a, &mistake), is ? VERDICT_RIGHT : VERDICT_WRONG);
            cr_assert(is || mistake >= 0, "%s: %s has no reply", k.where, q->choices[i].text);
        }
        cr_assert_eq(right, 1, "%s: %zu choices are right", k.where, right);
    } else if (q->kind == QUESTION_NUMBER) {
        double truth = true_number(&k), slack = q->tolerance > 0 ? q->tolerance * 0.6 + 1e-5 : 0;
        cr_assert(fabs(q->right.number - truth) <= slack, "%s: says %g, computed %g", k.where, q->right.number, truth);
        for (int i = 0; i < q->mistake_count; i++) {
            double wrong = q->mistakes[i].answer.number;
            cr_assert(fabs(wrong - truth) > q->tolerance, "%s: mistake %s gives %g, computed %g", k.where, q->mistakes[i].name, wrong,
                      truth);
            cr_assert_eq(question_judge(q, &(Answer){.number = wrong}, &mistake), VERDICT_WRONG, "%s: %s", k.where, q->mistakes[i].name);
            cr_assert_geq(mistake, 0, "%s: %s has no reply", k.where, q->mistakes[i].name);
        }
        cr_assert_eq(question_judge(q, &(Answer){.number = truth}, &mistake), VERDICT_RIGHT);
    } else {
        Answer truth = {0};
        cr_assert_eq(q->kind, QUESTION_SHAPE);
        true_shape(&k, &truth);
        cr_assert(same_shape(&truth, &q->right), "%s", k.where);
        for (int i = 0; i < q->mistake_count; i++)
            cr_assert(!same_shape(&truth, &q->mistakes[i].answer), "%s: mistake %s", k.where, q->mistakes[i].name);
    }
}

/* Asks about every stage of a pass, forwards, at the loss and backwards, with some seeds. */
static void ask_all(Pass *p, const char *what, uint64_t seeds)
{
    const Plan *plan = pass_plan(p);
    const Stage *last = &plan->stages[plan->count - 1];
    int targets[64];
    double loss;
    Error e = {{0}};
    for (size_t i = 0; i < last->shape[0]; i++)
        targets[i] = i % 4 == 3 ? -1 : (int)((2 + 3 * i) % plan->config->vocab_size);
    for (int gradient = 0; gradient < 2; gradient++) {
        if (gradient)
            cr_assert_eq(pass_backward(p, targets, last->shape[0], &loss, &e), 0, "%s", e.text);
        for (size_t i = 0; i < plan->count; i++) {
            char first[QUESTION_NAME_MAX] = "";
            bool differ = false;
            for (uint64_t seed = 0; seed < seeds; seed++) {
                Question q;
                PredictPlace at = {p, i, (size_t)(seed % 3), plan->stages[i].shape[plan->stages[i].rank - 2] - 1 - (size_t)(seed % 2)};
                char name[STAGE_NAME_MAX];
                int status = (gradient ? predict_gradient : predict_value)(&q, &at, seed, &e);
                cr_assert_eq(status, 0, "%s, %s: %s", what, stage_name(&plan->stages[i], name), e.text);
                check(&q, p, what);
                if (!*first)
                    memcpy(first, q.name, sizeof first);
                differ |= strcmp(first, q.name) != 0;
                question_free(&q);
            }
            cr_assert(differ || seeds < 8 || plan->stages[i].kind == STAGE_PROBS, "%s: stage %zu always asks %s", what, i, first);
        }
    }
    for (uint64_t seed = 0; seed < seeds; seed++) {
        Question q;
        cr_assert_eq(predict_loss(&q, &(PredictPlace){p, 0, 0, seed}, targets, last->shape[0], seed, &e), 0, "%s", e.text);
        check(&q, p, what);
        question_free(&q);
    }
}

Test(predict, every_kind_of_stage_under_every_ablation, .timeout = 200)
{
    for (int m = 0; m < HELP_CONFIGS; m++) {
        Model *model = help_model(help_configs[m]);
        for (int a = 0; a < HELP_ABLATIONS; a++) {
            char what[200];
            Pass *p = help_pass(model, help_ablation(help_ablations[a]));
            snprintf(what, sizeof what, "config %d, %s", m, help_ablations[a]);
            ask_all(p, what, 8);
            pass_free(p);
            if (a >= 2)
                continue;
            int ids[] = {1, 2, 1, 3}; /* a token that stands there twice */
            bool encoder = config_has_stack(&model->config, STACK_ENCODER), decoder = config_has_stack(&model->config, STACK_DECODER);
            p = pass_create(model, (PassInput){ids, ids, encoder ? 4 : 0, decoder ? 4 : 0}, help_ablation(help_ablations[a]), NULL);
            cr_assert(p);
            ask_all(p, what, 6);
            pass_free(p);
        }
        model_free(model);
    }
    static const char *const names[] = {"shape",
                                        "parameters",
                                        "terms",
                                        "depends",
                                        "rotated-norm",
                                        "rotated-angle",
                                        "rotated-first",
                                        "score",
                                        "symmetric",
                                        "score-count",
                                        "best-score",
                                        "scaled",
                                        "variance-ratio",
                                        "entropy-scaled",
                                        "entropy-masked",
                                        "biased",
                                        "unbiased",
                                        "hidden-count",
                                        "hidden-value",
                                        "visible",
                                        "row-sum",
                                        "column-sum",
                                        "most",
                                        "likeliest",
                                        "ratio",
                                        "shift",
                                        "hidden-weight",
                                        "only-key",
                                        "uniform",
                                        "most-entropy",
                                        "average",
                                        "bounds",
                                        "copy",
                                        "products",
                                        "owner",
                                        "same-token",
                                        "position-zero",
                                        "other-text",
                                        "cell-sum",
                                        "cell-residual",
                                        "cell-product",
                                        "norm-mean",
                                        "norm-variance",
                                        "norm-squares",
                                        "norm-length",
                                        "no-norm",
                                        "growth",
                                        "beside",
                                        "activation",
                                        "units-on",
                                        "units-positive",
                                        "loss-of-row",
                                        "loss-by-chance",
                                        "gradient-shape",
                                        "weight-gradient-shape",
                                        "logit-gradient-sum",
                                        "target-sign",
                                        "target-gradient",
                                        "probs-gradient",
                                        "zero-gradient",
                                        "score-gradient-sum",
                                        "hidden-gradient",
                                        "scores-gradient",
                                        "key-bias",
                                        "residual-copy",
                                        "embedding-copy",
                                        "concat-size",
                                        "dead-unit",
                                        "embedding-rows",
                                        "residual-through",
                                        "rotated-gradient",
                                        "hidden-weight-gradient",
                                        "product-gradient"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bool found = false;
        for (size_t j = 0; j < met_count; j++)
            found |= strcmp(met[j], names[i]) == 0;
        cr_expect(found, "nothing ever asks %s", names[i]);
    }
    cr_expect_eq(met_count, sizeof names / sizeof *names, "%zu kinds of question", met_count);
}

/* With a sliding window fewer keys are seen than lie behind a query, and the answers say so. */
Test(predict, a_window_is_spoken_of)
{
    Model *m = help_model("kind=decoder,d_model=8,n_heads=2,decoder_layers=1,vocab_size=11,position=rope,window=2");
    int ids[] = {1, 2, 3, 4, 5};
    Error e = {{0}};
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, 5}, 0, &e);
    cr_assert(p, "%s", e.text);
    int masked = plan_find(pass_plan(p), "decoder.0.self.masked"), asked = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        Question q;
        PredictPlace at = {p, (size_t)masked, 0, 4};
        cr_assert_eq(predict_value(&q, &at, seed, &e), 0, "%s", e.text);
        bool counted = strcmp(q.name, "hidden-count") == 0;
        if (counted || strcmp(q.name, "visible") == 0) {
            asked |= counted ? 1 : 2;
            cr_expect_eq(q.right.number, counted ? 16 : 2, "%s: %g", q.name, q.right.number);
            cr_expect(strstr(q.why, "its window"), "%s: %s", q.name, q.why);
        }
        question_free(&q);
    }
    cr_expect_eq(asked, 3);
    pass_free(p);
    model_free(m);
}

static const char *pick(Random *r, const char *const *from, size_t n)
{
    return from[random_below(r, n)];
}
#define PICK(...) pick(&r, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

/* Configs, texts, lengths and ablations drawn at random. */
Test(predict, hundreds_of_random_passes, .timeout = 200)
{
    for (uint64_t n = 0; n < 600; n++) {
        Random r = random_seeded(1000 + n);
        char config[500];
        const char *heads[] = {"n_heads=1,n_kv_heads=1", "n_heads=2,n_kv_heads=1", "n_heads=4,n_kv_heads=2", "n_heads=4,n_kv_heads=4"};
        snprintf(config, sizeof config,
                 "kind=%s,d_model=%s,%s,d_head=%s,d_ff=%s,encoder_layers=%s,decoder_layers=%s,vocab_size=%s,max_len=16,norm=%s,norm_"
                 "position=%s,position=%s,activation=%s,ffn=%s,bias=%s,"
                 "tie_embeddings=%s,embed_scale=%s,output_bias=%s",
                 PICK("decoder", "encoder", "encoder-decoder"), PICK("8", "12", "16"), heads[random_below(&r, 4)], PICK("2", "4", "6"),
                 PICK("8", "20"), PICK("1", "2"), PICK("1", "2"), PICK("5", "11", "40"), PICK("layernorm", "rmsnorm", "none"),
                 PICK("pre", "post"), PICK("none", "sinusoidal", "learned", "rope", "alibi"), PICK("relu", "gelu", "gelu_tanh", "silu"),
                 PICK("mlp", "gated", "none"), PICK("true", "false"), PICK("true", "false"), PICK("true", "false"), PICK("true", "false"));
        if (strstr(config, "kind=encoder-decoder") && random_below(&r, 2))
            strcat(config, ",share_embeddings=true");
        if (strstr(config, ",position=sinusoidal") && random_below(&r, 2))
            strcat(config, ",sinusoid_pairing=half");
        Config c;
        Error e = {{0}};
        unsigned long seed = (unsigned long)n;
        cr_assert_eq(config_parse(&c, config, &seed, &e), 0, "%s: %s", config, e.text);
        Model *m = model_random(&c, seed, config, &e);
        cr_assert(m, "%s", e.text);
        config_free(&c);
        int ids[2][64];
        size_t len[2] = {1 + random_below(&r, 7), 1 + random_below(&r, 7)};
        for (int s = 0; s < 2; s++)
            for (size_t i = 0; i < len[s]; i++)
                ids[s][i] = (int)random_below(&r, m->config.vocab_size);
        if (!config_has_stack(&m->config, STACK_ENCODER))
            len[0] = 0;
        if (!config_has_stack(&m->config, STACK_DECODER))
            len[1] = 0;
        Pass *p = pass_create(m, (PassInput){ids[0], ids[1], len[0], len[1]},
                              help_ablation(help_ablations[n % 3 ? 0 : random_below(&r, HELP_ABLATIONS)]), &e);
        cr_assert(p, "%s", e.text);
        ask_all(p, config, 3);
        pass_free(p);
        model_free(m);
    }
}

/* With numbers changed by hand, a row of weights need not sum to 1: only what no edit can make untrue is asked. */
Test(predict, edits_make_nothing_untrue)
{
    static const char *const edits[] = {
        "decoder.0.self.weights=0.7", "decoder.0.self.masked=unmasked",         "decoder.0.self.W_Q*=2",
        "output.logits=zero",         "decoder.embed.tokens[token=1]=token(3)", "decoder.0.self.scaled=inf"};
    Model *m = help_model(help_configs[0]);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        Pass *p = help_pass(m, 0);
        Edits list = {0};
        Error e = {{0}};
        cr_assert_eq(edits_add(&list, edits[i], &e), 0, "%s", e.text);
        if (pass_set_edits(p, &list, &e) != 0)
            cr_assert_fail("%s: %s", edits[i], e.text);
        ask_all(p, edits[i], 6);
        edits_free(&list);
        pass_free(p);
    }
    model_free(m);
}

/* Nor is anything asked that a bug of the hunt makes untrue, such as what becomes of a row under a softmax along the wrong axis. */
Test(predict, bugs_make_nothing_untrue, .timeout = 120)
{
    size_t applied = 0;
    for (int c = 0; c < HELP_CONFIGS; c++) {
        Model *m = help_model(help_configs[c]);
        for (int i = 0; i < BUG_COUNT; i++) {
            Pass *p = help_pass(m, 0);
            Error e = {{0}};
            if (bug_applies(&bug_table[i], p)) {
                cr_assert_eq(bug_put(&bug_table[i], p, &e), 0, "%s", e.text);
                cr_assert(pass_is_altered(p), "%s", bug_table[i].id);
                ask_all(p, bug_table[i].id, 2);
                applied++;
                cr_assert_eq(bug_put(NULL, p, &e), 0, "%s", e.text);
                cr_assert_not(pass_is_altered(p), "%s", bug_table[i].id);
            }
            pass_free(p);
        }
        model_free(m);
    }
    cr_assert_gt(applied, BUG_COUNT);
}

/* The same seed asks the same; the order of the choices belongs to it. */
Test(predict, a_seed_is_a_question)
{
    Model *m = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0);
    Error e = {{0}};
    for (size_t i = 0; i < pass_plan(p)->count; i++)
        for (uint64_t seed = 0; seed < 6; seed++) {
            Question a, b;
            PredictPlace at = {p, i, 0, 2};
            cr_assert_eq(predict_value(&a, &at, seed, &e), 0);
            cr_assert_eq(predict_value(&b, &at, seed, &e), 0);
            cr_assert_str_eq(a.text, b.text);
            cr_assert_eq(a.right.choice, b.right.choice);
            question_free(&a);
            question_free(&b);
        }
    pass_free(p);
    model_free(m);
}
