/* explain_help.h - what the tests of lens, attribution, belt, reach, head classes and tracing share: every config with every ablation. */
#ifndef TESTS_EXPLAIN_HELP_H
#define TESTS_EXPLAIN_HELP_H

#include "measure_help.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rounding of a pass in float, relative to the size of what is summed. */
#define TOLERANCE (REAL_IS_DOUBLE ? 1e-10 : 1e-5)

static const char *current __attribute__((unused)); /* the config and ablation a helper works on, for messages */

static inline void check_close(double found, double expected, double size, const char *what)
{
    cr_assert(fabs(found - expected) <= TOLERANCE * fmax(1, size), "%s: %s: found %.9g, expected %.9g", current, what, found, expected);
}

/* Runs a check on every config with every ablation. */
static inline void on_everything(void (*check)(Pass *p))
{
    static char name[512];
    for (size_t i = 0; i < HELP_CONFIGS; i++) {
        Model *m = help_model(help_configs[i]);
        for (size_t k = 0; k < HELP_ABLATIONS; k++) {
            snprintf(name, sizeof name, "%s [%s]", help_configs[i], help_ablations[k]);
            current = name;
            Pass *p = help_pass(m, help_ablation(help_ablations[k]));
            check(p);
            pass_free(p);
        }
        model_free(m);
    }
}

static inline size_t output_rows(const Pass *p)
{
    size_t n;
    pass_ids(p, config_last_stack(pass_plan(p)->config), &n);
    return n;
}

static inline Pass *twin_of(const Pass *p)
{
    Error e = {{0}};
    PassInput in;
    in.source = pass_ids(p, STACK_ENCODER, &in.source_len);
    in.target = pass_ids(p, STACK_DECODER, &in.target_len);
    Pass *q = pass_create(pass_model(p), in, pass_plan(p)->ablations, &e);
    cr_assert(q, "%s", e.text);
    return q;
}

#endif
