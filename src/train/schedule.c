/* schedule.c - warm-up and cosine. */
#include "train/schedule.h"

#include <math.h>

double schedule_lr(const Schedule *s, size_t step)
{
    const double pi = 3.14159265358979323846;
    if (step < s->warmup)
        return s->lr * (double)(step + 1) / (double)s->warmup;
    double span = (double)(s->steps - s->warmup), at = (double)(step - s->warmup + 1);
    double share = span > 0 ? at / span : 1;
    if (share > 1)
        share = 1;
    return s->lr_end + (s->lr - s->lr_end) * 0.5 * (1 + cos(pi * share));
}
