/* test_breakpoint.c - where breakpoints stop, forwards and backwards, and what is refused. */
#include "measure/breakpoint.h"

#include "measure_help.h"
#include "model_help.h"
#include "pass/edit.h"

#include <math.h>

static const char config[] =
    "kind=encoder-decoder,d_model=8,n_heads=2,d_ff=10,encoder_layers=2,decoder_layers=2,vocab_size=11,tie_embeddings=false";

/* The names of the stages at which one breakpoint stops, in the order they are come to; "" where it is refused, with the error in *e. */
static void stops(const char *text, Pass *p, bool backward, Buffer *out, ExpressionError *e)
{
    Breakpoints b = {0};
    const Plan *plan = pass_plan(p);
    if (breakpoints_add(&b, 1, text, p, e) != 0)
        return;
    for (size_t k = 0; k < plan->count; k++) {
        size_t i = backward ? plan->count - 1 - k : k;
        int n;
        char name[STAGE_NAME_MAX];
        size_t targets;
        ExpressionContext c = {.pass = p, .here = (int)i, .backward = backward, .targets = pass_targets(p, &targets)};
        c.target_count = targets;
        const Breakpoint *hit = breakpoints_hit(&b, &c, e);
        n = hit ? (int)out->len : 0;
        if (hit)
            buffer_printf(out, "%s%s", n ? " " : "", stage_name(&plan->stages[i], name));
        if (hit && e->error.text[0])
            buffer_printf(out, "!");
    }
    breakpoints_free(&b);
}

static void check(const char *text, Pass *p, bool backward, const char *want)
{
    Buffer out = {0};
    ExpressionError e = {.at = 0};
    stops(text, p, backward, &out, &e);
    cr_expect_str_eq(buffer_text(&out), want, "%s\n  expected %s\n  found    %s %s", text, want, buffer_text(&out), e.error.text);
    buffer_free(&out);
}

Test(breakpoint, stops_where_it_says)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    check("decoder.0.self.scores", p, false, "decoder.0.self.scores");
    check("decoder.*.self.weights", p, false, "decoder.0.self.weights decoder.1.self.weights");
    check("decoder.self.weights[layer=1]", p, false, "decoder.1.self.weights");
    check("encoder.*.weights", p, false, "encoder.0.self.weights encoder.1.self.weights");
    check("kind logits", p, false, "output.logits");
    check("logits", p, false, "output.logits");
    check("  probs  ", p, false, "output.probs");
    check("layer 1", p, false, "encoder.1.self.norm decoder.1.self.norm");
    check("layer 1", p, true, "decoder.1.ffn.residual encoder.1.ffn.residual");
    check("decoder.1.cross", p, false, "decoder.1.cross.norm");
    check("decoder.1.cross", p, true, "decoder.1.cross.residual");
    check("decoder", p, false, "decoder.embed.tokens");
    pass_free(p);
    model_free(m);
}

/* Layer 1 is not layer 10. */
Test(breakpoint, a_part_is_its_whole_name)
{
    Model *m = help_model("kind=decoder,d_model=4,n_heads=1,d_ff=4,decoder_layers=11,vocab_size=11");
    Pass *p = help_pass(m, 0);
    check("decoder.1", p, false, "decoder.1.self.norm");
    check("decoder.1", p, true, "decoder.1.ffn.residual");
    check("decoder.10", p, true, "decoder.10.ffn.residual");
    pass_free(p);
    model_free(m);
}

/* The attention whose largest row entropy is below a bound, found without the language. */
static void low_entropy(Pass *p, double bound, Buffer *out)
{
    const Plan *plan = pass_plan(p);
    for (size_t i = 0; i < plan->count; i++) {
        const Stage *s = &plan->stages[i];
        double most = 0;
        char name[STAGE_NAME_MAX];
        if (s->kind != STAGE_WEIGHTS)
            continue;
        for (size_t row = 0; row < s->shape[0] * s->shape[1]; row++) {
            double h = 0;
            for (size_t k = 0; k < s->shape[2]; k++) {
                double x = (double)pass_value(p, i)[row * s->shape[2] + k];
                h -= x > 0 ? x * log(x) : 0;
            }
            most = h > most ? h : most;
        }
        if (most < bound)
            buffer_printf(out, "%s%s", out->len ? " " : "", stage_name(s, name));
    }
}

Test(breakpoint, stops_where_a_condition_holds)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    size_t some = 0;
    for (double bound = 0.8; bound < 1.7; bound += 0.1) {
        Buffer want = {0};
        char text[96];
        low_entropy(p, bound, &want);
        snprintf(text, sizeof text, "*.weights if max(entropy) < %.3f", bound);
        check(text, p, false, buffer_text(&want));
        snprintf(text, sizeof text, "weights if max(entropy(here)) < %.3f", bound);
        check(text, p, false, buffer_text(&want));
        some += want.len > 0;
        buffer_free(&want);
    }
    cr_expect(some > 0 && some < 10, "bounds on both sides");
    check("if max(here) > 1e9", p, false, "");
    check("if(1 < 2 and parameters(here) == d_model * vocab_size and multiplications(here) == 0)", p, false,
          "encoder.embed.tokens decoder.embed.tokens");
    pass_free(p);
    model_free(m);
}

