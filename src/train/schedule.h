/* schedule.h - how large the learning rate is at each step.
 *
 * Owns the formula: a linear warm-up, then half a cosine down to the end (Loshchilov and Hutter 2017, "SGDR", without restarts). */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>

/* From this step on the rate is the formula's times the factor. */
typedef struct ScheduleChange {
    size_t step;
    double factor;
} ScheduleChange;

enum { SCHEDULE_CHANGES = 64 };

typedef struct Schedule {
    double lr, lr_end;    /* the highest, and the one of the last step */
    size_t warmup, steps; /* steps of the warm-up, and all steps */
    ScheduleChange changes[SCHEDULE_CHANGES]; /* made while it trained, by step */
    size_t change_count;
} Schedule;

/* The learning rate of a step, 0 … steps-1. The warm-up's first step has lr / warmup, its last one lr; times the factor that holds then. */
double schedule_lr(const Schedule *s, size_t step);
/* The factor that holds at a step; 1 before the first change. */
double schedule_factor(const Schedule *s, size_t step);
/* Another factor from `step` on, which is no earlier than the last change. The one that held before takes the change away. False where there is
 * no room for one more. */
bool schedule_change(Schedule *s, size_t step, double factor);

#endif
