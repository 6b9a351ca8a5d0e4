/* threads.c - the pool behind threads.h.
 *
 * Owns one job at a time and the workers. The next i to do is an atomic counter that everyone draws from, so a thread that
 * the system holds up delays one task and not a share of the work. */
#if defined __linux__
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "tensor/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

/* A worker looks for the next job this many times before it sleeps: some 20 microseconds, since products come in rows and to wake
 * a thread takes longer than that. */
enum { SPINS = 500 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is a job */
    pthread_cond_t done; /* the last worker has left it */
    int workers;         /* threads made so far */
    bool running;        /* a caller has a job */
    atomic_uint job;     /* counts the jobs */
    int seats;           /* workers that may still join this one */
    atomic_int inside;   /* workers that have joined and not left */
    size_t n;
    atomic_size_t next;
    void (*task)(void *context, size_t i);
    void *context;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

/* Set in a thread that is doing a task. */
static _Thread_local bool busy;

int threads_processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
#if defined __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
#endif
    return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}