Test(breakpoint, what_is_not_computed_does_not_hold)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    Breakpoints b = {0};
    ExpressionError e;
    int here = (int)help_stage(p, "decoder.0.cross.scores");
    ExpressionContext c = {.pass = p, .here = here};
    pass_value(p, (size_t)here);
    cr_assert_eq(breakpoints_add(&b, 1, "if max(output.probs) > 0", p, &e), 0, "%s", e.error.text);
    cr_expect_null(breakpoints_hit(&b, &c, &e));
    cr_expect_eq(e.error.text[0], '\0');
    cr_expect_eq(pass_done(p), (size_t)here + 1, "asking computes nothing");
    cr_assert_eq(breakpoints_add(&b, 2, "if max(decoder.0.cross.q) > -1e9", p, &e), 0, "%s", e.error.text);
    const Breakpoint *hit = breakpoints_hit(&b, &c, &e);
    cr_expect(hit && hit->number == 2);
    breakpoints_free(&b);
    pass_free(p);
    model_free(m);
}

Test(breakpoint, finds_the_first_nan_both_ways)
{
    Error e = {{0}};
    ExpressionError wrong = {.at = 0};
    Edits edits = {0};
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    const int targets[] = {1, 2, 3, 4, 5};
    double loss;
    check("if nan", p, false, "");
    cr_assert_eq(pass_backward(p, targets, 5, &loss, &e), 0, "%s", e.text);
    check("if nan", p, true, "");
    check("if norm(here) == 0", p, true,
          "output.probs decoder.embed.positions encoder.embed.positions"); /* the loss is of the logits; sinusoids are constants */
    cr_assert_eq(edits_add(&edits, "decoder.1.self.scores[0,2,1]=nan", &e), 0);
    cr_assert_eq(pass_set_edits(p, &edits, &e), 0, "%s", e.text);
    Buffer out = {0};
    stops("if nan", p, false, &out, &wrong);
    cr_expect(strncmp(buffer_text(&out), "decoder.1.self.scores decoder.1.self.scaled decoder.1.self.masked", 60) == 0, "%s",
              buffer_text(&out));
    buffer_clear(&out);
    cr_assert_eq(pass_backward(p, targets, 5, &loss, &e), 0, "%s", e.text);
    stops("if nan", p, true, &out, &wrong);
    cr_expect(strncmp(buffer_text(&out), "output.logits", 13) == 0, "%s", buffer_text(&out));
    buffer_free(&out);
    edits_free(&edits);
    pass_free(p);
    model_free(m);
}

static void refuses(const char *text, Pass *p, size_t at, const char *part)
{
    Breakpoints b = {0};
    ExpressionError e;
    cr_expect_neq(breakpoints_add(&b, 1, text, p, &e), 0, "%s", text);
    cr_expect(e.at == at && strstr(e.error.text, part) && strncmp(e.error.text, "character ", 10) == 0,
              "%s\n  expected %zu %s\n  found    %zu %s", text, at, part, e.at, e.error.text);
    cr_expect_eq(b.count, 0);
    breakpoints_free(&b);
}

Test(breakpoint, says_what_is_wrong_and_where)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    refuses("", p, 0, "found nothing");
    refuses("decoder.0.self.wieghts", p, 0, "expected a stage or a weight, found \"decoder.0.self.wieghts\"; nearest");
    refuses("decoder.0.self.W_Q", p, 0, "found a weight");
    refuses("decoder.0.self.scores[head=1]", p, 0, "expected a whole stage");
    refuses("decoder.0.self.scores fi 1", p, 0, "found \" fi 1\"");
    refuses("layer 7", p, 6, "expected the number of a layer of this model, found \"7\"");
    refuses("kind gate", p, 5, "expected a kind of stage of this plan");
    refuses("*.weights if", p, 12, "expected a number, a name or a function, found the end");
    refuses("*.weights if max(here", p, 21, "expected a ',' or a ')'");
    refuses("*.weights if foo(1)", p, 13, "expected a function");
    pass_free(p);
    model_free(m);
}

/* What can only be known at a stage stops there and says so; a condition that is no comparison is wrong everywhere. */
Test(breakpoint, stops_at_a_condition_that_is_wrong)
{
    Model *m = help_model(config);
    Pass *p = help_pass(m, 0);
    check("output.logits if max(here)", p, false, "output.logits!");
    check("output.logits if here[head=0] > 1", p, false, "output.logits!");
    pass_free(p);
    model_free(m);
}

Test(breakpoint, means_other_stages_in_another_plan)
{
    Error e = {{0}};
    ExpressionError wrong;
    Breakpoints b = {0};
    Model *m = help_model(config), *small = help_model(help_configs[0]);
    Pass *p = help_pass(m, 0), *q = help_pass(small, 0);
    cr_assert_eq(breakpoints_add(&b, 1, "*.weights", p, &wrong), 0);
    cr_assert_eq(breakpoints_add(&b, 2, "encoder.0.self.q", p, &wrong), 0);
    cr_expect_eq(b.items[0].covered, 6);
    cr_assert_eq(breakpoints_bind(&b, q, &e), 0);
    cr_expect_eq(b.items[0].covered, 1);
    cr_expect_eq(b.items[1].covered, 0, "kept, and never stops");
    cr_expect(breakpoint_marks(&b.items[0], help_stage(q, "decoder.0.self.weights"), false));
    breakpoints_remove(&b, 0);
    cr_expect(b.count == 1 && b.items[0].number == 2);
    breakpoints_free(&b);
    pass_free(p);
    pass_free(q);
    model_free(m);
    model_free(small);
}
