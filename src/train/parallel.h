/* parallel.h - (until tensor/threads.h is there) tasks one after the other. */
#ifndef TRAIN_PARALLEL_H
#define TRAIN_PARALLEL_H

#include <stddef.h>

static inline void threads_run(void (*task)(void *context, size_t i), void *context, size_t n)
{
    for (size_t i = 0; i < n; i++)
        task(context, i);
}

#endif
