/* scene.h - what a lesson speaks of at a place: a model, a text, what is switched off and changed, and the pass of all that.
 *
 * Owns the model and its passes; borrows the experiments. Knows nothing of a screen: the debugger shows the same model and text on its own
 * (view/lesson.c), and whoever takes the lesson may change what is shown there without changing what the lesson's numbers are of. */
#ifndef LESSON_SCENE_H
#define LESSON_SCENE_H

#include "lesson/labs.h"
#include "lesson/lesson.h"
#include "lesson/question.h"
#include "measure/expression.h"
#include "pass/edit.h"
#include "pass/input.h"

typedef struct Scene {
    Model *model;
    Input input;
    Ablations ablations; /* those the model was trained with among them */
    Edits edits;
    Pass *pass;
    Pass *baseline; /* without ablations and edits; NULL where there are none */
    Ids targets;
    LabRuns *labs;
    const Bug *bug;   /* put into the passes, or NULL */
    const Block *run; /* the block it was made of; NULL: none yet */
    bool ready;
} Scene;

/* Nothing is opened until it is needed. */
Scene scene_new(LabRuns *labs);
void scene_free(Scene *s);
/* Becomes what a run block says; NULL: what is so before the first. An error names the block's file and line; the scene is then
 * as before. */
int scene_run(Scene *s, const Lesson *l, const Block *run, Error *e);
/* The run block that is in force at block i of a lesson, or NULL. */
const Block *scene_block(const Lesson *l, size_t i);

/* Puts a bug of the hunt into the engine there, until the next run block (NULL: takes it out): the pass and its baseline compute with it.
 */
int scene_put_bug(Scene *s, const Bug *bug, Error *e);

/* Computes an expression there. */
int scene_evaluate(Scene *s, const char *expression, Value *out, Error *e);
/* The place a stop names: a stage and a cell; *loss where it is the loss. An error names file and line. */
typedef struct SceneStop {
    bool loss, gradient;
    Address first; /* of the address's stages the first; the highlighted block */
} SceneStop;
int scene_stop(Scene *s, const Lesson *l, const Block *b, SceneStop *out, Error *e);
/* The result of a lab block. An error names file and line. */
const Lab *scene_lab(Scene *s, const Lesson *l, const Block *b, Error *e);

/* A value as it stands in a text: "0.333", "4 × 7", "true", a name. */
void scene_write_value(const Value *v, Buffer *out);
/* Appends a marked text in which every number is computed: its mark stays, what is in it is the number. `line` is where the text stands. */
int scene_fill(Scene *s, const Lesson *l, int line, const char *marked, Buffer *out, Error *e);
/* The same without marks. */
int scene_words(Scene *s, const Lesson *l, int line, const char *marked, Buffer *out, Error *e);
/* Makes the question of an ask block, its numbers and answers computed. A mistake that gives the right answer is an error: it would be told
 * that it is wrong. */
int scene_ask(Scene *s, const Lesson *l, const Block *b, Question *q, Error *e);

#endif
