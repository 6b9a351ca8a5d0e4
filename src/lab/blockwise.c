/* blockwise.c - attention in blocks with an online softmax beside attention by the whole matrix: same numbers, other traffic.
 *
 * Owns the comparison; the arithmetic is in online.c. */
#include "lab/arith.h"
#include "lab/lab.h"
#include "lab/online.h"
#include "lab/setup.h"

#include "base/text.h"

#include <stdlib.h>

enum { BYTES = 4 /* of a number, where bytes are shown */ };

typedef struct Matrices {
    double *q, *k, *v, *whole, *blocks, *scratch, *small;
} Matrices;

static void release(Matrices *m)
{
    free(m->q);
    free(m->k);
    free(m->v);
    free(m->whole);
    free(m->blocks);
    free(m->scratch);
    free(m->small);
    *m = (Matrices){0};
}

static int make(Matrices *m, size_t n, size_t d, size_t rows, size_t columns, uint64_t seed, Error *e)
{
    Random random = random_seeded(seed);
    *m = (Matrices){malloc(n * d * sizeof(double)),
                    malloc(n * d * sizeof(double)),
                    malloc(n * d * sizeof(double)),
                    malloc(n * d * sizeof(double)),
                    malloc(n * d * sizeof(double)),
                    malloc(n * n * sizeof(double)),
                    malloc(rows * (columns + 2) * sizeof(double))};
    if (!m->q || !m->k || !m->v || !m->whole || !m->blocks || !m->scratch || !m->small) {
        release(m);
        return error_memory(e, "blockwise");
    }
    arith_normals(m->q, n * d, &random);
    arith_normals(m->k, n * d, &random);
    arith_normals(m->v, n * d, &random);
    return 0;
}

static double largest_difference(const double *a, const double *b, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fabs(a[i] - b[i]) > most ? fabs(a[i] - b[i]) : most;
    return most;
}

typedef struct Tables {
    Table *work, *memory;
} Tables;

static Tables make_tables(Lab *lab)
{
    Tables t = {lab_table_new(lab, "work", _("one head: multiplications by the whole n × n matrix, and in blocks")),
                lab_table_new(lab, "memory", _("one head: bytes by the whole n × n matrix, and in blocks (4 bytes a number)"))};
    table_column(t.work, "n", _("n"), 0);
    table_column(t.work, "difference", _("outputs differ by"), -2);
    table_column(t.work, "products_whole", _("products, whole"), 0);
    table_column(t.work, "products_blocks", _("products, blocks"), 0);
    table_column(t.work, "rescaling_whole", _("rest, whole"), 0);
    table_column(t.work, "rescaling_blocks", _("rest, blocks"), 0);
    table_column(t.memory, "n", _("n"), 0);
    table_column(t.memory, "moved_whole", _("moved, whole"), 0);
    table_column(t.memory, "moved_blocks", _("moved, blocks"), 0);
    table_column(t.memory, "extra_whole", _("extra slow memory, whole"), 0);
    table_column(t.memory, "extra_blocks", _("extra, blocks"), 0);
    table_column(t.memory, "fast", _("fast memory, blocks"), 0);
    return t;
}

static void fill(const Tables *t, size_t n, double difference, const OnlineCount *whole, const OnlineCount *blocks)
{
    size_t row = table_row(t->work);
    table_set(t->work, row, "n", (double)n);
    table_set(t->work, row, "difference", difference);
    table_set(t->work, row, "products_whole", whole->products);
    table_set(t->work, row, "products_blocks", blocks->products);
    table_set(t->work, row, "rescaling_whole", whole->rescaling);
    table_set(t->work, row, "rescaling_blocks", blocks->rescaling);
    row = table_row(t->memory);
    table_set(t->memory, row, "n", (double)n);
    table_set(t->memory, row, "moved_whole", BYTES * whole->moved);
    table_set(t->memory, row, "moved_blocks", BYTES * blocks->moved);
    table_set(t->memory, row, "extra_whole", BYTES * whole->extra);
    table_set(t->memory, row, "extra_blocks", BYTES * blocks->extra);
    table_set(t->memory, row, "fast", BYTES * blocks->fast);
}

int lab_run_blockwise(Lab *lab, Error *e)
{
    const LabValue *lengths = lab_value(lab, "n");
    size_t d = lab_size(lab, "d_head"), rows = lab_size(lab, "rows"), columns = lab_size(lab, "columns");
    bool causal = lab_is(lab, "mask", "causal");
    OnlineCount whole = {0}, blocks = {0};
    double worst = 0;
    Tables t = make_tables(lab);
    Plot *p = lab_plot_new(lab, _("bytes to and from slow memory"), _("n"), _("bytes"));
    p->x_log = p->y_log = true;
    size_t by_whole = plot_series(p, _("whole matrix")), by_blocks = plot_series(p, _("blocks"));
    for (size_t k = 0; k < lengths->count; k++) {
        size_t n = (size_t)lengths->numbers[k];
        Matrices m;
        if (make(&m, n, d, rows, columns, lab_size(lab, "seed"), e) != 0)
            return -1;
        online_whole(m.whole, m.q, m.k, m.v, m.scratch, n, d, d, causal, &whole);
        online_blocks(m.blocks, m.q, m.k, m.v, m.small, n, d, d, rows, columns, causal, &blocks);
        double difference = largest_difference(m.whole, m.blocks, n * d);
        release(&m);
        worst = difference > worst ? difference : worst;
        fill(&t, n, difference, &whole, &blocks);
        plot_point(p, by_whole, (double)n, BYTES * whole.moved);
        plot_point(p, by_blocks, (double)n, BYTES * blocks.moved);
        if (lab_progress(lab, (double)(k + 1) / (double)lengths->count, _("lengths"), e) != 0)
            return -1;
    }
    lab_note(lab, _("The outputs agree to %.1e (double precision): the blocks compute the same softmax, not an approximation of it."),
             worst);
    lab_note(
        lab,
        _("At n = %g the blocks move %.2f of the bytes, keep %g extra bytes in slow memory instead of %g, and rescale with %.3f of the "
          "products' multiplications: neither time is traded for memory nor memory for time, in the forward pass."),
        lengths->numbers[lengths->count - 1], blocks.moved / whole.moved, BYTES * blocks.extra, BYTES * whole.extra,
        blocks.rescaling / blocks.products);
    if (causal)
        lab_note(lab,
                 _("Under a causal mask a block behind the diagonal is left out, so that the products need %.2f of the whole matrix's; the "
                   "whole "
                   "matrix is computed and then masked."),
                 blocks.products / whole.products);
    return 0;
}

const LabParam lab_params_blockwise[] = {
    {"n", LAB_INTEGERS, "64,128,256,512,1024", "64,96,256", 1, 4096, NULL, N_("length of the sequence")},
    {"d_head", LAB_INTEGER, "64", "16", 1, 512, NULL, N_("dimensions of the head")},
    {"rows", LAB_INTEGER, "64", "16", 1, 4096, NULL, N_("queries of a block")},
    {"columns", LAB_INTEGER, "64", "16", 1, 4096, NULL, N_("keys of a block")},
    {"mask", LAB_WORD, "none", NULL, 0, 0, "none|causal", N_("which keys are seen")},
    {"seed", LAB_INTEGER, "1", NULL, 0, 1e9, NULL, N_("of the normal q, k, v")},
    {NULL, LAB_INTEGER, NULL, NULL, 0, 0, NULL, NULL},
};
