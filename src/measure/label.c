/* label.c - the names of cells, rows, columns and weights' entries.
 *
 * Knows no layout: names are as long as they are, and not escaped. */
#include "measure/label.h"

#include "base/text.h"
#include "model/nearest.h"

#include <string.h>

size_t cell_offset(const Stage *s, const size_t index[STAGE_MAX_RANK])
{
    size_t at = 0;
    for (int i = 0; i < s->rank; i++)
        at = at * s->shape[i] + index[i];
    return at;
}

static bool counts_positions(Axis a)
{
    return a == AXIS_TOKEN || a == AXIS_QUERY || a == AXIS_KEY;
}

static void add_dim(const Pass *p, size_t i, Buffer *out)
{
    const Config *c = &pass_model(p)->config;
    if (c->dim_names && i < c->d_model)
        buffer_puts(out, c->dim_names[i]);
    else
        buffer_printf(out, "%zu", i);
}

void label_token(const Pass *p, int id, Buffer *out)
{
    const char *token = vocab_token(pass_model(p)->vocab, id);
    if (*token == ' ') {
        buffer_puts(out, "▁");
        token++;
    }
    buffer_puts(out, token);
}

void label_index(const Pass *p, const Stage *s, int axis, size_t i, Buffer *out)
{
    if (counts_positions(s->axes[axis])) {
        size_t n;
        const int *ids = pass_ids(p, s->axis_stack[axis], &n);
        if (i < n)
            label_token(p, ids[i], out);
        else
            buffer_printf(out, "%zu", i);
    } else if (s->axes[axis] == AXIS_VOCAB) {
        label_token(p, (int)i, out);
    } else if (s->axes[axis] == AXIS_DIM) {
        add_dim(p, i, out);
    } else {
        buffer_printf(out, "%zu", i);
    }
}

/* True where another position of the same stack holds the same token. */
static bool is_repeated(const Pass *p, Stack stack, size_t i)
{
    size_t n;
    const int *ids = pass_ids(p, stack, &n);
    for (size_t j = 0; i < n && j < n; j++)
        if (j != i && ids[j] == ids[i])
            return true;
    return false;
}

void label_index_apart(const Pass *p, const Stage *s, int axis, size_t i, Buffer *out)
{
    label_index(p, s, axis, i, out);
    if (counts_positions(s->axes[axis]) && is_repeated(p, s->axis_stack[axis], i))
        buffer_printf(out, " (%zu)", i);
}

const char *label_axis(Axis a)
{
    static const char *const words[AXIS_COUNT] = {
        [AXIS_HEAD] = N_("head"),    [AXIS_KV_HEAD] = N_("key/value head"),
        [AXIS_TOKEN] = N_("token"),  [AXIS_QUERY] = N_("query"),
        [AXIS_KEY] = N_("key"),      [AXIS_DIM] = N_("dim"),
        [AXIS_HEAD_DIM] = N_("dim"), [AXIS_HEADS_DIM] = N_("dim"),
        [AXIS_UNIT] = N_("unit"),    [AXIS_VOCAB] = N_("vocab"),
    };
    return _(words[a]);
}

void label_cell(const Pass *p, Cellref cell, Buffer *out)
{
    const Stage *s = &pass_plan(p)->stages[cell.stage];
    buffer_puts(out, s->sub == SUB_FINAL ? sub_name(s->sub) : stage_table[s->kind].id);
    for (int i = 0; i < s->rank; i++) {
        buffer_printf(out, "%s%s ", i ? ", " : "[", label_axis(s->axes[i]));
        label_index_apart(p, s, i, cell.index[i], out);
    }
    buffer_putc(out, ']');
}

void label_address(const Pass *p, Cellref cell, Buffer *out)
{
    const Stage *s = &pass_plan(p)->stages[cell.stage];
    char name[STAGE_NAME_MAX];
    buffer_puts(out, stage_name(s, name));
    for (int i = 0; i < s->rank; i++)
        buffer_printf(out, "%c%s=%zu", i ? ',' : '[', axis_name(s->axes[i]), cell.index[i]);
    buffer_putc(out, ']');
}

