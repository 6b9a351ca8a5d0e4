/* watch.h - `train --watch`: the terminal while a model is trained. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "view/watch.h"

typedef struct Watcher {
    Watch watch;
    Canvas canvas;
    double last; /* when the last frame was drawn */
    bool open;
} Watcher;

/* Takes the terminal. */
int watcher_open(Watcher *w, const Trainer *t, bool color, Error *e);
/* Gives it back. Returns the signal that ended it, or 0. */
int watcher_close(Watcher *w);
/* After every step: draws now and then, and takes what the user does; waits while paused. False stops the run. */
bool watcher_step(Watcher *w, Trainer *t, const RunProgress *p);

#endif
