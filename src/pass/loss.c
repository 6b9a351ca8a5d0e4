/* loss.c - cross-entropy, row by row. */
#include "pass/loss.h"

int loss_count(const int *targets, size_t n, size_t rows, size_t vocab, Error *e)
{
    int counted = 0;
    if (n != rows)
        return error_set(e, "targets: expected %zu ids, one for each position of the output, found %zu", rows, n);
    for (size_t t = 0; t < n; t++) {
        if (targets[t] < -1 || (targets[t] >= 0 && (size_t)targets[t] >= vocab))
            return error_set(e, "targets: position %zu: expected -1 or an id from 0 to %zu, found %d", t + 1, vocab - 1, targets[t]);
        counted += targets[t] >= 0;
    }
    return counted ? counted : error_set(e, "targets: expected at least one id that is counted, found only -1");
}

double loss_row(const real *logits, const real *probs, size_t vocab, int target, double smoothing)
{
    size_t best = 0;
    for (size_t j = 1; j < vocab; j++)
        if (logits[j] > logits[best])
            best = j;
    double max = (double)logits[best], log_max = log((double)probs[best]);
    double loss = max - (double)logits[target] - log_max;
    if (smoothing == 0)
        return loss;
    double all = 0;
    for (size_t j = 0; j < vocab; j++)
        all += max - (double)logits[j] - log_max;
    return (1 - smoothing) * loss + smoothing * all / (double)vocab;
}

void loss_row_backward(real *dlogits, const real *probs, size_t vocab, int target, double smoothing, double scale)
{
    real factor = (real)scale, spread = (real)(scale * smoothing / (double)vocab);
    for (size_t j = 0; j < vocab; j++)
        dlogits[j] += probs[j] * factor - spread;
    dlogits[target] -= (real)(scale * (1 - smoothing));
}
