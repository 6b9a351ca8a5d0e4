/* quiz.h - questions in the debugger: predict-first, and a cell filled in by hand.
 *
 * Owns what is being asked, what was answered here, and the score. While a question is open the matrix of its stage is not drawn
 * anywhere, and no watch either.
 * Makes no questions: those are src/lesson's. Part of the App; see app.h. */
#ifndef VIEW_QUIZ_H
#define VIEW_QUIZ_H

#include "lesson/fill.h"
#include "view/app.h"

/* A pause. */
typedef struct QuizSpot {
    size_t at;
    Phase phase;
} QuizSpot;

typedef struct Quiz {
    bool predict; /* ask at every stop */
    bool keep;    /* write the answers down (lesson/record.h) */
    bool lost;    /* the last one could not be, and that was said */

    bool open;         /* a question is asked, and not yet answered */
    bool comparing;    /* a reason was typed: the learner compares it with the model answer */
    bool filling;      /* it is fill's */
    Question question; /* predict's; empty while filling */
    Fill fill;
    QuizSpot spot; /* where it was asked, or answered */
    char *typed;   /* a reason */
    int first_row; /* of the first choice, where it was drawn last */

    bool replied; /* answered here: the reply is shown with the matrix */
    Verdict verdict;
    char *given; /* the answer in words */
    char *reply;
    Cellref tried; /* the cell that fill asked for last … */
    int attempts;  /* … and how often it was answered */

    size_t right, answered; /* the running score */
    uint64_t number;        /* questions asked so far: the seed */
    QuizSpot *seen;         /* stops that are not asked about again in this round */
    size_t seen_count, seen_capacity;
} Quiz;

void quiz_free(Quiz *z);
/* Switches predict-first. `here`: ask about the stage where the user stands, too; else its matrix has been seen. */
void quiz_set_predict(App *app, bool on, bool here);
/* Writes answers down from now on. */
void quiz_keep_answers(App *app);
/* Asks for the cell at the cursor, or one near it that is worth computing. */
void quiz_fill(App *app);
/* A new pass, or from the first stage again: every stop may be asked about again. */
void quiz_restart(App *app);

/* A key, before anything else sees it: true where the question took it. */
bool quiz_key(App *app, int32_t key);
/* True, and said, where a command given in another view (the help, a menu) would lead past the open question. */
bool quiz_holds_back(App *app, CommandId id);
bool quiz_click(App *app, int row, int col, MouseAction action);
/* What was typed into the prompt; false where it is no answer, with the reason said. */
bool quiz_accept(App *app, const char *typed);
/* After every event: asks where a stop was reached, forgets the reply where it was left. */
void quiz_arrive(App *app);

/* A question is open, and what it is about must not be drawn. */
bool quiz_is_asking(const App *app);
/* Draws the question in the place of the matrix. */
void quiz_draw(App *app, Canvas *c, Rect area);
/* Draws the reply at the top of the area, if there is one here, and returns the rows it took. */
int quiz_draw_reply(App *app, Canvas *c, Rect area);
/* The words beside the prompt. */
const char *quiz_prompt(const App *app);
/* "predict 3/5" at the right of the status line; "" where predict-first is off. */
void quiz_write_score(const App *app, char out[48]);

/* The open question, or the one answered last. */
const Question *quiz_question(const Quiz *z);

#endif
