/* add_or_concatenate.c - positions added to tokens, or put beside them: one is a special case of the other; and how tokens and positions
 * lie to each other in trained models. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/setup.h"
#include "measure/metrics.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 8, POSITIONS = 32 };

/* concat(x, p) · [W_x; W_p] beside x·W_x + p·W_p, and, with W_p = W_x, beside (x + p)·W_x. */
static int run_identity(Lab *lab, Error *e)
{
    size_t d = lab_size(lab, "d_model");
    Table *t = lab_table_new(lab, "identity", _("Random x and p: largest difference between two ways to compute the same"));
    table_text_column(t, "pair", _("what"));
    table_column(t, "difference", _("difference"), 2);
    table_column(t, "size", _("largest number"), 3);
    double *x = malloc((4 * ROWS * d + 2 * d * d) * sizeof *x);
    if (!x)
        return error_memory(e, "lab add-or-concatenate");
    double *p = x + ROWS * d, *both = p + ROWS * d, *w = both + 2 * ROWS * d;
    Random random = random_seeded((uint64_t)lab_number(lab, "seed"));
    arith_normals(x, 2 * ROWS * d, &random);
    arith_normals(w, 2 * d * d, &random);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(both + 2 * i * d, x + i * d, d * sizeof *x);
        memcpy(both + (2 * i + 1) * d, p + i * d, d * sizeof *x);
    }
    for (int shared = 0; shared < 2; shared++) {
        double most = 0, size = 0;
        if (shared)
            memcpy(w + d * d, w, d * d * sizeof *w);
        for (size_t i = 0; i < ROWS; i++)
            for (size_t j = 0; j < d; j++) {
                double beside = 0, apart = 0;
                for (size_t k = 0; k < 2 * d; k++)
                    beside += both[2 * i * d + k] * w[k * d + j];
                for (size_t k = 0; k < d; k++)
                    apart += shared ? (x[i * d + k] + p[i * d + k]) * w[k * d + j] : x[i * d + k] * w[k * d + j];
                for (size_t k = 0; k < d && !shared; k++)
                    apart += p[i * d + k] * w[(d + k) * d + j];
                most = fmax(most, fabs(beside - apart));
                size = fmax(size, fabs(beside));
            }
        size_t row = table_row(t);
        table_set_text(t, row, "pair", shared ? "W_p = W_x: (x + p)·W_x" : "x·W_x + p·W_p");
        table_set(t, row, "difference", most);
        table_set(t, row, "size", size);
    }
    free(x);
    t = lab_table_new(lab, "parameters", _("Numbers in W_Q, W_K and W_V of one layer (h·d_k = d)"));
    table_text_column(t, "way", _("way"));
    table_column(t, "inputs", _("inputs"), 0);
    table_column(t, "parameters", _("parameters"), 0);
    for (size_t k = 1; k <= 2; k++) {
        size_t row = table_row(t);
        table_set_text(t, row, "way", k == 1 ? "added" : "concatenated");
        table_set(t, row, "inputs", (double)(k * d));
        table_set(t, row, "parameters", (double)(3 * k * d * d));
    }
    return 0;
}

/* ---- trained models ---- */

static const char *stack_of(const Model *m)
{
    return config_has_stack(&m->config, STACK_ENCODER) ? "encoder" : "decoder";
}

/* A pass over the first ids, as long as there are positions. */
static Pass *open_pass(const Model *m, Error *e)
{
    int ids[POSITIONS], begin[1] = {0};
    size_t n = m->config.position == POSITION_LEARNED && m->config.max_len < POSITIONS ? m->config.max_len : POSITIONS;
    for (size_t i = 0; i < n; i++)
        ids[i] = (int)((i + 5) % m->config.vocab_size);
    PassInput in = {ids, begin, n, 1};
    if (!config_has_stack(&m->config, STACK_ENCODER))
        in = (PassInput){NULL, ids, 0, n};
    else if (!config_has_stack(&m->config, STACK_DECODER))
        in = (PassInput){ids, NULL, n, 0};
    return pass_create(m, in, 0, e);
}

