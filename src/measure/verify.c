/* verify.c - runs a stored case and compares every tensor.
 *
 * Knows the files of a case; what each tensor must be is the pass's to compute. */
#include "measure/verify.h"

#include "measure/difference.h"
#include "model/found.h"
#include "pass/ablation.h"
#include "pass/pass.h"

#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What case.json says. */
typedef struct Case {
    Ids source, target, targets;
    Ablations ablations;
    json_t *json, *stages; /* stages: the array of names in json, or NULL */
    double trace_tolerance, grad_tolerance, loss;
    bool has_loss;
} Case;

static void case_free(Case *c)
{
    ids_free(&c->source);
    ids_free(&c->target);
    ids_free(&c->targets);
    json_decref(c->json);
}

/* ---- case.json ---- */

static int read_list(const json_t *json, const char *key, Ids *ids, const char *file, Error *e)
{
    const json_t *list = json_object_get(json, key);
    if (!list || json_is_null(list))
        return 0;
    if (!json_is_array(list))
        return error_set(e, "%s: %s: expected a list of ids or null, found something else", file, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        json_int_t id = json_integer_value(item);
        if (!json_is_integer(item) || id < -1 || id > INT_MAX)
            return error_set(e, "%s: %s: entry %zu: expected an id, found something else", file, key, i);
        if (ids_add(ids, (int)id, e) != 0)
            return -1;
    }
    return 0;
}

static int read_ablations(Case *c, const char *file, Error *e)
{
    const json_t *list = json_object_get(c->json, "ablations");
    if (list && !json_is_array(list))
        return error_set(e, "%s: ablations: expected a list of names, found something else", file);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        Ablations one = 0;
        if (!name)
            return error_set(e, "%s: ablations: entry %zu: expected a name, found something else", file, i);
        if (ablations_parse(&one, name, e) != 0)
            return error_prefix(e, "%s", file);
        c->ablations |= one;
    }
    return 0;
}

static int read_tolerance(const Case *c, const char *key, double *out, const char *file, Error *e)
{
    const json_t *tolerance = json_object_get(json_object_get(c->json, "tolerance"), key);
    if (!json_is_number(tolerance) || !(json_number_value(tolerance) > 0))
        return error_set(e, "%s: tolerance: %s: expected a number above 0, found none", file, key);
    *out = REAL_IS_DOUBLE ? 1e-6 : json_number_value(tolerance);
    return 0;
}

static int case_parse(Case *c, const File *f, const char *file, Error *e)
{
    c->json = found_json(f->data, f->size, JSON_REJECT_DUPLICATES, file, e);
    if (!c->json)
        return -1;
    if (!json_is_object(c->json))
        return error_set(e, "%s: expected an object, found something else", file);
    if (read_list(c->json, "source", &c->source, file, e) != 0 || read_list(c->json, "target", &c->target, file, e) != 0 ||
        read_list(c->json, "targets", &c->targets, file, e) != 0 || read_ablations(c, file, e) != 0 ||
        read_tolerance(c, "trace", &c->trace_tolerance, file, e) != 0 || read_tolerance(c, "grad", &c->grad_tolerance, file, e) != 0)
        return -1;
    c->stages = json_object_get(c->json, "stages");
    if (c->stages && !json_is_array(c->stages))
        return error_set(e, "%s: stages: expected a list of names, found something else", file);
    const json_t *loss = json_object_get(c->json, "loss");
    if (loss && !json_is_number(loss) && !json_is_null(loss))
        return error_set(e, "%s: loss: expected a number, found something else", file);
    c->has_loss = json_is_number(loss);
    c->loss = json_number_value(json_object_get(c->json, "loss"));
    return 0;
}

static int case_read(Case *c, const char *folder, Error *e)
{
    char *path = file_join(folder, "case.json");
    File f;
    int status = -1;
    if (!path)
        return error_memory(e, folder);
    if (file_open(&f, path, e) == 0) {
        status = case_parse(c, &f, path, e);
        file_close(&f);
    }
    free(path);
    return status;
}

/* ---- comparing ---- */

/* A tensor of ours. */
typedef struct Tensor {
    const real *data;
    int rank;
    const size_t *shape;
} Tensor;

/* Tensor i of a kind of tensors of a pass; its name is written into name. */
typedef Tensor (*TensorAt)(Pass *p, size_t i, char name[VERIFY_NAME_MAX]);

static Tensor stage_tensor(Pass *p, size_t i, char name[VERIFY_NAME_MAX], const real *data)
{
    const Stage *s = &pass_plan(p)->stages[i];
    stage_name(s, name);
    return (Tensor){data, s->rank, s->shape};
}

static Tensor stage_value(Pass *p, size_t i, char name[VERIFY_NAME_MAX])
{
    return stage_tensor(p, i, name, pass_value(p, i));
}

static Tensor stage_gradient(Pass *p, size_t i, char name[VERIFY_NAME_MAX])
{
    return stage_tensor(p, i, name, pass_gradient(p, i));
}

static Tensor weight_gradient(Pass *p, size_t i, char name[VERIFY_NAME_MAX])
{
    const Weight *w = &pass_model(p)->weights.items[i];
    snprintf(name, VERIFY_NAME_MAX, "%s", w->name);
    return (Tensor){pass_weight_gradient(p, i), w->rank, w->shape};
}

/* The error of one tensor: infinite where the shapes, or the places of what is not finite, differ. */
static double tensor_error(Tensor ours, const SafeTensor *theirs, double least)
{
    bool same = ours.rank == theirs->rank;
    for (int k = 0; same && k < ours.rank; k++)
        same = ours.shape[k] == theirs->shape[k];
    return same ? difference_of(ours.data, theirs, NULL, least, -INFINITY).error : INFINITY;
}

