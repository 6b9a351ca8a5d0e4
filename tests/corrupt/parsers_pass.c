/* parsers_pass.c - what is typed about a pass: expressions, breakpoints and edits, behind parsers.c's signature.
 *
 * What is read is used: expressions are evaluated and written, edited passes are run, forwards and backwards. */
#include "parsers.h"

#include "base/text.h"
#include "measure/breakpoint.h"
#include "measure/expression.h"
#include "pass/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(int fits, const char *what)
{
    if (fits)
        return;
    fprintf(stderr, "accepted, but %s\n", what);
    abort();
}

enum { TARGETS = 4 };
static const int targets[TARGETS] = {1, 2, 3, -1};

/* A small encoder-decoder over a few ids, made once; 2 has ablations. */
static Pass *pass_number(int i)
{
    static Pass *made[2];
    static Model *m;
    static const int source[] = {3, 1, 4}, target[TARGETS] = {0, 2, 2, 5};
    Config c;
    unsigned long seed = 1;
    if (!m) {
        must(config_parse(&c, "kind=encoder-decoder,d_model=4,n_heads=2,d_ff=6,encoder_layers=1,decoder_layers=2,vocab_size=7", &seed,
                          NULL) == 0,
             "");
        m = model_random(&c, seed, "random", NULL);
        config_free(&c);
    }
    if (!made[i])
        made[i] = pass_create(m, (PassInput){source, target, 3, TARGETS}, i ? NO_RESIDUAL : 0, NULL);
    must(m && made[i], "there is no pass");
    return made[i];
}

/* Evaluates as the debugger does at each of a few places, and writes what comes of it. */
static int use_expression(const Expression *x, ExpressionError *e)
{
    int status = -1;
    for (int way = 0; way < 8; way++) {
        ExpressionContext c = {.pass = pass_number(0),
                               .baseline = pass_number(1),
                               .here = way & 1 ? 30 : NO_STAGE,
                               .backward = (way & 2) != 0,
                               .only_done = (way & 4) != 0};
        c.targets = targets;
        c.target_count = TARGETS;
        Value v;
        ExpressionError other;
        if (expression_evaluate(x, &c, &v, way ? &other : e) != 0) {
            must(way == 0 || (other.error.text[0] && other.at <= strlen(expression_text(x))), "there is no reason");
            continue;
        }
        Buffer out = {0};
        value_write_line(&v, &out);
        value_write_table(&v, TEXT_ANY_COLUMNS, &out);
        if (v.count < 10000) {
            value_write_json(&v, expression_text(x), &out);
            value_write_csv(&v, expression_text(x), &out);
        }
        must(!out.failed && out.len > 0, "nothing was written");
        buffer_free(&out);
        value_free(&v);
        status = way == 0 ? 0 : status;
    }
    return status;
}

int parse_expression(const uint8_t *bytes, size_t n, Error *e)
{
    ExpressionError wrong;
    Expression *x = expression_compile((const char *)bytes, n, &wrong);
    int status = x ? use_expression(x, &wrong) : -1;
    expression_free(x);
    must(status == 0 || wrong.at <= n, "the error is about a place outside");
    return status == 0 ? 0 : error_set(e, "input: %s", wrong.error.text);
}

/* A NUL-terminated copy. */
static char *text_of(const uint8_t *bytes, size_t n)
{
    char *text = malloc(n + 1);
    if (!text)
        abort();
    if (n)
        memcpy(text, bytes, n);
    text[n] = '\0';
    return text;
}

int parse_breakpoint(const uint8_t *bytes, size_t n, Error *e)
{
    Breakpoints b = {0};
    ExpressionError wrong;
    char *text = text_of(bytes, n);
    Pass *p = pass_number(0);
    int status = breakpoints_add(&b, 1, text, p, &wrong);
    for (size_t i = 0; status == 0 && i < 2 * pass_plan(p)->count; i++) {
        ExpressionError at_stage;
        ExpressionContext c = {.pass = p, .here = (int)(i / 2), .backward = i % 2, .targets = targets, .target_count = TARGETS};
        const Breakpoint *hit = breakpoints_hit(&b, &c, &at_stage);
        must(hit == NULL || hit->number == 1, "another stops");
    }
    must(status == 0 || wrong.at <= n, "the error is about a place outside");
    breakpoints_free(&b);
    free(text);
    return status == 0 ? 0 : error_set(e, "input: %s", wrong.error.text);
}

int parse_edits(const uint8_t *bytes, size_t n, Error *e)
{
    Edits edits = {0}, none = {0};
    Error wrong = {{0}};
    double loss;
    Pass *p = pass_number(0);
    int status = edits_read(&edits, (const char *)bytes, n, &wrong);
    if (status == 0)
        status =
            edits.count > 64 ? error_set(&wrong, "expected at most 64 edits, found %zu", edits.count) : pass_set_edits(p, &edits, &wrong);
    if (status == 0) {
        pass_run(p);
        pass_backward(p, targets, TARGETS, &loss, NULL);
        must(pass_set_edits(p, &none, &wrong) == 0, "edits cannot be taken back");
    }
    edits_free(&edits);
    return status == 0 ? 0 : error_set(e, "input: %s", wrong.text);
}
