/* schedule.c - warm-up and cosine, and what was changed on the way. */
#include "train/schedule.h"

#include <math.h>

static double formula(const Schedule *s, size_t step)
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

double schedule_factor(const Schedule *s, size_t step)
{
    double factor = 1;
    for (size_t i = 0; i < s->change_count && s->changes[i].step <= step; i++)
        factor = s->changes[i].factor;
    return factor;
}

double schedule_lr(const Schedule *s, size_t step)
{
    return formula(s, step) * schedule_factor(s, step);
}

bool schedule_change(Schedule *s, size_t step, double factor)
{
    if (s->change_count && s->changes[s->change_count - 1].step == step)
        s->change_count--; /* changed again before a step was taken */
    double before = s->change_count ? s->changes[s->change_count - 1].factor : 1;
    if (factor == before)
        return true;
    if (s->change_count == SCHEDULE_CHANGES)
        return false;
    s->changes[s->change_count++] = (ScheduleChange){step, factor};
    return true;
}
