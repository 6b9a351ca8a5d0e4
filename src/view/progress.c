/* progress.c - what takes long is seen while it is computed, and can be stopped. Knows no view. */
#include "view/app.h"

#include "base/text.h"

#include <time.h>

static const double patience = 0.15; /* seconds in which nobody wonders */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(App *app)
{
    app->began = seconds();
}

bool app_progress(App *app, AppWork what, size_t done, size_t count)
{
    if (!app->pump || seconds() - app->began < patience)
        return true;
    switch (what) {
    case PROGRESS_FORWARD:
        app_say(app, ROLE_BADGE, _("computing stage %zu of %zu; Esc stops"), done, count);
        break;
    case PROGRESS_BACKWARD:
        if (done < 2) /* the loss, then probs and logits: pieces that are done whole, each a matrix as large as the vocabulary */
            app_say(app, ROLE_BADGE, _("backwards: %zu of %zu stages; the logits take long, Esc stops behind them"), done, count);
        else
            app_say(app, ROLE_BADGE, _("backwards: %zu of %zu stages; Esc stops"), done, count);
        break;
    case PROGRESS_RUNS:
        app_say(app, ROLE_BADGE, _("pass %zu of %zu; Esc stops"), done, count);
        break;
    case PROGRESS_COMPARING:
        app_say(app, ROLE_BADGE, _("compared: %zu of %zu stages and rows of the output; Esc stops"), done, count);
        break;
    case PROGRESS_TOKENS:
        app_say(app, ROLE_BADGE, _("token %zu of %zu; Esc stops"), done, count);
        break;
    }
    bool on = app->pump(app);
    app->message[0] = '\0';
    if (on)
        return true;
    switch (what) {
    case PROGRESS_FORWARD:
        app_say(app, ROLE_WARNING, _("stopped after stage %zu of %zu"), done, count);
        break;
    case PROGRESS_BACKWARD:
        app_say(app, ROLE_WARNING, _("stopped on the way back after %zu of %zu stages: no gradients yet"), done, count);
        break;
    case PROGRESS_RUNS:
        app_say(app, ROLE_WARNING, _("stopped after pass %zu of %zu"), done, count);
        break;
    case PROGRESS_COMPARING:
        app_say(app, ROLE_WARNING, _("stopped after %zu of %zu stages and rows of the output; F goes on"), done, count);
        break;
    case PROGRESS_TOKENS:
        app_say(app, ROLE_WARNING, _("stopped after token %zu of %zu; b gives one back"), done, count);
        break;
    }
    return false;
}

bool app_may_take(App *app, AppMemory what, double gigabytes)
{
    const double much = 2;
    bool may = gigabytes < much || (app->warned & what);
    app->warned |= may ? 0 : what;
    return may;
}

bool app_is_run_at_once(const Pass *p)
{
    const size_t most = 4 << 20;
    return pass_plan(p)->total <= most;
}

bool app_is_light(const Pass *p)
{
    const size_t most = 40 << 20;
    return pass_plan(p)->total <= most;
}

bool app_compute(App *app, Pass *p)
{
    size_t count = pass_plan(p)->count;
    for (size_t k = pass_done(p); k < count; k++) {
        pass_value(p, k);
        if (!app_progress(app, PROGRESS_FORWARD, k + 1, count))
            return false;
    }
    return true;
}
