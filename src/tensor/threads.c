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
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* How long who waits looks again and again before it sleeps, in nanoseconds: products come in rows, and to wake a thread takes longer than
 * that. */
enum { PATIENCE = 50000 };

enum { STACK_SIZE = 8 << 20 };

/* pool.places counts the places of a job that are free for workers, and TAKEN for each worker that has one and has not left it. */
enum { TAKEN = 1 << 16 };

/* Who is awake needs no lock: a job is offered, joined and closed by changing `places` alone. The lock is for falling asleep and waking. */
static struct {
    atomic_bool running; /* some caller has a job: what follows is its own, but for what is atomic */
    atomic_uint places;
    size_t n;
    atomic_size_t next;
    void (*task)(void *context, size_t i);
    void *context;
    int workers; /* made so far */
    pthread_t threads[THREADS_MAX];
    int away_from;      /* the processor that the workers leave to the caller, counted from 1; 0: none */
    bool forks_handled; /* forget_workers is registered */
    pthread_mutex_t lock;
    pthread_cond_t work; /* there is a job */
    pthread_cond_t done; /* the last worker has left it */
    atomic_int asleep;    /* workers that wait for work */
    atomic_bool waiting;  /* the caller waits until it is done */
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

static int64_t nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Looks until it has happened, or patience ends. */
static void look_out(bool (*has_happened)(void))
{
    enum { LOOKS = 64 }; /* between looks at the clock */
    int64_t end = 0;
    do {
        for (int i = 0; i < LOOKS; i++) {
            if (has_happened())
                return;
            pause_briefly();
        }
        if (end == 0)
            end = nanoseconds() + PATIENCE;
    } while (nanoseconds() < end);
}

/* Does tasks of the job until none is left. */
static void draw_tasks(void)
{
    for (size_t i; (i = atomic_fetch_add(&pool.next, 1)) < pool.n;)
        pool.task(pool.context, i);
}

static bool has_free_place(void)
{
    return atomic_load(&pool.places) % TAKEN > 0;
}

static bool take_place(void)
{
    unsigned places = atomic_load(&pool.places);
    while (places % TAKEN > 0)
        if (atomic_compare_exchange_weak(&pool.places, &places, places - 1 + TAKEN))
            return true;
    return false;
}

static void leave_place(void)
{
    if (atomic_fetch_sub(&pool.places, TAKEN) != TAKEN || !atomic_load(&pool.waiting))
        return;
    pthread_mutex_lock(&pool.lock);
    pthread_cond_signal(&pool.done);
    pthread_mutex_unlock(&pool.lock);
}

static void sleep_until_offered(void)
{
    pthread_mutex_lock(&pool.lock);
    atomic_fetch_add(&pool.asleep, 1); /* before the look at the places: who offers one looks here after that */
    while (!has_free_place())
        pthread_cond_wait(&pool.work, &pool.lock);
    atomic_fetch_sub(&pool.asleep, 1);
    pthread_mutex_unlock(&pool.lock);
}

static void *worker(void *unused)
{
    (void)unused;
    busy = true;
    for (;;) {
        look_out(has_free_place);
        if (take_place()) {
            draw_tasks();
            leave_place();
        } else
            sleep_until_offered();
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
    atomic_store(&pool.running, false);
    atomic_store(&pool.places, 0);
    atomic_store(&pool.asleep, 0);
    atomic_store(&pool.waiting, false);
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
    if (atomic_exchange(&pool.running, true))
        return false;
    while (pool.workers < threads - 1 && add_worker())
        pool.away_from = 0; /* the new one has to be moved too */
    if (pool.workers == 0) {
        atomic_store(&pool.running, false);
        return false;
    }
    move_workers();
    pool.n = n;
    pool.task = task;
    pool.context = context;
    atomic_store(&pool.next, 0);
    atomic_store(&pool.places, (unsigned)(threads - 1 < pool.workers ? threads - 1 : pool.workers));
    if (atomic_load(&pool.asleep) > 0) {
        pthread_mutex_lock(&pool.lock);
        pthread_cond_broadcast(&pool.work);
        pthread_mutex_unlock(&pool.lock);
    }
    return true;
}

static bool is_done(void)
{
    return atomic_load(&pool.places) == 0;
}

/* Lets no more workers in and waits for those inside. */
static void close_job(void)
{
    atomic_fetch_and(&pool.places, ~(TAKEN - 1U));
    look_out(is_done);
    if (!is_done()) {
        pthread_mutex_lock(&pool.lock);
        atomic_store(&pool.waiting, true); /* before the look at the places: who leaves the last one looks here after that */
        while (!is_done())
            pthread_cond_wait(&pool.done, &pool.lock);
        atomic_store(&pool.waiting, false);
        pthread_mutex_unlock(&pool.lock);
    }
    atomic_store(&pool.running, false);
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
