/* watch.h - a training as it is watched: the loss curve, and the attention of one sentence as it changes.
 *
 * Owns the debugger that stands on a copy of the model in training, so that the run can be paused and stepped through. Knows no
 * terminal. */
#ifndef VIEW_WATCH_H
#define VIEW_WATCH_H

#include "train/run.h"
#include "view/app.h"

typedef struct Watch {
    App *app;          /* a held-out example on a copy of the model, standing at attention weights */
    bool paused;
    bool scored;
    double score;      /* the last one taken */
    TaskScore kind;
    Error note;        /* why the last key did nothing; or empty */
} Watch;

/* Makes the copy and draws the sentence from the held-out side. */
int watch_open(Watch *w, const Trainer *t, Theme theme, bool color, Error *e);
void watch_close(Watch *w);
/* Takes the weights as they are now. */
int watch_refresh(Watch *w, const Trainer *t, Error *e);
/* The learning rate from the next step on: twice, or half of what it is now. */
void watch_change_rate(Watch *w, Trainer *t, double times);
void watch_draw(Watch *w, Canvas *c, const Trainer *t, const RunProgress *p);

#endif