/* What the rows and columns of each kind of weight are, by the end of its name: the first row that fits. */
typedef enum { SIDE_NUMBER, SIDE_DIM, SIDE_HEAD_DIM, SIDE_VOCAB, SIDE_POSITION, SIDE_UNIT, SIDE_SEGMENT } Side;

static const struct {
    const char *end;
    Side row, column;
} weight_sides[] = {
    {"q_norm.gain", SIDE_HEAD_DIM, SIDE_NUMBER}, {"k_norm.gain", SIDE_HEAD_DIM, SIDE_NUMBER},
    {"W_E", SIDE_VOCAB, SIDE_DIM},  {"W_P", SIDE_POSITION, SIDE_DIM}, {"W_Q", SIDE_DIM, SIDE_NUMBER},  {"W_K", SIDE_DIM, SIDE_NUMBER},
    {"W_V", SIDE_DIM, SIDE_NUMBER}, {"W_O", SIDE_NUMBER, SIDE_DIM},   {"W_G", SIDE_DIM, SIDE_UNIT},    {"W_1", SIDE_DIM, SIDE_UNIT},
    {"W_2", SIDE_UNIT, SIDE_DIM},   {"W_U", SIDE_DIM, SIDE_VOCAB},    {"gain", SIDE_DIM, SIDE_NUMBER}, {"bias", SIDE_DIM, SIDE_NUMBER},
    {"b_O", SIDE_DIM, SIDE_NUMBER}, {"b_2", SIDE_DIM, SIDE_NUMBER},   {"b_G", SIDE_UNIT, SIDE_NUMBER}, {"b_1", SIDE_UNIT, SIDE_NUMBER},
    {"W_T", SIDE_SEGMENT, SIDE_DIM}, {"W_H", SIDE_DIM, SIDE_DIM},     {"b_H", SIDE_DIM, SIDE_NUMBER},  {"b_U", SIDE_VOCAB, SIDE_NUMBER},
};

static void add_side(const Pass *p, Side side, size_t i, Buffer *out)
{
    switch (side) {
    case SIDE_VOCAB:
        label_token(p, (int)i, out);
        return;
    case SIDE_DIM:
        buffer_printf(out, "%s ", _("dim"));
        add_dim(p, i, out);
        return;
    case SIDE_HEAD_DIM:
        buffer_printf(out, "%s %zu", _("dim"), i);
        return;
    case SIDE_POSITION:
        buffer_printf(out, "%s %zu", _("position"), i);
        return;
    case SIDE_SEGMENT:
        buffer_printf(out, "%s %zu", _("segment"), i);
        return;
    case SIDE_UNIT:
        buffer_printf(out, "%s %zu", _("unit"), i);
        return;
    case SIDE_NUMBER:
        break;
    }
    buffer_printf(out, "%zu", i);
}

static const char *weight_tag(const Weight *w)
{
    const char *dot = strrchr(w->name, '.');
    return dot ? dot + 1 : w->name;
}

void label_weight_index(const Pass *p, size_t weight, int axis, size_t index, Buffer *out)
{
    const char *name = pass_model(p)->weights.items[weight].name;
    Side side = SIDE_NUMBER;
    for (size_t i = 0; i < sizeof weight_sides / sizeof *weight_sides; i++)
        if (name_ends_with(name, weight_sides[i].end)) {
            side = axis ? weight_sides[i].column : weight_sides[i].row;
            break;
        }
    add_side(p, side, index, out);
}

void label_weight(const Pass *p, size_t weight, size_t row, size_t column, Buffer *out)
{
    const Weight *w = &pass_model(p)->weights.items[weight];
    buffer_printf(out, "%s[", weight_tag(w));
    label_weight_index(p, weight, 0, row, out);
    if (w->rank == 2) {
        buffer_puts(out, ", ");
        label_weight_index(p, weight, 1, column, out);
    }
    buffer_putc(out, ']');
}
