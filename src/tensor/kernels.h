/* kernels.h - the arithmetic that several stages share, each backward beside its forward.
 *
 * Outputs come first, then inputs, then sizes. The gradient of x is called dx: d(loss)/d(x), and a backward
 * ADDS to it, because a value that is read twice receives a gradient from each reader. */
#ifndef TENSOR_KERNELS_H
#define TENSOR_KERNELS_H

#include "tensor/matrix.h"

#include <stdbool.h>
#include <stddef.h>

/* y [m, n] = x [m, k] · w [k, n] + bias [n].  bias may be NULL. */
void linear_forward(real *y, const real *x, const Matrix *w, const real *bias, size_t m, size_t k, size_t n);
/* dx += dy · wᵀ,  dw += xᵀ · dy,  dbias += the sum of dy's rows.  Any of the three may be NULL; dw is row after row. */
void linear_backward(real *dx, real *dw, real *dbias, const real *dy, const real *x, const Matrix *w, size_t m, size_t k, size_t n);

/* Each row of y [m, n] = softmax of that row of x: exp(x - max) / sum. -inf gives exactly 0. x may be y. Many numbers are shared among
 * threads; softmax_rows stays on the caller's. */
void softmax_forward(real *y, const real *x, size_t m, size_t n);
void softmax_rows(real *y, const real *x, size_t m, size_t n);
/* x [n] = -inf from number `first` on. */
void hide_behind(real *x, size_t first, size_t n);
/* dx += y * (dy - sum over the row of dy * y). */
void softmax_backward(real *dx, const real *dy, const real *y, size_t m, size_t n);

/* One of the functions below on n numbers; many are shared among threads. */
typedef void (*ElementFn)(real *y, const real *x, size_t n);
void elements_forward(ElementFn f, real *y, const real *x, size_t n);

/* y = max(x, 0) */
void relu_forward(real *y, const real *x, size_t n);
void relu_backward(real *dx, const real *dy, const real *x, size_t n);
/* y = x/2 (1 + erf(x/√2)) (Hendrycks and Gimpel 2016) */
void gelu_forward(real *y, const real *x, size_t n);
void gelu_backward(real *dx, const real *dy, const real *x, size_t n);
/* Its tanh form, as GPT-2 has it: y = x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) */
void gelu_tanh_forward(real *y, const real *x, size_t n);
void gelu_tanh_backward(real *dx, const real *dy, const real *x, size_t n);
/* y = x / (1 + exp(-x)) (Elfwing, Uchibe and Doya 2017; "swish") */
void silu_forward(real *y, const real *x, size_t n);
void silu_backward(real *dx, const real *dy, const real *x, size_t n);

/* LayerNorm (Ba, Kiros and Hinton 2016): y = (x - mean) / sqrt(var + eps) * gain + bias for each row of x [m, d];
 * var divides by d. */
void layernorm_forward(real *y, const real *x, const real *gain, const real *bias, size_t m, size_t d, double eps);
void layernorm_backward(real *dx, real *dgain, real *dbias, const real *dy, const real *x, const real *gain, size_t m, size_t d, double eps);

/* RMSNorm (Zhang and Sennrich 2019): y = x / sqrt(mean of x² + eps) * gain. */
void rmsnorm_forward(real *y, const real *x, const real *gain, size_t m, size_t d, double eps);
void rmsnorm_backward(real *dx, real *dgain, const real *dy, const real *x, const real *gain, size_t m, size_t d, double eps);

/* y += x, n numbers. */
void add_to(real *y, const real *x, size_t n);
/* Each row of y [m, n] += x [n];  y [n] += the sum of x's rows [m, n], the first row first. */
void add_to_rows(real *y, const real *x, size_t m, size_t n);
void add_rows_to(real *y, const real *x, size_t m, size_t n);
/* y = a + b;  y = a * b, number by number. */
void add_forward(real *y, const real *a, const real *b, size_t n);
void multiply_forward(real *y, const real *a, const real *b, size_t n);
/* y = x * factor;  dx += dy * factor. */
void scale_forward(real *y, const real *x, real factor, size_t n);
void scale_backward(real *dx, const real *dy, real factor, size_t n);
/* The largest of x [n], n > 0; *odd tells whether any is nan or +inf, and the largest then means nothing. */
real row_largest(const real *x, size_t n, bool *odd);
/* The sum of x², added up in double. */
double sum_of_squares(const real *x, size_t n);

/* One step of Adam with decoupled weight decay, number by number (train/adamw.h):
 *   d = g * scale,  m = beta1 m + rest1 d,  v = beta2 v + rest2 d²,  w = w * keep - size * m / (sqrt(v) * correction + eps) */
typedef struct AdamFactors {
    real scale, beta1, rest1, beta2, rest2, keep, size, correction, eps;
} AdamFactors;
void adam_step(real *w, real *m, real *v, const real *g, size_t n, const AdamFactors *f);

#endif
