/* hf_help.h - what the tests of other programs' models share: their expected stages. */
#ifndef TESTS_HF_HELP_H
#define TESTS_HF_HELP_H

#include "model/safetensors.h"
#include "model_help.h"
#include "pass/hook.h"
#include "pass/pass.h"

#include <jansson.h>
#include <math.h>

static inline Model *help_open(const char *path)
{
    Error e = {{0}};
    Model *m = model_open(path, NULL, &e);
    cr_assert(m, "%s: %s", path, e.text);
    return m;
}

static inline json_t *help_load(const char *path)
{
    json_t *root = json_load_file(path, 0, NULL);
    cr_assert(root, "%s", path);
    return root;
}

/* The ids of a list in JSON. */
static inline Ids help_ids_of(const json_t *list)
{
    Ids ids = {0};
    Error e;
    for (size_t i = 0; i < json_array_size(list); i++)
        cr_assert_eq(ids_add(&ids, (int)json_integer_value(json_array_get(list, i)), &e), 0);
    return ids;
}

/* The ids of a folder's expected.json. */
static inline Ids help_read_ids(const char *folder)
{
    char path[256];
    snprintf(path, sizeof path, "%s/expected.json", folder);
    json_t *root = help_load(path);
    Ids ids = help_ids_of(json_object_get(root, "tokens"));
    cr_assert(ids.len > 0, "%s", path);
    json_decref(root);
    return ids;
}

/* Every tensor of a file of expected values: logits, attention and hidden states. A tensor's error is max|ours - theirs| / max|theirs|. */
static inline void help_check_stages(const Model *m, const Ids *ids, const char *file, double tolerance)
{
    Error e = {{0}};
    SafeTensors expected;
    bool encoder = m->config.kind == KIND_ENCODER;
    Pass *p = pass_create(m, encoder ? (PassInput){ids->data, NULL, ids->len, 0} : (PassInput){NULL, ids->data, 0, ids->len}, 0, &e);
    cr_assert(p, "%s", e.text);
    cr_assert_eq(safetensors_open(&expected, file, &e), 0, "%s", e.text);
    cr_assert_eq(expected.count, 2 * config_layers(&m->config, config_last_stack(&m->config)) + 2,
                 "logits, attentions, and hidden states before each layer and at the end");
    for (size_t i = 0; i < expected.count; i++) {
        const SafeTensor *t = &expected.items[i];
        int stage = hook_find_output(pass_plan(p), t->name);
        cr_assert_geq(stage, 0, "%s", t->name);
        const Stage *s = &pass_plan(p)->stages[stage];
        cr_assert_eq(t->rank, s->rank);
        cr_assert_eq(t->count, s->count, "%s: %s", file, t->name);
        const real *ours = pass_value(p, (size_t)stage);
        double apart = 0, largest = 0;
        for (size_t k = 0; k < t->count; k++) {
            apart = fmax(apart, fabs((double)ours[k] - safetensors_value(t, k)));
            largest = fmax(largest, fabs(safetensors_value(t, k)));
        }
        cr_expect(apart <= tolerance * largest, "%s: %s: %s: error %.2g", m->name, file, t->name, apart / largest);
    }
    safetensors_close(&expected);
    pass_free(p);
}

#endif
