/* run.h - a training in a folder: begun, saved now and then, gone on with, finished.
 *
 * Owns what is in the folder while it is trained in:
 *
 *     recipe.json config.json vocab.txt   from the beginning; text.txt where the task is "text"
 *                                         (recipe.json also says what was changed on the way, as of the last checkpoint)
 *     checkpoint.safetensors              while unfinished (checkpoint.h)
 *     model.safetensors                   as of the last checkpoint, in the end as trained
 *
 * and a lock on the folder itself, held by the trainer: of two programs that train in it the second is refused. It leaves no file, and ends with
 * its process, however that ends. Where a file system has no such locks (NFS) nobody is refused.
 *
 * Never prints: what is to be told goes to a hook. */
#ifndef TRAIN_RUN_H
#define TRAIN_RUN_H

#include "train/trainer.h"

/* Makes the folder, or finds the unfinished run of the same recipe (and the same text) in it and takes up its state and what was changed on
 * its way. Anything else that is there, a folder that another program trains in, and one that cannot be written, is an error. */
int run_open(Trainer *t, const char *folder, Error *e);

typedef struct RunProgress {
    size_t step, steps;       /* done, and of the recipe */
    TrainerStep last;
    double loss;              /* mean of the last 50 steps */
    double tokens_per_second; /* since this process began or went on with the run, scoring and saving left out */
    double seconds_left;      /* at the pace so far, in which a hook that takes its time (a pause) does not count */
    const Eval *eval;         /* the score, where it was taken after this step; else NULL */
    const char *broke;        /* what ended it, where training broke down or diverged (see trainer_step); else NULL */
} RunProgress;

enum { RUN_LOSS_TEXT = 32, RUN_LEFT_TEXT = 32 };
/* Writes a loss with four digits behind the point, a small one, which is never called 0.0000, as "2.13e-05". Returns out. */
const char *run_loss_text(double loss, char out[RUN_LOSS_TEXT]);
/* Writes seconds as a clock shows them, "1:05" or "2:01:05", into out. Returns out. */
const char *run_left_text(double seconds, char out[RUN_LEFT_TEXT]);

/* Called after every step, and once more where training broke down; false stops the run, after a checkpoint. It may look at the trainer, change
 * its learning rate and take its time. */
typedef bool (*RunHook)(void *context, Trainer *t, const RunProgress *p);

typedef enum RunEnd {
    RUN_FAILED = -1, /* e is set: it could not be saved, or there was no memory; the last whole checkpoint is there */
    RUN_FINISHED,    /* the folder is a model */
    RUN_STOPPED,     /* by the hook */
    RUN_DIVERGED     /* e is set: see trainer_step */
} RunEnd;

/* Trains to the end of the recipe. The hook may be NULL. */
RunEnd run_train(Trainer *t, const char *folder, RunHook hook, void *context, Error *e);

/* The recipe beside a model: folder/recipe.json. */
int run_recipe(Recipe *r, const char *folder, Error *e);
/* What a model was trained without, as its recipe says: these parts are off wherever it runs. 0 for a model that has no recipe (path may
 * be NULL). */
Ablations run_trained_without(const char *path);
/* Where a model's task has one form (task.h) and the ids fed to its decoder are of another: that form in words, translated. Else NULL. */
const char *run_only_form(const char *path, const Ids *fed);

#endif
