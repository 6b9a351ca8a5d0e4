/* leak.c - the causal mask and padding: what leaks when a hidden score is set to 0, when the diagonal is hidden too, when padding is seen.
 *
 * Owns the comparisons, each of two passes of one model. The masks are edited in the pass, the engine's own rule stays as it is. */
#include "lab/lab.h"
#include "lab/setup.h"

#include "base/text.h"
#include "pass/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VOCAB = 16, PAD = 0, LENGTH_MAX = 64, PADS_MAX = 16 };

static Model *open_model(Lab *lab, const char *kind, const char *position, int pad, Error *e)
{
    Init init = {.kind = INIT_XAVIER, .seed = lab_size(lab, "seed")};
    char pads[16] = "";
    if (pad >= 0)
        snprintf(pads, sizeof pads, ",pad=%d", pad);
    return setup_model(&init, e, "kind=%s,d_model=%zu,n_heads=4,d_ff=%zu,encoder_layers=%zu,decoder_layers=%zu,vocab_size=%d,position=%s%s",
                       kind, lab_size(lab, "d_model"), 4 * lab_size(lab, "d_model"), lab_size(lab, "layers"), lab_size(lab, "layers"),
                       VOCAB, position, pads);
}

/* ---- the causal mask ---- */

typedef enum Mask { MASK_RIGHT, MASK_ZERO, MASK_NONE, MASK_FIRST, MASK_DIAGONAL, MASK_COUNT } Mask;
static const char *const mask_names[MASK_COUNT] = {"minus-infinity", "zero", "no-mask", "zero-one-layer", "diagonal-too"};

/* Edits of the masked scores that make the mask the wrong one. */
static int edit_mask(Pass *p, Mask mask, size_t n, Error *e)
{
    Edits edits = {0};
    char text[128];
    int status = 0;
    for (size_t i = 0; i < n && status == 0; i++) {
        if (mask == MASK_DIAGONAL)
            snprintf(text, sizeof text, "decoder.*.self.masked[query=%zu,key=%zu]=-inf", i, i);
        else if (i + 1 < n)
            snprintf(text, sizeof text, "decoder.%s.self.masked[query=%zu,key=%zu..%zu]=0", mask == MASK_FIRST ? "0" : "*", i, i + 1,
                     n - 1);
        else
            break;
        status = edits_add(&edits, text, e);
    }
    if (status == 0)
        status = pass_set_edits(p, &edits, e);
    edits_free(&edits);
    return status;
}

/* A pass of the decoder under a mask. */
static Pass *open_masked(const Model *m, const int *ids, size_t n, Mask mask, Error *e)
{
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, mask == MASK_NONE ? NO_MASK : 0, e);
    if (p && mask != MASK_RIGHT && mask != MASK_NONE && edit_mask(p, mask, n, e) != 0) {
        pass_free(p);
        return NULL;
    }
    return p;
}

static size_t not_numbers(const real *x, size_t n)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += isnan(x[i]);
    return count;
}

/* The last token is changed: how far do the logits of the rows before it move? */
static int future_token(Table *t, const Model *m, const int *ids, size_t n, Mask mask, double *leak, Error *e)
{
    int other[LENGTH_MAX];
    memcpy(other, ids, n * sizeof *ids);
    other[n - 1] = 1 + (ids[n - 1] + 1) % (VOCAB - 1);
    Pass *a = open_masked(m, ids, n, mask, e), *b = a ? open_masked(m, other, n, mask, e) : NULL;
    if (b) {
        size_t row = table_row(t);
        size_t weights = (size_t)setup_stage(a, "decoder.0.self.weights");
        const real *w = pass_value(a, weights);
        double above = 0;
        for (size_t h = 0; h < m->config.n_heads; h++)
            for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++)
                    above += (double)w[(h * n + i) * n + j] / (double)(m->config.n_heads * (n - 1)); /* the last row has no future */
        *leak = setup_difference(setup_logits(a), setup_logits(b), (n - 1) * VOCAB);
        table_set_text(t, row, "mask", mask_names[mask]);
        table_set(t, row, "future_weight", above);
        table_set(t, row, "moved", isinf(*leak) ? NAN : *leak);
        table_set(t, row, "not_a_number", (double)not_numbers(setup_logits(a), n * VOCAB));
    }
    pass_free(a);
    pass_free(b);
    return b ? 0 : -1;
}

