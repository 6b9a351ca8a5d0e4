/* twin.c - the input of a twin, and its own output. */
#include "measure/twin.h"

#include "base/text.h"
#include "pass/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool twin_shares_tokens(const Model *a, const Model *b)
{
    if (a == b)
        return true;
    if (a->config.vocab_size != b->config.vocab_size || vocab_has_text(a->vocab) != vocab_has_text(b->vocab))
        return false;
    for (size_t id = 0; vocab_has_text(a->vocab) && id < a->config.vocab_size; id++)
        if (strcmp(vocab_token(a->vocab, (int)id), vocab_token(b->vocab, (int)id)) != 0)
            return false;
    return true;
}

int twin_check_model(const Model *baseline, const Model *m, Error *e)
{
    static const char *const kinds[] = {N_("a decoder"), N_("an encoder"), N_("an encoder-decoder")};
    if (m->config.kind != baseline->config.kind)
        return error_set(e, "%s: expected %s as %s is, found %s", m->name, _(kinds[baseline->config.kind]), baseline->name,
                         _(kinds[m->config.kind]));
    if (!twin_shares_tokens(baseline, m))
        return error_set(e, "%s: expected the %zu tokens of %s, found another vocabulary of %zu", m->name, baseline->config.vocab_size,
                         baseline->name, m->config.vocab_size);
    return 0;
}

/* ---- what it is fed ---- */

static int copy_ids(Ids *to, const Ids *from, Error *e)
{
    for (size_t i = 0; i < from->len; i++)
        if (ids_add(to, from->data[i], e) != 0)
            return -1;
    return 0;
}

static int read_input(Input *out, const Model *m, const Input *baseline, const char *text, const char *target, Error *e)
{
    bool words = vocab_has_text(m->vocab), both = m->config.kind == KIND_ENCODER_DECODER;
    InputText given = {
        .text = words ? text : NULL, .ids = words ? NULL : text, .target = words ? target : NULL, .target_ids = words ? NULL : target};
    Input read = {0};
    if (!text)
        given.ids = "0"; /* not used: the baseline's are */
    if (both && !target)
        given.target_ids = "0";
    if (input_read(&read, m, given, 0, e) != 0)
        return -1;
    bool first_is_target = m->config.kind == KIND_DECODER;
    int status = copy_ids(&out->source, text && !first_is_target ? &read.source : &baseline->source, e);
    if (status == 0)
        status = copy_ids(&out->target, (first_is_target ? text : target) ? &read.target : &baseline->target, e);
    input_free(&read);
    return status;
}

int twin_read_input(Input *out, const Model *m, const Input *baseline, const char *text, const char *target, Error *e)
{
    *out = (Input){0};
    if (read_input(out, m, baseline, text, target, e) == 0)
        return 0;
    input_free(out);
    return -1;
}

/* ---- what it says ---- */

/* The edits that have something to change in a pass so far: the others address positions that are still to come. */
static int set_edits(Pass *p, const Edits *edits, Error *e)
{
    Edits now = {0};
    int status = 0;
    for (size_t i = 0; edits && i < edits->count && status == 0; i++) {
        Edits one = {&edits->items[i], 1};
        if (pass_set_edits(p, &one, NULL) == 0)
            status = edits_add(&now, edits->items[i], e);
    }
    if (status == 0)
        status = pass_set_edits(p, &now, e);
    edits_free(&now);
    return status;
}

static int likeliest(const real *row, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < n; k++)
        if (row[k] > row[best] || isnan(row[best]))
            best = k;
    return (int)best;
}

/* The likeliest token of every row of the output, or of the last one alone: that is the one generation takes. */
static int read_rows(Ids *out, const Model *m, const Input *in, Ablations a, const Edits *edits, bool last, Error *e)
{
    size_t V = m->config.vocab_size;
    real *room = malloc(V * sizeof *room);
    Pass *p = pass_create(m, input_ids(in), a, e);
    int status = !p ? -1 : room ? set_edits(p, edits, e) : error_memory(e, "twin");
    if (status == 0) {
        size_t logits = pass_plan(p)->count - 2, rows = pass_plan(p)->stages[logits].shape[0]; /* the plan ends in logits, probs */
        for (size_t t = last ? rows - 1 : 0; t < rows && status == 0; t++) {
            const real *row = pass_value(p, logits) + t * V;
            status = ids_add(out, likeliest(last ? sample_row(&m->config, row, room) : row, V), e);
        }
    }
    pass_free(p);
    free(room);
    return status;
}

int twin_speak(Ids *out, const Model *m, const Input *in, Ablations a, const Edits *edits, size_t most, Error *e)
{
    const Config *c = &m->config;
    Input so_far = {0};
    int status = 0;
    if (c->kind == KIND_ENCODER)
        return read_rows(out, m, in, a, edits, false, e);
    if (c->kind == KIND_ENCODER_DECODER) {
        most = 2 * in->source.len + 7; /* as input_read */
        status = copy_ids(&so_far.source, &in->source, e);
        if (status == 0)
            status = ids_add(&so_far.target, input_begin_id(m), e);
    } else
        status = copy_ids(&so_far.target, &in->target, e);
    for (size_t i = 0; i < most && status == 0; i++) {
        if (c->position == POSITION_LEARNED && so_far.target.len >= c->max_len)
            break; /* as generation ends: what was said can be fed */
        Ids next = {0};
        status = read_rows(&next, m, &so_far, a, edits, true, e);
        int id = status == 0 ? next.data[0] : -1;
        ids_free(&next);
        if (id < 0 || generate_ends(m, id))
            break;
        status = ids_add(out, id, e) == 0 ? ids_add(&so_far.target, id, e) : -1;
    }
    input_free(&so_far);
    return status;
}
