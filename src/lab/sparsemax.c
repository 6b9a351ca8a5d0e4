/* sparsemax.c - sparsemax, forwards and backwards. */
#include "lab/sparsemax.h"

#include <math.h>

/* τ is where Σ max(x - τ, 0) = 1. Each round takes the mean excess of those above the last τ; τ only grows, and stops after at most
 * n rounds (Michelot 1986), without sorting. */
void sparsemax(double *p, const double *x, size_t n)
{
    double tau = -INFINITY;
    for (size_t kept = 0;;) {
        double sum = 0;
        size_t above = 0;
        for (size_t i = 0; i < n; i++)
            if (x[i] > tau) {
                sum += x[i];
                above++;
            }
        if (above == kept)
            break;
        kept = above;
        tau = (sum - 1) / (double)above;
    }
    for (size_t i = 0; i < n; i++)
        p[i] = fmax(x[i] - tau, 0);
}

void sparsemax_backward(double *dx, const double *dp, const double *p, size_t n)
{
    double sum = 0;
    size_t support = 0;
    for (size_t i = 0; i < n; i++)
        if (p[i] > 0) {
            sum += dp[i];
            support++;
        }
    for (size_t i = 0; i < n; i++)
        dx[i] = p[i] > 0 ? dp[i] - sum / (double)support : 0;
}