/* The mean |cosine| of all pairs of a row of a and a row of b. */
static double mean_absolute_cosine(const real *a, size_t rows_a, const real *b, size_t rows_b, size_t d, double *most)
{
    double sum = 0;
    size_t count = 0;
    *most = 0;
    for (size_t i = 0; i < rows_a; i++)
        for (size_t j = 0; j < rows_b; j++) {
            double c = fabs(cosine(a + i * d, b + j * d, d));
            if (isnan(c))
                continue;
            sum += c;
            count++;
            *most = fmax(*most, c);
        }
    return sum / (double)count;
}

static int measure_angles(Table *t, const char *name, uint64_t seed, Error *e)
{
    Model *m = model_open(name, NULL, e);
    Pass *p = m ? open_pass(m, e) : NULL;
    int positions = p ? setup_stage(p, "%s.embed.positions", stack_of(m)) : -1, status = -1;
    char weight[WEIGHT_NAME_MAX];
    real *noise = NULL, *copy = NULL;
    snprintf(weight, sizeof weight, "%s.embed.W_E", m ? stack_of(m) : "");
    int w = m ? weights_find(&m->weights, weight) : -1;
    if (p && (positions < 0 || w < 0))
        error_set(e, "lab add-or-concatenate: models: expected models with added positions, found %s", name);
    else if (p) {
        const Stage *s = &pass_plan(p)->stages[positions];
        size_t d = m->config.d_model, vocab = m->config.vocab_size, rows = s->shape[0];
        noise = malloc((vocab + rows) * d * sizeof *noise);
        Random random = random_seeded(seed);
        for (size_t i = 0; noise && i < (vocab + rows) * d; i++)
            noise[i] = (real)random_normal(&random);
        const real *tokens = weight_borrow(&m->weights.items[w], &copy), *places = pass_value(p, (size_t)positions);
        if (!noise || !tokens)
            error_memory(e, "lab add-or-concatenate");
        else {
            double most, most_noise, scale = m->config.embed_scale ? sqrt((double)d) : 1;
            size_t row = table_row(t);
            table_set_text(t, row, "model", name);
            table_set(t, row, "cosine", mean_absolute_cosine(tokens, vocab, places, rows, d, &most));
            table_set(t, row, "largest", most);
            table_set(t, row, "random", mean_absolute_cosine(noise, vocab, noise + vocab * d, rows, d, &most_noise));
            table_set(t, row, "random_largest", most_noise);
            table_set(t, row, "token_norm", scale * moments(tokens, vocab * d).norm / sqrt((double)vocab));
            table_set(t, row, "position_norm", moments(places, rows * d).norm / sqrt((double)rows));
            status = 0;
        }
    }
    free(noise);
    free(copy);
    pass_free(p);
    model_free(m);
    return status;
}

/* Adding shares W, so a raw score has four parts: token and position of the query, each with token and position of the key. The variance of
 * each over all pairs, in layer 0 of a model whose queries read the sum itself. */
