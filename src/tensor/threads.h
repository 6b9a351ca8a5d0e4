/* threads.h - a few threads that share a list of independent tasks.
 *
 * Owns the threads. They are made when first needed, so a program that never needs them pays nothing, and sleep between
 * jobs until the process ends. Knows nothing of what the tasks do. */
#ifndef TENSOR_THREADS_H
#define TENSOR_THREADS_H

#include <stdbool.h>
#include <stddef.h>

enum { THREADS_MAX = 64 };

/* How many processors this process may run on, 1 … THREADS_MAX. */
int threads_processors(void);

/* Calls task(context, i) once for each i < n, on up to `threads` threads of which the caller is one, and returns when all calls have
 * returned. Which thread takes which i, and in which order, is left to chance: a task must write only what no other
 * task reads or writes. What the tasks wrote is visible to the caller afterwards.
 *
 * Cannot fail: where no thread can be made, the caller does all the work. A task that calls threads_run, and a call from a second
 * thread while a job is running, do theirs alone. */
void threads_run(size_t n, int threads, void (*task)(void *context, size_t i), void *context);

/* True in a task, where a division of the work would gain nothing. */
bool threads_inside(void);

#endif
