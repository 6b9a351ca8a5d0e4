/* test_golden.c - forward and backward against numbers computed elsewhere, for every folder in tests/golden; and that a
 * model, an input or a file that is a little wrong is found out. Runs from the top folder. */
#include "measure/verify.h"

#include "measure_help.h"
#include "model/model.h"
#include "model/safetensors.h"
#include "model_help.h"

#include <dirent.h>
#include <math.h>

#define GOLDEN "tests/golden/"

/* ---- every case ---- */

static int check_case(const char *name)
{
    char folder[320];
    VerifyCase v;
    Error e = {{0}};
    snprintf(folder, sizeof folder, GOLDEN "%s", name);
    if (!file_is_folder(folder))
        return 0;
    cr_assert_eq(verify_case(folder, &v, &e), 0, "%s", e.text);
    cr_assert(v.trace.present && v.weight_grads.present && v.stage_grads.present && v.loss_known, "%s", name);
    cr_expect(v.trace.error <= v.trace.tolerance, "%s: trace %s: error %.2g, tolerance %.2g", name, v.trace.worst, v.trace.error,
              v.trace.tolerance);
    cr_expect(v.weight_grads.error <= v.weight_grads.tolerance, "%s: gradient of %s: error %.2g, tolerance %.2g", name,
              v.weight_grads.worst, v.weight_grads.error, v.weight_grads.tolerance);
    cr_expect(v.stage_grads.error <= v.stage_grads.tolerance, "%s: gradient of %s: error %.2g, tolerance %.2g", name, v.stage_grads.worst,
              v.stage_grads.error, v.stage_grads.tolerance);
    cr_expect(v.trace.tensors > 0 && v.weight_grads.tensors > 0 && v.stage_grads.tensors == v.trace.tensors, "%s", name);
    cr_expect(v.passed, "%s: loss %.9g, expected %.9g", name, v.loss, v.expected_loss);
    return 1;
}

Test(golden, every_case_agrees)
{
    DIR *dir = opendir(GOLDEN);
    int cases = 0;
    cr_assert(dir);
    for (struct dirent *d; (d = readdir(dir));)
        if (d->d_name[0] != '.')
            cases += check_case(d->d_name);
    closedir(dir);
    cr_assert_geq(cases, 27);
}

/* ---- what must be found out ---- */

static const char *const case_files[] = {"config.json",       "case.json",         "model.safetensors",
                                         "trace.safetensors", "grads.safetensors", "stage_grads.safetensors"};

/* Copies a case into a new folder; `edit` (or NULL) may change a file's bytes. */
static void copy_case(const char *name, char folder[64], const char *changed, void (*edit)(Buffer *bytes))
{
    help_folder(folder);
    for (size_t i = 0; i < sizeof case_files / sizeof *case_files; i++) {
        char path[256];
        File f;
        Error e = {{0}};
        Buffer bytes = {0};
        snprintf(path, sizeof path, GOLDEN "%s/%s", name, case_files[i]);
        cr_assert_eq(file_open(&f, path, &e), 0, "%s", e.text);
        buffer_add(&bytes, f.data, f.size);
        file_close(&f);
        if (changed && strcmp(changed, case_files[i]) == 0)
            edit(&bytes);
        help_write(folder, case_files[i], bytes.data, bytes.len);
        buffer_free(&bytes);
    }
}

/* Replaces the first `from` in the bytes by `to`. */
static void replace(Buffer *bytes, const char *from, const char *to)
{
    Buffer out = {0};
    const char *at = strstr(buffer_text(bytes), from);
    cr_assert(at, "%s", from);
    buffer_add(&out, bytes->data, (size_t)(at - bytes->data));
    buffer_puts(&out, to);
    buffer_puts(&out, at + strlen(from));
    buffer_free(bytes);
    *bytes = out;
}

/* Verifies a case that was changed, and says whether it was found out. */
static bool is_caught(const char *folder, VerifyCase *v)
{
    Error e = {{0}};
    cr_assert_eq(verify_case(folder, v, &e), 0, "%s", e.text);
    return !v->passed;
}