static void part_note(VerifyPart *part, double error, const char *name)
{
    if (error > part->tolerance && !part->first[0])
        snprintf(part->first, sizeof part->first, "%s", name);
    if (part->worst[0] && error <= part->error)
        return;
    part->error = error;
    snprintf(part->worst, sizeof part->worst, "%s", name);
}

/* Compares all `count` tensors of ours with a file, where it is there: each must be in it, and it may hold no others. */
static int compare_file(VerifyPart *part, Pass *p, const char *folder, const char *file, size_t count, TensorAt at, double tolerance,
                        Error *e)
{
    char *path = file_join(folder, file), name[VERIFY_NAME_MAX];
    SafeTensors theirs;
    if (!path)
        return error_memory(e, file);
    if (!file_exists(path)) {
        free(path);
        return 0;
    }
    int status = safetensors_open(&theirs, path, e);
    free(path);
    if (status != 0)
        return -1;
    double largest = 0;
    for (size_t i = 0; i < theirs.count; i++)
        largest = fmax(largest, difference_largest(&theirs.items[i], -INFINITY));

    *part = (VerifyPart){.present = true, .tolerance = tolerance};
    for (size_t i = 0; i < count; i++) {
        Tensor ours = at(p, i, name);
        const SafeTensor *t = safetensors_find(&theirs, name);
        part_note(part, t ? tensor_error(ours, t, 1e-3 * largest) : INFINITY, name);
        part->tensors++;
    }
    for (size_t i = 0; i < theirs.count && theirs.count > count; i++) { /* one that is not ours */
        size_t k = 0;
        while (k < count && (at(p, k, name), strcmp(name, theirs.items[i].name) != 0))
            k++;
        if (k == count)
            part_note(part, INFINITY, theirs.items[i].name);
    }
    safetensors_close(&theirs);
    return 0;
}

/* The stages' names in their order, where the case lists them. */
static void compare_order(VerifyPart *part, const Plan *plan, const json_t *stages)
{
    size_t n = json_array_size(stages), most = n > plan->count ? n : plan->count;
    char ours[STAGE_NAME_MAX];
    for (size_t i = 0; stages && i < most; i++) {
        const char *theirs = json_string_value(json_array_get(stages, i));
        if (i < plan->count)
            stage_name(&plan->stages[i], ours);
        if (i >= plan->count || !theirs || strcmp(ours, theirs) != 0) {
            part_note(part, INFINITY, i < plan->count ? ours : theirs ? theirs : "?");
            return;
        }
    }
}

static bool part_passed(const VerifyPart *part)
{
    return !part->present || part->error <= part->tolerance;
}

/* ---- a case ---- */

static int compare_gradients(VerifyCase *out, const Case *c, Pass *p, const char *folder, Error *e)
{
    if (pass_backward(p, c->targets.data, c->targets.len, &out->loss, e) != 0)
        return error_prefix(e, "%s/case.json", folder);
    out->loss_known = true;
    out->expected_loss = c->has_loss ? c->loss : out->loss;
    if (compare_file(&out->weight_grads, p, folder, "grads.safetensors", pass_model(p)->weights.count, weight_gradient, c->grad_tolerance,
                     e) != 0)
        return -1;
    return compare_file(&out->stage_grads, p, folder, "stage_grads.safetensors", pass_plan(p)->count, stage_gradient, c->grad_tolerance, e);
}

static bool has_file(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool found = path && file_exists(path);
    free(path);
    return found;
}

static int run_case(VerifyCase *out, const Case *c, const Model *m, const Bug *bug, const char *folder, Error *e)
{
    PassInput input = {c->source.data, c->target.data, c->source.len, c->target.len};
    Pass *p = pass_create(m, input, c->ablations, e);
    if (!p)
        return error_prefix(e, "%s/case.json", folder);
    int status = bug ? bug_put(bug, p, e) : 0;
    if (bug && bug_applies(bug, p))
        stage_name(&pass_plan(p)->stages[bug_first_stage(bug, p)], out->bug_stage);
    if (status == 0)
        status = compare_file(&out->trace, p, folder, "trace.safetensors", pass_plan(p)->count, stage_value, c->trace_tolerance, e);
    if (status == 0 && !out->trace.present)
        status = error_set(e, "%s: trace.safetensors: expected a file to compare with, found none", folder);
    if (status == 0)
        compare_order(&out->trace, pass_plan(p), c->stages);
    if (status == 0 && c->targets.len)
        status = compare_gradients(out, c, p, folder, e);
    else if (status == 0 && (has_file(folder, "grads.safetensors") || has_file(folder, "stage_grads.safetensors")))
        status = error_set(e, "%s/case.json: targets: expected the ids that the gradients in this folder are of, found none", folder);
    pass_free(p);
    double loss_error = fabs(out->loss - out->expected_loss) / fmax(fabs(out->expected_loss), 1e-3);
    out->passed = status == 0 && part_passed(&out->trace) && part_passed(&out->weight_grads) && part_passed(&out->stage_grads) &&
                  loss_error <= out->trace.tolerance;
    return status;
}

int verify_with_bug(const char *folder, const Bug *bug, VerifyCase *out, Error *e)
{
    Case c = {0};
    *out = (VerifyCase){0};
    int status = case_read(&c, folder, e);
    if (status == 0) {
        Model *m = model_open(folder, NULL, e);
        status = m ? run_case(out, &c, m, bug, folder, e) : -1;
        model_free(m);
    }
    case_free(&c);
    return status;
}

int verify_case(const char *folder, VerifyCase *out, Error *e)
{
    return verify_with_bug(folder, NULL, out, e);
}