static int measure_terms(Lab *lab, const char *name, Error *e)
{
    static const char *const parts[4] = {"token-token", "token-position", "position-token", "position-position"};
    Model *m = model_open(name, NULL, e);
    Pass *p = m ? open_pass(m, e) : NULL;
    int q = p ? setup_stage(p, "%s.0.self.q", stack_of(m)) : -1, status = p ? 0 : -1;
    if (p && q >= 0 && pass_plan(p)->stages[pass_plan(p)->stages[q].in[0]].kind == STAGE_SUM && m->config.n_kv_heads == m->config.n_heads &&
        !m->config.qk_norm) {
        const Stage *s = &pass_plan(p)->stages[q], *k = &pass_plan(p)->stages[setup_stage(p, "%s.0.self.k", stack_of(m))];
        size_t d = m->config.d_model, n = s->shape[1], width = m->config.n_heads * m->config.d_head, d_k = m->config.d_head;
        const real *rows[2] = {pass_value(p, (size_t)setup_stage(p, "%s.embed.tokens", stack_of(m))),
                               pass_value(p, (size_t)setup_stage(p, "%s.embed.positions", stack_of(m)))};
        const Matrix w[2] = {pass_weight(p, (size_t)s->w[0]), pass_weight(p, (size_t)k->w[0])};
        real *projected = calloc(4 * n * width, sizeof *projected), *scores = malloc(n * n * sizeof *scores);
        Table *t = lab_table_new(lab, "terms", _("Parts of the raw scores of layer 0, without biases: variance, mean of heads"));
        table_text_column(t, "part", _("query - key"));
        table_column(t, "variance", _("variance"), 3);
        if (!projected || !scores)
            status = error_memory(e, "lab add-or-concatenate");
        for (size_t part = 0; part < 4 && status == 0; part++) /* [query or key][token or position][n][width] */
            for (size_t i = 0; i < n; i++)
                for (size_t a = 0; a < d; a++)
                    for (size_t c = 0; c < width; c++)
                        projected[(part * n + i) * width + c] += rows[part % 2][i * d + a] * matrix_at(&w[part / 2], a, c);
        for (size_t part = 0; part < 4 && status == 0; part++) {
            const real *x = projected + part / 2 * n * width, *y = projected + (2 + part % 2) * n * width;
            double variance = 0;
            for (size_t h = 0; h < m->config.n_heads; h++) {
                for (size_t i = 0; i < n * n; i++) {
                    scores[i] = 0;
                    for (size_t c = h * d_k; c < (h + 1) * d_k; c++)
                        scores[i] += x[i / n * width + c] * y[i % n * width + c];
                }
                variance += moments(scores, n * n).variance / (double)m->config.n_heads;
            }
            size_t row = table_row(t);
            table_set_text(t, row, "part", parts[part]);
            table_set(t, row, "variance", variance);
        }
        free(projected);
        free(scores);
    }
    pass_free(p);
    model_free(m);
    return status;
}

int lab_run_add_or_concatenate(Lab *lab, Error *e)
{
    if (run_identity(lab, e) != 0)
        return -1;
    Table *t = lab_table_new(lab, "angles", _("Trained models: |cosine| of tokens and positions, beside random vectors"));
    table_text_column(t, "model", _("model"));
    table_column(t, "cosine", _("mean |cos|"), 4);
    table_column(t, "random", _("random: mean"), 4);
    table_column(t, "largest", _("largest |cos|"), 4);
    table_column(t, "random_largest", _("random: largest"), 4);
    table_column(t, "token_norm", _("token norm"), 3);
    table_column(t, "position_norm", _("position norm"), 3);
    char names[256], *rest = names;
    const char *list = lab_value(lab, "models")->text;
    if (strlen(list) >= sizeof names)
        return error_set(e, "lab add-or-concatenate: models: expected at most %zu bytes", sizeof names - 1);
    strcpy(names, list);
    for (char *name; (name = rest) && *name;) {
        size_t n = strcspn(name, "+");
        rest = name[n] ? name + n + 1 : NULL;
        name[n] = '\0';
        if (measure_angles(t, name, lab_size(lab, "seed"), e) != 0)
            return -1;
    }
    char first[256];
    snprintf(first, sizeof first, "%s", names);
    if (measure_terms(lab, first, e) != 0)
        return -1;
    Plot *p = lab_plot_new(lab, _("Mean |cosine| of tokens and positions"), _("model, in the table's order"), _("mean |cosine|"));
    p->bars = true;
    plot_series(p, _("trained"));
    plot_series(p, _("random vectors"));
    for (size_t i = 0; i < t->row_count; i++) {
        plot_point(p, 0, (double)i, table_number(t, i, 1));
        plot_point(p, 1, (double)i, table_number(t, i, 2));
    }
    lab_note(lab, "%s", _("Adding is concatenating with W_p = W_x: less free, with half the numbers in W_Q, W_K and W_V."));
    lab_note(lab, "%s",
             _("Whether tokens and positions stay apart is a fact about a trained model, not of frequencies: compare the cosines with "
               "those of random vectors."));
    return 0;
}

const LabParam lab_params_add_or_concatenate[] = {
    {"d_model", LAB_INTEGER, "32", NULL, 1, 512, NULL, N_("width of the random vectors")},
    {"models", LAB_TEXT, "zh-en+zh-en.learned+story+mask", "zh-en+mask", 0, 0, NULL,
     N_("trained models with added positions, joined by +")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the random vectors")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
