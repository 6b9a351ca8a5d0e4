/* test_trace.c - what `trace` and `grad` write reads back as the numbers of the pass. */
#include "base/random.h"
#include "model/safetensors.h"
#include "model_help.h"
#include "measure/trace.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static Model *open_random(const char *name)
{
    Error e = {{0}};
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    return m;
}

static Pass *run(const Model *m, Ablations a)
{
    const int source[] = {3, 1, 4}, target[] = {1, 5};
    Error e = {{0}};
    PassInput in = {source, target, 3, 2};
    if (!config_has_stack(&m->config, STACK_ENCODER))
        in.source_len = 0;
    if (!config_has_stack(&m->config, STACK_DECODER))
        in.target_len = 0;
    Pass *p = pass_create(m, in, a, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

static bool add(void *context, const char *bytes, size_t n)
{
    buffer_add(context, bytes, n);
    return true;
}

static char *write_trace(const Trace *t, TraceFormat format)
{
    Buffer out = {0};
    Error e = {{0}};
    cr_assert_eq(trace_write(t, format, add, &out, &e), 0, "%s", e.text);
    cr_assert_eq(strlen(buffer_text(&out)), out.len);
    return out.data;
}

static real read_back(const char *text)
{
    char *end;
    real x = REAL_IS_DOUBLE ? (real)strtod(text, &end) : (real)strtof(text, &end);
    cr_assert(*end == '\0', "%s", text);
    return x;
}

/* Significant digits: not the zeros in front, nor the ".0" that marks a whole number. */
static int digits_of(const char *text)
{
    int n = 0;
    for (const char *p = text + strspn(text, "-0."); *p && *p != 'e' && strcmp(p, ".0") != 0; p++)
        n += *p != '.';
    return n;
}

Test(trace, a_number_reads_back_and_is_the_shortest_that_does)
{
    Random r = random_seeded(1);
    char text[TRACE_NUMBER_MAX], shorter[400];
    int checked = 0;
    for (int i = 0; i < 20000; i++) {
        real x;
        uint64_t bits = random_bits(&r);
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        if (i % 2)
            x = (real)random_normal(&r);
        int n = trace_number(text, x);
        cr_assert((size_t)n == strlen(text) && n < TRACE_NUMBER_MAX);
        real back = read_back(text);
        cr_assert(memcmp(&back, &x, sizeof x) == 0, "%s", text);
        cr_assert(strpbrk(text, ".e"), "%s", text);
        if (digits_of(text) > (REAL_IS_DOUBLE ? 15 : 6)) {
            snprintf(shorter, sizeof shorter, "%.*g", digits_of(text) - 1, (double)x);
            cr_assert_neq(read_back(shorter), x, "%s is as good as %s", shorter, text);
            checked++;
        }
    }
    cr_assert_gt(checked, 10000);
}

Test(trace, numbers_as_text)
{
    const struct {
        double x;
        const char *exact, *rounded;
    } cases[] = {
        {0, "0.0", "0.0"},
        {-0.0, "-0.0", "-0.0"},
        {1, "1.0", "1.0"},
        {-3, "-3.0", "-3.0"},
        {0.5, "0.5", "0.5"},
        {100000, "100000.0", "100000.0"},
        {1234567, "1234567.0", "1.23457e+06"},
        {INFINITY, "inf", "inf"},
        {-INFINITY, "-inf", "-inf"},
        {NAN, "nan", "nan"},
        {1e30, "1e+30", "1.0e+30"},
    };
    char text[TRACE_NUMBER_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        trace_number(text, (real)cases[i].x);
        cr_assert_str_eq(text, cases[i].exact);
        trace_number_short(text, (real)cases[i].x);
        cr_assert_str_eq(text, cases[i].rounded);
    }
    trace_number(text, (real)0.1);
    cr_assert_str_eq(text, "0.1");
}

static void assert_json_value(const json_t *value, const TraceItem *item, int axis, const real **x)
{
    cr_assert_eq(json_array_size(value), item->shape[axis], "%s", item->name);
    for (size_t i = 0; i < item->shape[axis]; i++) {
        const json_t *entry = json_array_get(value, i);
        if (axis + 1 < item->rank)
            assert_json_value(entry, item, axis + 1, x);
        else {
            const char *text = json_string_value(entry);
            cr_assert(text || json_is_real(entry), "%s", item->name);
            cr_assert_eq(text ? read_back(text) : (real)json_real_value(entry), **x, "%s", item->name);
            cr_assert(!text || strcmp(text, "-inf") == 0, "%s: %s", item->name, text);
            ++*x;
        }
    }
}

static void assert_json(const Trace *t, const char *key)
{
    char *text = write_trace(t, TRACE_JSON);
    json_error_t where;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &where);
    cr_assert(root, "line %d: %s", where.line, where.text);
    json_t *list = json_object_get(root, key);
    cr_assert_eq(json_array_size(list), t->count);
    for (size_t i = 0; i < t->count; i++) {
        const json_t *entry = json_array_get(list, i);
        const real *x = t->items[i].data;
        cr_assert_str_eq(json_string_value(json_object_get(entry, "name")), t->items[i].name);
        cr_assert_eq(json_array_size(json_object_get(entry, "shape")), (size_t)t->items[i].rank);
        if (t->items[i].stage)
            cr_assert_str_eq(json_string_value(json_array_get(json_object_get(entry, "axes"), 0)), axis_name(t->items[i].stage->axes[0]));
        assert_json_value(json_object_get(entry, "value"), &t->items[i], 0, &x);
    }
    if (t->gradients)
        cr_assert_eq(json_real_value(json_object_get(root, "loss")), t->loss);
    else
        cr_assert_eq(json_array_size(json_object_get(root, "source")), 3);
    cr_assert_eq(json_array_size(json_object_get(root, "ablations")), 1);
    json_decref(root);
    free(text);
}

static void assert_csv(const Trace *t)
{
    char *text = write_trace(t, TRACE_CSV), *save = NULL;
    const char *line = strtok_r(text, "\n", &save);
    cr_assert_str_eq(line, "stage,head,row,column,value,row_name,column_name");
    for (size_t i = 0; i < t->count; i++) {
        const TraceItem *item = &t->items[i];
        size_t cols = item->shape[item->rank - 1], rows = item->rank > 1 ? item->shape[item->rank - 2] : 1;
        size_t heads = item->rank > 2 ? item->shape[0] : 1;
        for (size_t k = 0; k < heads * rows * cols; k++) {
            char head[24] = "", expected[160];
            if (item->rank > 2)
                snprintf(head, sizeof head, "%zu", k / (rows * cols));
            snprintf(expected, sizeof expected, "%s,%s,%zu,%zu,", item->name, head, k / cols % rows, k % cols);
            line = strtok_r(NULL, "\n", &save);
            cr_assert(line && strncmp(line, expected, strlen(expected)) == 0, "expected %s, found %s", expected, line);
            char number[64];
            snprintf(number, sizeof number, "%.*s", (int)strcspn(line + strlen(expected), ","), line + strlen(expected));
            cr_assert_eq(read_back(number), item->data[k], "%s", line);
        }
    }
    cr_assert_null(strtok_r(NULL, "\n", &save));
    free(text);
}

/* The numbers of the text format, with its blocks' names in order. */
static void assert_text(const Trace *t)
{
    char *text = write_trace(t, TRACE_TEXT), *at = text;
    for (size_t i = 0; i < t->count; i++) {
        const TraceItem *item = &t->items[i];
        char head[128];
        snprintf(head, sizeof head, "# %s  [", item->name);
        cr_assert(strncmp(at, head, strlen(head)) == 0, "expected %s, found %.40s", head, at);
        size_t count = 1;
        for (int k = 0; k < item->rank; k++)
            count *= item->shape[k];
        for (size_t k = 0; k < count; k++) {
            while (*at == '#' || *at == '\n')
                at += *at == '#' ? strcspn(at, "\n") : 1;
            double x = strtod(at, &at), y = (double)item->data[k];
            cr_assert(x == y || fabs(x - y) <= 5.1e-6 * fabs(y), "%s: number %zu: %g, %g", item->name, k, x, y);
        }
        at += strspn(at, "\n");
    }
    cr_assert_eq(*at, '\0');
    free(text);
}

static void assert_safetensors(const Trace *t)
{
    char folder[64], path[96];
    SafeTensors s;
    Error e = {{0}};
    snprintf(path, sizeof path, "%s/trace.safetensors", help_folder(folder));
    cr_assert_eq(trace_save(t, path, &e), 0, "%s", e.text);
    cr_assert_eq(safetensors_open(&s, path, &e), 0, "%s", e.text);
    cr_assert_eq(s.count, t->count);
    for (size_t i = 0; i < t->count; i++) {
        const SafeTensor *x = safetensors_find(&s, t->items[i].name);
        cr_assert(x && x->rank == t->items[i].rank, "%s", t->items[i].name);
        for (size_t k = 0; k < x->count; k++)
            cr_assert_eq((real)safetensors_value(x, k), t->items[i].data[k]);
    }
    safetensors_close(&s);
    help_remove(folder);
}

Test(trace, values_read_back_in_every_format)
{
    Model *m = open_random("random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1,n_heads=4,n_kv_heads=2,position=rope");
    Pass *p = run(m, NO_SCALE);
    Trace t;
    Error e = {{0}};
    cr_assert_eq(trace_values(&t, p, NULL, &e), 0);
    cr_assert_eq(t.count, pass_plan(p)->count);
    assert_json(&t, "stages");
    assert_csv(&t);
    assert_text(&t);
    assert_safetensors(&t);
    trace_free(&t);
    pass_free(p);
    model_free(m);
}

Test(trace, gradients_read_back_in_every_format)
{
    Model *m = open_random("random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1,position=learned");
    Pass *p = run(m, NO_RESIDUAL);
    Trace t;
    Error e = {{0}};
    double loss;
    cr_assert_eq(pass_backward(p, (int[]){5, -1}, 2, &loss, &e), 0, "%s", e.text);
    cr_assert_eq(trace_gradients(&t, p, loss, &e), 0);
    cr_assert_eq(t.count, m->weights.count + pass_plan(p)->count);
    cr_assert_str_eq(t.items[0].name, m->weights.items[0].name);
    assert_json(&t, "gradients");
    assert_csv(&t);
    assert_text(&t);
    assert_safetensors(&t);
    trace_free(&t);
    pass_free(p);
    model_free(m);
}

Test(trace, only_the_chosen_stages)
{
    Model *m = open_random("random:decoder_layers=1");
    Pass *p = run(m, 0);
    bool *chosen = calloc(pass_plan(p)->count, sizeof *chosen);
    int scores = plan_find(pass_plan(p), "decoder.0.self.scores"), probs = plan_find(pass_plan(p), "output.probs");
    cr_assert(scores > 0 && probs > scores);
    chosen[scores] = chosen[probs] = true;
    Trace t;
    cr_assert_eq(trace_values(&t, p, chosen, NULL), 0);
    cr_assert_eq(t.count, 2);
    cr_assert_str_eq(t.items[0].name, "decoder.0.self.scores");
    cr_assert_str_eq(t.items[1].name, "output.probs");
    trace_free(&t);
    free(chosen);
    pass_free(p);
    model_free(m);
}

static bool refuse(void *context, const char *bytes, size_t n)
{
    (void)bytes;
    (void)n;
    ++*(int *)context;
    return false;
}

Test(trace, stops_where_nobody_reads)
{
    Model *m = open_random("random:d_ff=4096"); /* more than one piece */
    Pass *p = run(m, 0);
    Trace t;
    cr_assert_eq(trace_values(&t, p, NULL, NULL), 0);
    for (int format = TRACE_TEXT; format < TRACE_FORMAT_COUNT; format++) {
        if (format == TRACE_SAFETENSORS)
            continue;
        int pieces = 0;
        cr_assert_eq(trace_write(&t, (TraceFormat)format, refuse, &pieces, NULL), 0);
        cr_assert_eq(pieces, 1);
    }
    trace_free(&t);
    pass_free(p);
    model_free(m);
}

/* Both are written into one file. */
Test(trace, no_weight_has_the_name_of_a_stage)
{
    static const char *const configs[] = {
        "random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1,position=learned",
        "random:kind=encoder-decoder,encoder_layers=1,decoder_layers=1,position=rope,ffn=gated,tie_embeddings=false",
        "random:norm_position=post,position=alibi",
        "random:kind=encoder,encoder_layers=1,norm=rmsnorm,bias=false",
    };
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        Model *m = open_random(configs[i]);
        Pass *p = run(m, 0);
        for (size_t w = 0; w < m->weights.count; w++) {
            char name[STAGE_NAME_MAX];
            for (size_t s = 0; s < pass_plan(p)->count; s++)
                cr_assert_str_neq(m->weights.items[w].name, stage_name(&pass_plan(p)->stages[s], name));
        }
        pass_free(p);
        model_free(m);
    }
}
