/* kernels.c - the linear map, forwards and backwards, and what several threads share of the other kernels. (Those are in elementwise.c.) */
#include "tensor/kernels.h"

#include "tensor/threads.h"

void linear_forward(real *y, const real *x, const Matrix *w, const real *bias, size_t m, size_t k, size_t n)
{
    matmul_biased(y, x, w, bias, m, n, k);
}

void linear_backward(real *dx, real *dw, real *dbias, const real *dy, const real *x, const Matrix *w, size_t m, size_t k, size_t n)
{
    const Matrix back = matrix_transposed(*w);
    if (dx)
        matmul_matrix(dx, k, dy, n, PLAIN, &back, m, k, n, true);
    if (dw)
        matmul(dw, n, x, k, TRANSPOSED, dy, n, PLAIN, k, n, m, true);
    if (dbias)
        add_rows_to(dbias, dy, m, n);
}

/* ---- long ones, shared among threads: no number depends on how they were divided ---- */

enum { PIECE = 1 << 15 }; /* numbers that a thread takes at a time: some tens of microseconds, where there is an exp for each */

typedef struct Pieces {
    ElementFn f; /* NULL: softmax */
    real *y;
    const real *x;
    size_t rows, columns; /* of elements, one column */
    size_t at_once;       /* rows of a piece */
} Pieces;

static void do_piece(void *context, size_t i)
{
    const Pieces *p = context;
    size_t from = i * p->at_once, rows = p->rows - from < p->at_once ? p->rows - from : p->at_once, at = from * p->columns;
    if (p->f)
        p->f(p->y + at, p->x + at, rows);
    else
        softmax_rows(p->y + at, p->x + at, rows, p->columns);
}

static void do_pieces(Pieces p)
{
    if (p.rows == 0 || p.columns == 0)
        return;
    if (p.rows < PIECE && p.columns < PIECE && p.rows * p.columns <= PIECE) {
        p.at_once = p.rows;
        do_piece(&p, 0);
        return;
    }
    p.at_once = p.columns < PIECE ? PIECE / p.columns : 1;
    threads_run((p.rows + p.at_once - 1) / p.at_once, matmul_threads(), do_piece, &p);
}

void softmax_forward(real *y, const real *x, size_t m, size_t n)
{
    do_pieces((Pieces){.y = y, .x = x, .rows = m, .columns = n});
}

void elements_forward(ElementFn f, real *y, const real *x, size_t n)
{
    do_pieces((Pieces){.f = f, .y = y, .x = x, .rows = n, .columns = 1});
}
