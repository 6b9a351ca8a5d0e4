/* question.h - a question, what may be answered to it, and what each wrong answer believes.
 *
 * Owns the texts of a question, reads what is typed as an answer and judges it. Knows neither who asks (a lesson, predict.h, fill.h) nor
 * how it is drawn or remembered. A lesson's `ask` block becomes a Question just as a question made from a pass does. */
#ifndef LESSON_QUESTION_H
#define LESSON_QUESTION_H

#include "base/buffer.h"
#include "base/error.h"
#include "measure/label.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum QuestionKind {
    QUESTION_CHOICE, /* one of the choices, by its letter or its text */
    QUESTION_NUMBER,
    QUESTION_SHAPE, /* "4x7x7" */
    QUESTION_STAGE, /* a stage of the plan, by any part of its name that no other stage has */
    QUESTION_REASON /* free text, which the learner then compares with a model answer: yes, partly, no */
} QuestionKind;

enum { QUESTION_CHOICES_MAX = 8, QUESTION_MISTAKES_MAX = 12, QUESTION_RANK_MAX = 4, QUESTION_NAME_MAX = 32 };

/* How a learner finds their own reason beside the model answer; also the index of that choice. */
typedef enum Assessment { ASSESSED_YES, ASSESSED_PARTLY, ASSESSED_NO, ASSESSMENT_COUNT } Assessment;

/* An answer to any kind of question; which members mean something follows from the kind. */
typedef struct Answer {
    int choice;      /* CHOICE: its index. REASON: an Assessment */
    double number;   /* NUMBER; may be infinite */
    double rounding; /* NUMBER, as typed with a point: half a unit of the last digit where there were two significant digits or more */
    size_t shape[QUESTION_RANK_MAX];
    int rank;                   /* SHAPE */
    char stage[STAGE_NAME_MAX]; /* STAGE: the whole name */
} Answer;

typedef struct Choice {
    char *text;
    double claim; /* what it says, as a number: two choices never claim the same */
} Choice;

/* One wrong answer that is known. */
typedef struct Mistake {
    char name[QUESTION_NAME_MAX]; /* "column-sum": what is counted in the learner's record */
    Answer answer;                /* what betrays it */
    char *belief;                 /* what it believes, and what is so */
} Mistake;

typedef struct Question {
    QuestionKind kind;
    char name[QUESTION_NAME_MAX]; /* what is asked: "row-sum" */
    char *text;
    char *why;  /* said with the right answer: why it is right. REASON: the model answer */
    char *unit; /* NUMBER: "nats"; NULL where there is none */
    Choice choices[QUESTION_CHOICES_MAX];
    int choice_count;
    Answer right;
    double tolerance; /* NUMBER: how far off is still right */
    Mistake mistakes[QUESTION_MISTAKES_MAX];
    int mistake_count;
    Cellref place; /* where it is asked about: the stage, the head, the row; */
    bool cell;     /* … and this very cell */
    bool failed;   /* a text found no memory: what was made is of no use */
} Question;

/* ---- making one ---- */

/* An empty question of that kind and name. */
void question_init(Question *q, QuestionKind kind, const char *name);
void question_free(Question *q);
/* Sets what is asked, why the right answer is right, and the unit. */
void question_set_text(Question *q, const char *format, ...) __attribute__((format(printf, 2, 3)));
void question_set_why(Question *q, const char *format, ...) __attribute__((format(printf, 2, 3)));
void question_set_unit(Question *q, const char *unit);
/* The right answer of each kind. It comes before the mistakes: one that cannot be told from it is not taken. */
void question_set_number(Question *q, double right, double tolerance);
void question_set_shape(Question *q, const size_t *shape, int rank);
void question_set_stage(Question *q, const char *name);

/* Adds a choice that claims `claim`: the right one, or a wrong one with its name for the record and what it believes. They are shown in
 * the order they are added in. A choice that claims what another one does already is left out: two right answers are none. Returns whether
 * it was taken. */
bool question_add_right(Question *q, double claim, const char *text);
bool question_add_wrong(Question *q, double claim, const char *text, const char *name, const char *belief, ...)
    __attribute__((format(printf, 5, 6)));
/* Adds the number, shape or stage that a mistake gives. Left out (false) where it is the right answer, too near to it, or that of an
 * earlier mistake. */
bool question_add_number(Question *q, double number, const char *name, const char *belief, ...) __attribute__((format(printf, 4, 5)));
bool question_add_shape(Question *q, const size_t *shape, int rank, const char *name, const char *belief, ...)
    __attribute__((format(printf, 5, 6)));
bool question_add_stage(Question *q, const char *stage, const char *name, const char *belief, ...) __attribute__((format(printf, 4, 5)));
/* Puts the choices in an order that depends on the seed alone. */
void question_shuffle(Question *q, uint64_t seed);

/* ---- answering it ---- */

/* Reads a number: "0.25", "-1e-3", "1/3", "25%", "-inf", "−∞". With a tolerance wanted (not NULL), "3 ± 0.1" and "3 +- 0.1" too, for those
 * who write questions. *rounding (may be NULL) is as in Answer. -1 with e set where it is none. */
int question_read_number(const char *text, double *number, double *tolerance, double *rounding, Error *e);
/* Reads "4x7x7", "[4,7,7]", "4, 7, 7", "4 × 7 × 7". */
int question_read_shape(const char *text, size_t shape[QUESTION_RANK_MAX], int *rank, Error *e);
/* The one stage of the plan that has every word of text in its name, or is called so; else an error that names some of them. */
int question_read_stage(const Plan *plan, const char *text, char name[STAGE_NAME_MAX], Error *e);
/* Reads what was typed as an answer to q. plan may be NULL where q asks for no stage. A REASON is read by its assessment: yes, partly, no
 * (or y, p, n). */
int question_read_answer(const Question *q, const Plan *plan, const char *typed, Answer *out, Error *e);

typedef enum Verdict { VERDICT_RIGHT, VERDICT_PARTLY, VERDICT_WRONG } Verdict;
/* Whether an answer is right; *mistake gets the index of the known mistake it betrays, or -1. */
Verdict question_judge(const Question *q, const Answer *a, int *mistake);

/* Appends the right answer and why: "The answer: 4. …"; of a reason only the model answer. */
void question_write_right(const Question *q, Buffer *out);
/* What is said to an answer: whether it is right, else what it believes; then the right answer, and why. */
void question_reply(const Question *q, const Answer *a, Buffer *out);
/* An answer as a person would write it; a choice is its text. */
void question_write_answer(const Question *q, const Answer *a, Buffer *out);
/* A number with as many digits as are of use: "0.333", "-1.27", "1056", "3.1e-05". */
enum { QUESTION_NUMBER_MAX = 32 };
const char *question_number(double x, char out[QUESTION_NUMBER_MAX]);

#endif
