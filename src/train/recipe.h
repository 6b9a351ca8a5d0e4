/* recipe.h - recipe.json: how a tiny model is made.
 *
 * Owns the meaning of its keys. Knows nothing of how the training is run. */
#ifndef TRAIN_RECIPE_H
#define TRAIN_RECIPE_H

#include "model/config.h"
#include "pass/ablation.h"
#include "train/adamw.h"
#include "train/init.h"
#include "train/schedule.h"

/* To add a key: a field here, its row in recipe_keys (recipe.c), its default in recipe_default. */
typedef struct Recipe {
    char *task;   /* "zh-en"; "text": a file of one's own */
    char *text;   /* of the task "text": the file's path */
    Config config;

    size_t batch;  /* sequences of a step */
    size_t length; /* of the task "text": tokens of a sequence */
    size_t difficulty; /* what the task is asked for, 0: its own mix */
    bool pad_batch; /* fill the sequences of a batch up to its longest with the pad token, which is hidden: the result is the same */
    Ablations ablations; /* the model is trained, and evaluated, without these parts: ["no-residual"] */

    Schedule schedule; /* "steps", "lr", "lr_end", "warmup", "lr_changes" */
    AdamW adamw;       /* "beta1", "beta2", "eps", "weight_decay" */
    double clip;       /* largest norm of the whole gradient, 0: any */
    double dropout, label_smoothing;
    Init init;         /* "init", "init_std", "scale_residuals", "weight_seed" */
    uint64_t data_seed;

    size_t eval_every, eval_examples; /* how often, and on how many held-out examples, the score is taken; 0: never */
    size_t save_every;                /* steps from one checkpoint to the next */

    char *source; /* the JSON it was read from; kept beside the model */
} Recipe;

/* Reads recipe.json's text; `file` names it in errors. Unknown keys, wrong types, values out of range are errors that
 * name the key. The config is checked, but what the task decides of it (train/examples.h) is not in it yet. A relative path of "text" is taken
 * from the recipe's folder. */
int recipe_read(Recipe *r, const char *text, size_t n, const char *file, Error *e);
/* Reads the file. */
int recipe_open(Recipe *r, const char *path, Error *e);
/* A small decoder for the text in a file, with no recipe; `split` is SPLIT_CHARACTERS or SPLIT_WORDS. The source is the recipe
 * that says the same. */
int recipe_for_text(Recipe *r, const char *path, SplitKind split, Error *e);
void recipe_free(Recipe *r);

/* Takes the changes of the learning rate from another schedule; the source says them, too. */
int recipe_set_changes(Recipe *r, const Schedule *from, Error *e);

/* A number that tells recipes apart: the same for the same keys and values, whatever their order and spacing, and the same n bytes of
 * text (NULL: none). What was changed while it trained ("lr_changes") does not count. */
int recipe_mark(const Recipe *r, const char *text, size_t n, uint64_t *mark, Error *e);

#endif
