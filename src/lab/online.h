/* online.h - attention of one head in three ways: by the whole matrix, in blocks with an online softmax, linear.
 *
 * Written to be read: every multiplication and every number that is read from or written to slow memory is counted where it happens. Owns
 * nothing. Knows no model: q and k are [n, d_k], v and out [n, d_v], row-major, in double.
 *
 * The machine they are counted for has a slow memory that holds q, k, v and out, and a fast one that holds what a step works on. */
#ifndef LAB_ONLINE_H
#define LAB_ONLINE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct OnlineCount {
    double products;  /* multiplications of the two matrix products */
    double rescaling; /* multiplications and divisions beside them */
    double moved;     /* numbers read from slow memory or written to it */
    double extra;     /* numbers of slow memory beyond q, k, v and out */
    double fast;      /* numbers of fast memory at most in use */
} OnlineCount;

/* softmax(q·kᵀ / √d_k) · v, the n × n matrix of scores written to slow memory and read again (twice: the softmax reads and writes it,
 * too). scratch is [n, n]. causal: query i sees keys 0 … i. */
void online_whole(double *out, const double *q, const double *k, const double *v, double *scratch, size_t n, size_t d_k, size_t d_v,
                  bool causal, OnlineCount *count);

/* The same without that matrix (Milakov and Gimelshein 2018; Rabe and Staats 2021; Dao et al. 2022): blocks of `rows` queries, each of
 * which goes through the keys in blocks of `columns`, with the largest score so far, the sum so far, and the output so far, which are
 * rescaled whenever a larger score turns up. scratch is [rows, columns + 2]. */
void online_blocks(double *out, const double *q, const double *k, const double *v, double *scratch, size_t n, size_t d_k, size_t d_v,
                   size_t rows, size_t columns, bool causal, OnlineCount *count);

/* ---- linear attention (Katharopoulos et al. 2020): φ(q)·φ(k) for exp(q·k), φ(x) = elu(x) + 1 > 0 ---- */

/* x [n] becomes φ(x). */
void online_features(double *x, size_t n);
/* φ(q)·(φ(k)ᵀ·v), each row divided by φ(q)·Σφ(k): two small products, all keys seen. q and k hold features already. `state` is [d_k, d_v +
 * 1]. */
void online_linear(double *out, const double *q, const double *k, const double *v, double *state, size_t n, size_t d_k, size_t d_v,
                   OnlineCount *count);
/* The causal sum, straight from its definition: row i is Σ_{j≤i} (φ(q_i)·φ(k_j)) v_j / Σ_{j≤i} φ(q_i)·φ(k_j). */
void online_linear_causal(double *out, const double *q, const double *k, const double *v, size_t n, size_t d_k, size_t d_v,
                          OnlineCount *count);
/* The same as a recurrence: S += φ(k_t)ᵀ·v_t, z += φ(k_t); out_t = φ(q_t)·S / φ(q_t)·z. `state` is [d_k, d_v + 1], S and z side by side. */
void online_linear_steps(double *out, const double *q, const double *k, const double *v, double *state, size_t n, size_t d_k, size_t d_v,
                         OnlineCount *count);

#endif