/* Writes the weights of m, entry `at` of weight i off by a thousandth of the weight's largest entry. */
static void write_perturbed(const char *folder, Model *m, size_t i, size_t at)
{
    enum { MOST = 128 };
    SafeOut out[MOST];
    const Weights *w = &m->weights;
    real *values = weights_values(&m->weights, i), largest = 0, before = values[at];
    char path[128];
    Error e = {{0}};
    cr_assert_leq(w->count, MOST);
    for (size_t k = 0; k < w->items[i].count; k++)
        largest = fabs((double)values[k]) > (double)largest ? (real)fabs((double)values[k]) : largest;
    values[at] += largest / 1000;
    for (size_t k = 0; k < w->count; k++)
        out[k] = (SafeOut){.name = w->items[k].name, .rank = w->items[k].rank, .shape = w->items[k].shape, .values = w->items[k].values};
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    cr_assert_eq(safetensors_write(path, out, w->count, &e), 0, "%s", e.text);
    values[at] = before;
}

/* One entry of each weight in turn, a thousandth off: of the rows of W_E and W_P, the first that is read. */
static void check_perturbed(const char *name, int token)
{
    char folder[64];
    VerifyCase v;
    Error e = {{0}};
    copy_case(name, folder, NULL, NULL);
    Model *m = model_open(folder, NULL, &e);
    cr_assert(m, "%s", e.text);
    cr_assert_eq(weights_own(&m->weights, &e), 0, "%s", e.text);
    for (size_t i = 0; i < m->weights.count; i++) {
        const Weight *w = &m->weights.items[i];
        size_t at = w->count / 2;
        if (strstr(w->name, ".W_E"))
            at = (size_t)token * w->shape[1] + 1;
        else if (strstr(w->name, ".W_P"))
            at = w->shape[1] + 1;
        write_perturbed(folder, m, i, at);
        cr_expect(is_caught(folder, &v) && v.trace.error > v.trace.tolerance, "%s: %s[%zu] a thousandth off goes unnoticed: error %.2g",
                  name, w->name, at, v.trace.error);
    }
    model_free(m);
    help_remove(folder);
}

Test(golden, a_perturbed_weight_is_caught)
{
    check_perturbed("gpt-pre-learned", 16);
    check_perturbed("llama-rope-gqa-gated", 16);
    check_perturbed("bert-post-learned", 1);
}

static void other_ablation(Buffer *bytes)
{
    replace(bytes, "\"no-norm\"", "\"no-residual\"");
}

static void other_target(Buffer *bytes)
{
    replace(bytes, "\"targets\": [\n  19", "\"targets\": [\n  18");
}

static void other_loss(Buffer *bytes)
{
    replace(bytes, "\"loss\": 3.109", "\"loss\": 3.110");
}

static void other_order(Buffer *bytes)
{
    replace(bytes, "\"decoder.0.self.q\",\n  \"decoder.0.self.k\"", "\"decoder.0.self.k\",\n  \"decoder.0.self.q\"");
}

/* A stage renamed: ours is missing, and theirs is one that we do not have. The names are JSON, behind a length of 8 bytes. */
static void other_name(Buffer *bytes)
{
    char *at = strstr(bytes->data + 8, "decoder.0.self.out");
    cr_assert(at);
    memcpy(at, "decoder.0.self.our", strlen("decoder.0.self.our"));
}

/* A tensor more than the pass has. */
static void write_more(const char *folder)
{
    enum { MOST = 128 };
    static const size_t one = 1;
    static const real zero = 0;
    SafeTensors s;
    SafeOut out[MOST];
    char path[128];
    Error e = {{0}};
    cr_assert_eq(safetensors_open(&s, GOLDEN "gpt+no-norm/trace.safetensors", &e), 0, "%s", e.text);
    cr_assert_lt(s.count, MOST);
    for (size_t i = 0; i < s.count; i++) {
        const SafeTensor *t = &s.items[i];
        out[i] = (SafeOut){.name = t->name, .rank = t->rank, .shape = t->shape, .values = safetensors_matrix(t)};
    }
    out[s.count] = (SafeOut){.name = "decoder.0.self.more", .rank = 1, .shape = &one, .data = &zero};
    snprintf(path, sizeof path, "%s/trace.safetensors", folder);
    cr_assert_eq(safetensors_write(path, out, s.count + 1, &e), 0, "%s", e.text);
    safetensors_close(&s);
}

