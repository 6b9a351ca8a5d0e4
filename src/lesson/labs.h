/* labs.h - the experiments that lessons name, each run once.
 *
 * Owns the results. Knows no lesson: an experiment is asked for by its name and settings, and run with its small parameters beside them. */
#ifndef LESSON_LABS_H
#define LESSON_LABS_H

#include "lab/lab.h"
#include "model/model.h"
#include "pass/stage.h"

typedef struct LabRun LabRun;

typedef struct LabRuns {
    LabRun **runs;
    size_t count;
    struct LabScore *scores; /* of shipped models, see labs_score */
    size_t score_count;
    bool (*progress)(void *context, double share, const char *what); /* as Lab's; NULL: nobody listens */
    void *context;
} LabRuns;

/* The result of an experiment, run now or before. `settings` is "key=value, key=value"; a value may be a list ("d_k=4,16"). NULL with e
 * set where it cannot be run. One that was stopped by its listener is tried again the next time. */
const Lab *labs_run(LabRuns *runs, const char *name, const char *settings, Error *e);
/* A cell of its tables, as lab_result. */
int labs_result(LabRuns *runs, const char *name, const char *settings, const char *row, const char *column, double *out, Error *e);
/* The score of a model as it was opened, with these ablations: over thousands of examples, so it is computed once. */
int labs_score(LabRuns *runs, const Model *m, Ablations a, double *out, Error *e);
void labs_free(LabRuns *runs);

#endif
