/* schedule.h - how large the learning rate is at each step.
 *
 * Owns the formula: a linear warm-up, then half a cosine down to the end (Loshchilov and Hutter 2017, "SGDR", without restarts). */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stddef.h>

typedef struct Schedule {
    double lr, lr_end;    /* the highest, and the one of the last step */
    size_t warmup, steps; /* steps of the warm-up, and all steps */
} Schedule;

/* The learning rate of a step, 0 … steps-1. The warm-up's first step has lr / warmup, its last one lr. */
double schedule_lr(const Schedule *s, size_t step);

#endif