Test(golden, a_tensor_too_many_is_caught)
{
    char folder[64];
    VerifyCase v;
    copy_case("gpt+no-norm", folder, NULL, NULL);
    cr_assert(!is_caught(folder, &v));
    write_more(folder);
    cr_assert(is_caught(folder, &v));
    cr_assert_str_eq(v.trace.worst, "decoder.0.self.more");
    help_remove(folder);
}

/* A visible score of the stored trace becomes -inf: nothing else differs, and there is no difference to measure. */
static void other_infinity(Buffer *bytes)
{
    static const unsigned char minus_infinity[] = {0, 0, 0x80, 0xff}; /* little-endian float32 */
    SafeTensors s;
    Error e = {{0}};
    cr_assert_eq(safetensors_open(&s, GOLDEN "gpt+no-norm/trace.safetensors", &e), 0, "%s", e.text);
    const SafeTensor *masked = safetensors_find(&s, "decoder.0.self.masked");
    cr_assert(masked && masked->dtype == DTYPE_F32 && isfinite(safetensors_value(masked, 0)));
    memcpy(bytes->data + (masked->bytes - s.file.data), minus_infinity, sizeof minus_infinity);
    safetensors_close(&s);
}

static void check_changed(const char *name, const char *file, void (*edit)(Buffer *bytes), VerifyCase *v)
{
    char folder[64];
    copy_case(name, folder, file, edit);
    cr_assert(is_caught(folder, v), "%s: a changed %s goes unnoticed", name, file);
    help_remove(folder);
}

Test(golden, a_case_that_is_not_this_one_is_caught)
{
    VerifyCase v;
    check_changed("gpt+no-norm", "case.json", other_ablation, &v);
    cr_assert_gt(v.trace.error, v.trace.tolerance);
    check_changed("gpt+no-norm", "case.json", other_target, &v);
    cr_assert_leq(v.trace.error, v.trace.tolerance);
    cr_assert_gt(v.weight_grads.error, v.weight_grads.tolerance);
    cr_assert_gt(v.stage_grads.error, v.stage_grads.tolerance);
    check_changed("gpt+no-norm", "case.json", other_loss, &v);
    check_changed("gpt+no-norm", "case.json", other_order, &v);
    cr_assert_eq(v.trace.error, INFINITY);
    check_changed("gpt+no-norm", "trace.safetensors", other_name, &v);
    cr_assert_eq(v.trace.error, INFINITY);
    cr_assert_str_eq(v.trace.worst, "decoder.0.self.out");
    check_changed("gpt+no-norm", "trace.safetensors", other_infinity, &v);
    cr_assert_eq(v.trace.error, INFINITY);
    cr_assert_str_eq(v.trace.worst, "decoder.0.self.masked");
}

/* ---- what cannot be read ---- */

static void bad_id(Buffer *bytes)
{
    replace(bytes, "\"target\": [\n  16", "\"target\": [\n  99");
}

static void bad_count(Buffer *bytes)
{
    replace(bytes, "\"targets\": [\n  19,", "\"targets\": [\n ");
}

static void bad_ablation(Buffer *bytes)
{
    replace(bytes, "\"no-norm\"", "\"no-such\"");
}

static void bad_json(Buffer *bytes)
{
    bytes->len = 40;
}

static void bad_tolerance(Buffer *bytes)
{
    replace(bytes, "\"trace\": 1e-05", "\"trace\": null");
}

static void check_unreadable(void (*edit)(Buffer *bytes), const char *part)
{
    char folder[64];
    VerifyCase v;
    Error e = {{0}};
    copy_case("gpt+no-norm", folder, "case.json", edit);
    cr_assert_eq(verify_case(folder, &v, &e), -1);
    assert_says(e, part);
    assert_says(e, "case.json");
    help_remove(folder);
}

Test(golden, a_case_that_contradicts_its_model_is_an_error)
{
    check_unreadable(bad_id, "expected an id from 0 to 22");
    check_unreadable(bad_count, "expected 7 ids, one for each position of the output, found 6");
    check_unreadable(bad_ablation, "found 'no-such'");
    check_unreadable(bad_json, "expected JSON");
    check_unreadable(bad_tolerance, "tolerance: trace: expected a number above 0");
}

Test(golden, a_folder_without_a_case_is_an_error)
{
    VerifyCase v;
    Error e = {{0}};
    cr_assert_eq(verify_case("tiny-models/hand-wired", &v, &e), -1);
    assert_says(e, "case.json");
}
