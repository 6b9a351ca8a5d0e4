/* adamw.c - the factors of one step of AdamW. */
#include "train/adamw.h"

#include "tensor/kernels.h"

void adamw_update(real *w, real *m, real *v, const real *g, size_t n, const AdamW *a, double lr, double scale, uint64_t step)
{
    AdamFactors f = {
        .scale = (real)scale,
        .beta1 = (real)a->beta1,
        .rest1 = (real)(1 - a->beta1),
        .beta2 = (real)a->beta2,
        .rest2 = (real)(1 - a->beta2),
        .keep = (real)(1 - lr * a->weight_decay),
        .size = (real)(lr / (1 - pow(a->beta1, (double)step))),
        .correction = (real)(1 / sqrt(1 - pow(a->beta2, (double)step))),
        .eps = (real)a->eps,
    };
    adam_step(w, m, v, g, n, &f);
}
