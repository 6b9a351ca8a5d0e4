/* adamw.c - one step of AdamW, number by number. */
#include "train/adamw.h"

static inline real root(real x)
{
    return REAL_IS_DOUBLE ? (real)sqrt((double)x) : (real)sqrtf((float)x);
}

void adamw_update(real *w, real *m, real *v, const real *g, size_t n, const AdamW *a, double lr, double scale, uint64_t step)
{
    const real beta1 = (real)a->beta1, beta2 = (real)a->beta2, rest1 = (real)(1 - a->beta1), rest2 = (real)(1 - a->beta2);
    const real keep = (real)(1 - lr * a->weight_decay), eps = (real)a->eps, factor = (real)scale;
    const real size = (real)(lr / (1 - pow(a->beta1, (double)step)));
    const real correction = (real)(1 / sqrt(1 - pow(a->beta2, (double)step)));
    for (size_t i = 0; i < n; i++) {
        real d = g[i] * factor;
        m[i] = beta1 * m[i] + rest1 * d;
        v[i] = beta2 * v[i] + rest2 * (d * d);
        w[i] = w[i] * keep - size * m[i] / (root(v[i]) * correction + eps);
    }
}
