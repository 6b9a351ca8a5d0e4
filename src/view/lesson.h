/* lesson.h - a lesson being taken in the debugger: its text beside the matrices, or in front of them where there is little room.
 *
 * Owns the lesson, where the learner stands in it, and what was answered. The debugger stays the debugger: the lesson sets model, text and
 * stage when it goes on, and in between the learner may go anywhere; one key brings all of it back. The lesson's own numbers are computed
 * in a scene of its own (lesson/scene.h), so that they do not change with what the learner does. Part of the App; see app.h. */
#ifndef VIEW_LESSON_H
#define VIEW_LESSON_H

#include "lesson/check.h"
#include "lesson/progress.h"
#include "view/app.h"

enum { LESSON_BESIDE_FROM = 120 }; /* columns: from here on the text stands beside the matrix */

/* A paragraph of the page that is shown. */
typedef struct LessonLine {
    char *text; /* marked (lesson.h), its numbers computed */
    Role role;
    int indent;      /* columns */
    char bullet[16]; /* in front of it, within the indent */
    bool verbatim;   /* not broken: cut … */
    bool command;    /* … but a command for a shell, which goes on behind a backslash */
    bool close;      /* no empty line above it */
    bool rule;       /* a line across */
    int choice;      /* of the question: its index; else -1 */
} LessonLine;

typedef struct LessonPage {
    LessonLine *lines;
    size_t count;
    bool failed;
} LessonPage;

typedef struct Player {
    Lesson lesson;
    LabRuns labs;
    Scene scene;
    Progress progress;
    char *path;   /* of the file of progress; NULL: nothing is kept */
    bool present; /* a teacher shows it: answers on a key, nothing is kept */
    bool lost;    /* what was written down last could not be, and that was said */

    size_t *steps; /* the first block of each, step_count of them */
    size_t step_count;
    size_t step;    /* where the learner stands; step_count is the summary */
    bool pending;   /* the step is still to be entered: something long is computed first */
    double share;   /* how far that is … */
    char doing[80]; /* … and what it is */

    Question question;               /* of this step's ask block */
    bool asked;                      /* it has one */
    bool answered, comparing, shown; /* comparing: a reason beside the model answer; shown: by the teacher */
    Verdict verdict;
    char *typed; /* a reason */
    char *given, *reply;

    LessonPage page;
    char error[1024]; /* why the step cannot be shown; "" where it can */
    size_t scroll;
    bool stale;      /* the page is to be made again */
    int cols;        /* the page is of so many columns */
    int room, total; /* rows of the pane, and of the page, as drawn last */
    ViewId behind;   /* the view that stands beside the text */
} Player;

/* Opens a lesson in the debugger: at its beginning, or where the learner left it. The lesson is taken over. `keep`: progress and answers
 * are written down. -1 with e set; the lesson is then freed. */
int lesson_start(App *app, Lesson *lesson, bool present, bool keep, Error *e);
void player_free(Player *p);
/* Goes to a step: the network follows. */
void lesson_go(App *app, size_t step);
/* After something was written down: `status` -1 and why, or 0. Says what could not be, once until it can be again. */
void lesson_kept(App *app, int status, const Error *e);
/* The step that a block is in; step_count behind the last block. */
size_t lesson_step_of(const Player *p, size_t block);
/* The first block of this kind within a step, or NULL. */
const Block *lesson_block_of(const Player *p, size_t step, BlockKind kind);

/* A question is asked and not yet answered. */
bool lesson_is_asking(const Player *p);
/* Leaves it unanswered, and goes on. */
void lesson_skip(App *app);
/* In a self-test: the question of this step was not answered right, and is asked again at the end. */
void lesson_ask_again(App *app);
/* A key, before the commands: true where a question took it. */
bool lesson_key(App *app, int32_t key);
/* Whether this key answers the open question, or begins its answer, and so does not do what it does elsewhere. */
bool lesson_takes(const Player *p, int32_t key);
/* What was typed as an answer; false where it is none, with the reason said. */
bool lesson_accept(App *app, const char *typed);
const char *lesson_prompt(const App *app);
/* The commands that are for lessons, in any view; false for others. */
bool lesson_common(App *app, CommandId id);
bool lesson_pending(const App *app);
void lesson_work(App *app);
/* After every event: remembers the view beside the text. */
void lesson_follow(App *app);
/* The stage, the text or a switch is not what the lesson set. */
bool lesson_is_away(const App *app);
/* "q03 4/17", at the right of the status line. */
void lesson_badge(const App *app, char out[48]);
/* Columns of the text beside the matrices on a screen so wide; 0 where it does not stand there. */
int lesson_columns(const App *app, int cols);
/* Draws the text there. */
void lesson_draw_beside(App *app, Canvas *c, Rect area);

/* Menus: the parts of this lesson; the lessons that stop at this kind of stage. */
void lesson_fill_contents(App *app, void (*add)(Menu *m, const char *label, const char *name, const char *what, bool on));
void lesson_fill_about(App *app, void (*add)(Menu *m, const char *label, const char *name, const char *what, bool on));
void lesson_choose(App *app, const char *name);

/* ---- lesson_page.c ---- */

/* Makes the page of the step where the learner stands. -1 with e set. */
int lesson_page_make(Player *p, LessonPage *page, Error *e);
/* The page of blocks first … end-1, questions with their answers where `answers`; for a lesson that is printed. The scene goes along. */
int lesson_page_print(Scene *s, const Lesson *l, size_t first, size_t end, bool answers, LessonPage *page, Error *e);
void lesson_page_free(LessonPage *page);

/* ---- lesson_draw.c ---- */

/* Makes the page of the step where the learner stands, for a pane of so many columns, or why it cannot be shown. */
void lesson_make(Player *p, int cols);

/* The whole page as text of so many columns, at the end of out. -1 with e set. */
int lesson_page_text(const LessonPage *page, int cols, bool ascii, void (*write)(const Canvas *c, Buffer *out), Buffer *out, Error *e);

#endif