/* The token in the middle is changed: how far the logits of each row move. */
static int middle_token(Plot *p, const Model *m, const int *ids, size_t n, Mask mask, Error *e)
{
    int other[LENGTH_MAX];
    memcpy(other, ids, n * sizeof *ids);
    other[n / 2] = 1 + (ids[n / 2] + 1) % (VOCAB - 1);
    Pass *a = open_masked(m, ids, n, mask, e), *b = a ? open_masked(m, other, n, mask, e) : NULL;
    if (b) {
        size_t series = plot_series(p, mask_names[mask]);
        for (size_t t = 0; t < n; t++)
            plot_point(p, series, (double)t, setup_difference(setup_logits(a) + t * VOCAB, setup_logits(b) + t * VOCAB, VOCAB));
    }
    pass_free(a);
    pass_free(b);
    return b ? 0 : -1;
}

/* One pass over n tokens beside n passes over 1, 2, … tokens. */
static int one_pass(const Model *m, const int *ids, size_t n, Ablations a, double *most, Error *e)
{
    Pass *all = pass_create(m, (PassInput){NULL, ids, 0, n}, a, e);
    int status = all ? 0 : -1;
    *most = 0;
    for (size_t t = 0; t < n && status == 0; t++) {
        Pass *front = pass_create(m, (PassInput){NULL, ids, 0, t + 1}, a, e);
        status = front ? 0 : -1;
        if (front) {
            double x = setup_difference(setup_logits(all) + t * VOCAB, setup_logits(front) + t * VOCAB, VOCAB);
            *most = x > *most ? x : *most;
        }
        pass_free(front);
    }
    pass_free(all);
    return status;
}

static int causal(Lab *lab, Error *e)
{
    int ids[LENGTH_MAX];
    size_t n = lab_size(lab, "length");
    double leak[MASK_COUNT] = {0}, masked, unmasked;
    Model *m = open_model(lab, "decoder", "rope", -1, e);
    if (!m)
        return -1;
    setup_ids(ids, n, VOCAB - 1, lab_size(lab, "seed"));
    for (size_t i = 0; i < n; i++)
        ids[i]++;
    Table *t = lab_table_new(lab, "future", _("the last token is changed: how far the logits before it move"));
    table_text_column(t, "mask", _("hidden scores are"));
    table_column(t, "future_weight", _("weight on the future, layer 0, mean row"), 4);
    table_column(t, "moved", _("logits move by"), -3);
    table_column(t, "not_a_number", _("logits that are NaN"), 0);
    int status = 0;
    for (int mask = 0; mask < MASK_COUNT && status == 0; mask++)
        status = future_token(t, m, ids, n, (Mask)mask, &leak[mask], e);
    Plot *p =
        lab_plot_new(lab, _("the token in the middle is changed: how far the logits of each row move"), _("row"), _("logits move by"));
    for (int mask = 0; mask <= MASK_NONE && status == 0; mask++)
        status = middle_token(p, m, ids, n, (Mask)mask, e);
    if (status == 0 && one_pass(m, ids, n, 0, &masked, e) == 0 && one_pass(m, ids, n, NO_MASK, &unmasked, e) == 0) {
        t = lab_table_new(lab, "passes", _("one pass over all tokens beside a pass for each beginning"));
        table_text_column(t, "mask", _("mask"));
        table_column(t, "difference", _("largest difference of the logits"), -3);
        for (int i = 0; i < 2; i++) {
            size_t row = table_row(t);
            table_set_text(t, row, "mask", i ? "no-mask" : "causal");
            table_set(t, row, "difference", i ? unmasked : masked);
        }
        lab_note(lab,
                 _("With -inf a changed future token moves no earlier logit (%g); with 0 in its place, a score like any other, it moves "
                   "them by %.2g, and by %.2g where only the first of %zu layers is so."),
                 leak[MASK_RIGHT], leak[MASK_ZERO], leak[MASK_FIRST], m->config.decoder_layers);
        lab_note(lab, _("Where the diagonal is hidden too, the first row sees nothing: softmax of a row of -inf is 0/0, and NaN spreads to "
                        "every row that sees the first."));
        lab_note(lab,
                 _("One masked pass gives what %zu passes give (largest difference %g): that is what training in one pass rests on. "
                   "Without the mask they differ by %.2g: at inference, too, "
                   "the mask is needed wherever several tokens are fed at once."),
                 n, masked, unmasked);
    } else
        status = -1;
    model_free(m);
    return status;
}

/* ---- padding ---- */

typedef struct Place {
    const char *name, *kind;
    bool left, source; /* on the left; in the encoder */
} Place;

