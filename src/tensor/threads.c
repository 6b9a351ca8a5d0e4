/* threads.c - the pool behind threads.h.
 *
 * Owns one job at a time and the workers. The next i to do is an atomic counter that everyone draws from, so a thread that
 * the system holds up delays one task and not a share of the work. */
#if defined __linux__
#define _GNU_SOURCE /* sched_getcpu, processor sets */
#endif
#include "tensor/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* A worker looks for the next job this many times before it sleeps: some 50 microseconds, since products come in rows and to wake
 * a thread takes longer than that. */
enum { SPINS = 1000 };

enum { STACK_SIZE = 8 << 20 };

static struct {
    pthread_mutex_t lock; /* of all that is not atomic, and of changes of what is */
    pthread_cond_t work;  /* there is a job */
    pthread_cond_t done;  /* the last worker has left it */
    int workers;          /* made so far */
    pthread_t threads[THREADS_MAX];
    int away_from;      /* the processor that the workers leave to the caller, counted from 1; 0: none */
    bool forks_handled; /* forget_workers is registered */
    bool running;       /* some caller has a job */
    atomic_int seats;   /* workers that may still join it */
    atomic_int inside;  /* workers that have joined and not left */
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

bool threads_inside(void)
{
    return busy;
}

/* A moment of a loop that waits. */
static void pause_briefly(void)
{
#if defined __x86_64__
    __builtin_ia32_pause();
#endif
}

/* Does tasks of the job until none is left. */
static void draw_tasks(void)
{
    for (size_t i; (i = atomic_fetch_add(&pool.next, 1)) < pool.n;)
        pool.task(pool.context, i);
}

static void *worker(void *unused)
{
    (void)unused;
    busy = true;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&pool.seats) == 0; i++)
            pause_briefly();
        pthread_mutex_lock(&pool.lock);
        while (atomic_load(&pool.seats) == 0)
            pthread_cond_wait(&pool.work, &pool.lock);
        atomic_fetch_sub(&pool.seats, 1);
        atomic_fetch_add(&pool.inside, 1);
        pthread_mutex_unlock(&pool.lock);

        draw_tasks();

        pthread_mutex_lock(&pool.lock);
        if (atomic_fetch_sub(&pool.inside, 1) == 1)
            pthread_cond_signal(&pool.done);
        pthread_mutex_unlock(&pool.lock);
    }
    return NULL;
}

/* A child process has only the thread that forked: it begins without workers. */
static void forget_workers(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.done, NULL);
    pool.workers = 0;
    pool.running = false;
    atomic_store(&pool.seats, 0);
    atomic_store(&pool.inside, 0);
}

/* Makes one more worker, deaf to signals: they are for the thread that handles the terminal. */
static bool add_worker(void)
{
    pthread_attr_t how;
    sigset_t all, before;
    if (pool.workers == 0 && !pool.forks_handled)
        pool.forks_handled = pthread_atfork(NULL, NULL, forget_workers) == 0;
    if (!pool.forks_handled || pthread_attr_init(&how) != 0)
        return false;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool made = pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED) == 0 && pthread_attr_setstacksize(&how, STACK_SIZE) == 0 &&
                pthread_create(&pool.threads[pool.workers], &how, worker, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&how);
    pool.workers += made;
    return made;
}

/* Keeps the workers off the processor that the caller is on. On a machine of a few processors of which another program uses one, the
 * system would often wake a worker where the caller runs, to take turns with it instead of helping. */
static void move_workers(void)
{
#if defined __linux__
    enum { FEW = 8 };
    int here = sched_getcpu();
    cpu_set_t set;
    if (here < 0 || here >= CPU_SETSIZE || here + 1 == pool.away_from || sched_getaffinity(0, sizeof set, &set) != 0 ||
        CPU_COUNT(&set) > FEW)
        return;
    pool.away_from = here + 1;
    CPU_CLR(here, &set);
    if (CPU_COUNT(&set) > 0)
        for (int i = 0; i < pool.workers; i++)
            pthread_setaffinity_np(pool.threads[i], sizeof set, &set);
#endif
}

/* Offers the job to the workers; false where someone else's is running or there are none. */
static bool open_job(size_t n, int threads, void (*task)(void *context, size_t i), void *context)
{
    pthread_mutex_lock(&pool.lock);
    bool free = !pool.running;
    if (free)
        while (pool.workers < threads - 1 && add_worker())
            pool.away_from = 0; /* the new one has to be moved too */
    if (free && pool.workers > 0) {
        move_workers();
        pool.running = true;
        pool.n = n;
        pool.task = task;
        pool.context = context;
        atomic_store(&pool.next, 0);
        atomic_store(&pool.seats, threads - 1 < pool.workers ? threads - 1 : pool.workers);
        pthread_cond_broadcast(&pool.work);
    } else
        free = false;
    pthread_mutex_unlock(&pool.lock);
    return free;
}

/* Lets no more workers in and waits for those inside. */
static void close_job(void)
{
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.seats, 0);
    pthread_mutex_unlock(&pool.lock);
    for (int i = 0; i < SPINS && atomic_load(&pool.inside) > 0; i++)
        pause_briefly();
    pthread_mutex_lock(&pool.lock);
    while (atomic_load(&pool.inside) > 0)
        pthread_cond_wait(&pool.done, &pool.lock);
    pool.running = false;
    pthread_mutex_unlock(&pool.lock);
}

void threads_run(size_t n, int threads, void (*task)(void *context, size_t i), void *context)
{
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    if (threads > 1 && (size_t)threads > n)
        threads = (int)n;
    if (threads <= 1 || busy || !open_job(n, threads, task, context)) {
        for (size_t i = 0; i < n; i++)
            task(context, i);
        return;
    }
    busy = true;
    draw_tasks();
    busy = false;
    close_job();
}