static const Place places[] = {{"encoder-right", "encoder", false, true},       {"encoder-left", "encoder", true, true},
                               {"cross-right", "encoder-decoder", false, true}, {"cross-left", "encoder-decoder", true, true},
                               {"decoder-right", "decoder", false, false},      {"decoder-left", "decoder", true, false}};
enum { PLACES = sizeof places / sizeof *places };

/* How far the logits of the real rows move when `pads` pad tokens are added; hidden: the model knows them as padding. */
static int pad_once(Lab *lab, const Place *x, const char *position, bool hidden, double *moved, Error *e)
{
    int ids[LENGTH_MAX], padded[LENGTH_MAX + PADS_MAX] = {0}, target[4] = {1, 2, 3, 4};
    size_t n = lab_size(lab, "length"), pads = lab_size(lab, "pads");
    Model *m = open_model(lab, x->kind, position, hidden ? PAD : -1, e);
    if (!m)
        return -1;
    setup_ids(ids, n, VOCAB - 1, lab_size(lab, "seed"));
    for (size_t i = 0; i < n; i++)
        padded[i + (x->left ? pads : 0)] = ++ids[i]; /* no real token is the pad */
    bool cross = m->config.kind == KIND_ENCODER_DECODER;
    PassInput short_one = x->source ? (PassInput){ids, target, n, cross ? 4 : 0} : (PassInput){NULL, ids, 0, n};
    PassInput long_one = x->source ? (PassInput){padded, target, n + pads, cross ? 4 : 0} : (PassInput){NULL, padded, 0, n + pads};
    Pass *a = pass_create(m, short_one, 0, e), *b = a ? pass_create(m, long_one, 0, e) : NULL;
    if (b) {
        size_t skip = !cross && x->left ? pads : 0;
        *moved = setup_difference(setup_logits(a), setup_logits(b) + skip * VOCAB, (cross ? 4 : n) * VOCAB);
    }
    pass_free(a);
    pass_free(b);
    model_free(m);
    return b ? 0 : -1;
}

static int padding(Lab *lab, Error *e)
{
    static const char *const positions[] = {"sinusoidal", "rope"};
    Table *t = lab_table_new(lab, "padding", _("pad tokens are added: how far the logits of the real rows move"));
    double x;
    table_text_column(t, "where", _("where"));
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = {"seen_sinusoidal", "hidden_sinusoidal", "seen_rope", "hidden_rope"};
        static const char *const titles[] = {N_("seen, sinusoidal"), N_("hidden, sinusoidal"), N_("seen, RoPE"), N_("hidden, RoPE")};
        table_column(t, names[i], _(titles[i]), -3);
    }
    for (size_t k = 0; k < PLACES; k++) {
        size_t row = table_row(t);
        table_set_text(t, row, "where", places[k].name);
        for (int i = 0; i < 4; i++) {
            char column[32];
            snprintf(column, sizeof column, "%s_%s", i % 2 ? "hidden" : "seen", positions[i / 2]);
            if (pad_once(lab, &places[k], positions[i / 2], i % 2, &x, e) != 0)
                return -1;
            table_set(t, row, column, x);
        }
    }
    int right = table_find_row(t, "decoder-right"), column = table_find_column(t, "seen_rope");
    lab_note(lab,
             _("Pads that are seen move real rows wherever a real row can see them: in an encoder, in cross-attention, and on the left of "
               "a decoder. On the right of a decoder the causal mask hides "
               "them already (%g)."),
             table_number(t, (size_t)right, (size_t)column));
    lab_note(lab, _("Hidden pads on the left still move the real rows where positions are absolute: the text now stands elsewhere. With "
                    "RoPE only distances count, and nothing but rounding is left."));
    return 0;
}

int lab_run_leak(Lab *lab, Error *e)
{
    if (causal(lab, e) != 0 || lab_progress(lab, 0.5, _("padding"), e) != 0)
        return -1;
    return padding(lab, e);
}

const LabParam lab_params_leak[] = {
    {"length", LAB_INTEGER, "8", "6", 3, LENGTH_MAX, NULL, N_("real tokens, drawn at random")},
    {"pads", LAB_INTEGER, "3", NULL, 1, PADS_MAX, NULL, N_("pad tokens that are added")},
    {"layers", LAB_INTEGER, "2", NULL, 1, 12, NULL, N_("layers of each stack")},
    {"d_model", LAB_INTEGER, "32", "16", 8, 256, NULL, N_("width")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the weights (Xavier) and the tokens")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
