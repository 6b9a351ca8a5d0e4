/* app.h - the debugger's state, and the functions that change and draw it.
 *
 * Owns the model, the input, the pass and where the user stands in it. Draws on a canvas and takes events; knows no
 * terminal, so that all of it can be tested without one. */
#ifndef VIEW_APP_H
#define VIEW_APP_H

#include "measure/explain.h"
#include "measure/metrics.h"
#include "pass/bug.h"
#include "pass/edit.h"
#include "pass/input.h"
#include "pass/pass.h"
#include "view/canvas.h"
#include "view/commands.h"
#include "view/event.h"
#include "view/explain.h"
#include "view/inspect.h"
#include "view/sampling.h"
#include "view/theme.h"

/* Where the pass is: forwards through the stages, at the loss, backwards through the same stages, at the optimiser's step. */
typedef enum Phase { PHASE_FORWARD, PHASE_LOSS, PHASE_BACKWARD, PHASE_UPDATE } Phase;

/* What fills the screen: the rows of views.def. */
typedef enum ViewId {
#define VIEW(ID, ...) VIEW_##ID,
#include "view/views.def"
#undef VIEW
    VIEW_COUNT
} ViewId;

/* How far one step goes. */
typedef enum Grain { GRAIN_STAGE, GRAIN_SUB, GRAIN_LAYER, GRAIN_STACK } Grain;

typedef enum Show { SHOW_NUMBERS, SHOW_HEAT, SHOW_BOTH, SHOW_COUNT } Show;

typedef enum Pane { PANE_MATRIX, PANE_PLAN } Pane;

/* A place to come back to after a jump. */
typedef struct Place {
    size_t at;
    Phase phase;
    size_t cursor[AXIS_COUNT];
    ViewId view;
} Place;

enum { APP_MIN_COLS = 40, APP_MIN_ROWS = 12, HISTORY_MAX = 64, PROMPT_MAX = 16384, MESSAGE_MAX = 512 };

typedef enum PromptKind { PROMPT_NONE, PROMPT_GOTO, PROMPT_SEARCH, PROMPT_TEXT, PROMPT_TARGET, PROMPT_TWIN_TEXT, PROMPT_EDIT, PROMPT_COMMAND, PROMPT_EXPORT, PROMPT_SAVE, PROMPT_SPOILT, PROMPT_ANSWER, PROMPT_LESSON } PromptKind;

/* A line being typed at the bottom of the screen. */
typedef struct Prompt {
    PromptKind kind;
    char text[PROMPT_MAX];
    size_t len, at; /* bytes typed; where the next one goes */
    size_t chosen;  /* so many at the end are replaced by what is typed next: a number that was offered */
    int choice;     /* which of the matches is chosen */
} Prompt;

typedef enum MenuKind { MENU_MODELS, MENU_ABLATIONS, MENU_EDITS, MENU_THEMES, MENU_EXPORT, MENU_EXPLAIN, MENU_TWIN, MENU_LESSONS, MENU_CONTENTS } MenuKind;

typedef struct MenuItem {
    char *name;  /* what choosing it opens or switches */
    char *label; /* how it is called in the list */
    char *what;
    bool on;
} MenuItem;

typedef struct Menu {
    MenuKind kind;
    MenuItem *items;
    size_t count, choice, top;
} Menu;

typedef struct Rect {
    int row, col, cols, rows;
} Rect;

/* Where the matrix was drawn last, so that a click finds its cell and a page knows its length. */
typedef struct MatrixLayout {
    Rect area;
    int label_width, cell_width, header_rows;
    size_t rows, cols; /* how many are visible */
} MatrixLayout;

/* Texts of their own, in order. */
typedef struct TextList {
    char **items;
    size_t count;
} TextList;
int text_list_add(TextList *l, const char *text, Error *e);
void text_list_free(TextList *l);

/* Writes what is drawn as one of "svg|html|text|ansi"; src/term's writers, which this floor does not know. */
typedef void (*AppPicture)(const Canvas *c, Theme theme, bool color, const char *title, const char *format, Buffer *out);

/* What is taken away: a matrix or a picture to a file (export.c), all of this to a session (session.c). */
typedef struct Takeaway {
    char *session;      /* the file that was opened or saved last; NULL: none */
    char *tokenizer;    /* as --tokenizer gave it; NULL: the model's own */
    AppPicture picture; /* NULL: no pictures */
    bool replayed;      /* a recording is played: no file is written */
    ViewId from;        /* the view that is exported */
    size_t choice;      /* of the export menu */
    size_t questions;   /* how often it was asked whether a file may be overwritten: what is played again does not ask */
    char asked[PROMPT_MAX]; /* a file that is there, and whether it may be overwritten was asked */
} Takeaway;

/* What one step of the optimiser did. */
typedef struct Update Update;
/* What the pass is compared with; see twin.h. */
typedef struct Twin Twin;

/* Of a twin: its matrix as ever, or with what stands beside it; where not all three fit, which of them. */
typedef enum Beside { BESIDE_OFF, BESIDE_VALUE, BESIDE_BASELINE, BESIDE_DIFFERENCE } Beside;

/* A bug hunt; see hunt.c. */
typedef struct Hunt {
    const Bug *bug;  /* NULL: there is none */
    uint64_t seed;   /* that chose it; 0: nobody did */
    int hints, wrong; /* shown; wrong answers */
    bool solved, out; /* out: the bug is taken out of the pass, to compare */
    char found_at[STAGE_NAME_MAX]; /* the stage that was named */
    char wrong_at[STAGE_NAME_MAX]; /* the one that was named wrongly last */
    char said[2 * MESSAGE_MAX]; /* what was found there */
} Hunt;

typedef struct App {
    Model *model;
    Input input;
    InputText given;    /* as the user gave it, to be read again for another model; strings owned */
    Ablations ablations;
    Edits edits;        /* those of the pass */
    Pass *pass;
    Pass *baseline;     /* without ablations and edits, or of what a twin stands beside (twin.h); NULL: the same, or no memory */
    Twin *twin;
    Beside beside;
    struct ScoreTable *table; /* VIEW_TABLE; NULL until it is asked for */
    char table_error[MESSAGE_MAX];

    size_t at;          /* the stage that is shown: the last one computed, or the one whose gradient was */
    Phase phase;
    bool show_value;    /* PHASE_BACKWARD: the value first, then its gradient */
    Ids targets;        /* what the loss compares with, one id a row of the output */
    double loss;        /* PHASE_LOSS and later */
    unsigned warned;    /* of what it was said how much memory it takes with this pass: a set of AppMemory */
    bool changed;       /* the model's weights were changed here */
    bool unsaved;       /* an edit was made and no session saved since */
    bool leaving;       /* that was said, and the next key to leave leaves */
    Update *update;     /* PHASE_UPDATE: what the optimiser's step did; see update.c */
    Grain grain;
    size_t cursor[AXIS_COUNT]; /* the chosen index along every kind of axis; clamped where it is used */
    Show show;
    int digits;         /* after the decimal point */
    bool all_heads;     /* heads side by side instead of one */
    Pane focus;
    size_t top, left;   /* first row and column of the matrix that are drawn */
    MatrixLayout layout;
    Rect matrix_room;   /* where it may be drawn */

    ViewId view;
    Place history[HISTORY_MAX];
    int history_len;
    Explanation cell;   /* VIEW_CELL */
    bool cell_open;
    ViewId cell_over;   /* what it was opened from, to close to */
    size_t cell_line, cell_top;
    int cell_operand;
    size_t weight, weight_cursor[2], weight_top, weight_left; /* VIEW_WEIGHT */
    bool weight_gradient; /* on the way back: d(loss)/d(weight) in place of the weight */
    const void *weight_ranged; /* the values that weight_range is of */
    NumberRange weight_range;
    size_t map_choice;  /* VIEW_MAP: the chosen box */
    ViewId help_over;   /* what the help was opened from */
    size_t help_scroll; /* and where that was scrolled to */
    int help_found;     /* the line that the search found last, or -1 */
    size_t scroll;      /* VIEW_HELP, VIEW_STREAM, VIEW_NEXT */
    Menu menu;
    Explain explain;    /* what the explaining views share */
    Prompt prompt;
    size_t tree_choice, tree_top; /* the plan's chosen line while it has the focus */
    bool *tree_open;    /* by block of the plan: opened by hand; see plan_pane.c */
    char search[PROMPT_MAX];  /* what was last searched for */
    char pending[PROMPT_MAX]; /* the sentence typed, while the decoder's text is asked for */

    Takeaway take;
    Sampling sampling;  /* VIEW_NEXT, VIEW_CACHE */
    Inspect inspect;    /* breakpoints, watches, what was printed */
    struct Quiz *quiz;  /* questions, see quiz.h; NULL until the first */
    struct Cutting *cutting; /* VIEW_CUTTING: how the text became tokens, see cutting.c; NULL until it is asked for */
    struct Player *lesson; /* the lesson being taken, see lesson.h; NULL: none */
    double began;       /* when the event that is being taken came, in seconds of a clock of its own */
    bool (*pump)(struct App *app); /* draws while something long is computed; false: the user wants it to stop. NULL: nobody looks */
    size_t count;       /* the repeat count being typed; 0: none */
    char message[MESSAGE_MAX]; /* shown in the status line until the next key */
    Role message_role;
    Hunt hunt;
    Theme theme;
    bool color;
    int cols, rows;     /* size of the last canvas drawn */
    bool quit;
} App;

/* Takes the model (which it frees) and a copy of what was given. NULL with e set where they do not suit each other. */
App *app_create(Model *m, InputText given, Ablations a, Theme theme, bool color, Error *e);
void app_free(App *app);

/* Changes the state; false where the event changed nothing on the screen. */
bool app_event(App *app, const Event *event);
/* Draws the whole screen for the canvas' size. */
void app_draw(App *app, Canvas *c);
/* True where the canvas is too small for any screen; draws what is needed and what there is instead. */
bool screen_is_too_small(Canvas *c);
/* Does a piece of what the screen shown is still waiting for, a moment's work; false where there is nothing to do. To be called between
 * events until it is false; what was done is seen at the next drawing. */
bool app_work(App *app);
bool app_is_working(const App *app);
/* While somebody looks at a stage the next one can be computed, so that the step to it is there at once: whether it is still to be, and computing
 * it, a stage's work. Nothing on the screen changes. */
bool app_can_look_ahead(const App *app);
void app_look_ahead(App *app);

/* ---- for the views ---- */

/* One view: tig's habit of a table of functions. */
typedef struct View {
    const char *title; /* translatable */
    void (*draw)(App *app, Canvas *c, Rect area);
    bool (*command)(App *app, CommandId id, size_t count); /* true where it took the command */
    bool (*click)(App *app, int row, int col, MouseAction action); /* NULL: the mouse does nothing here */
} View;
extern const View view_table[VIEW_COUNT];

const Stage *app_stage(const App *app);
/* Stands at stage i; scrolls nothing else. What has to be computed for it is seen on the way where that takes long; false where the user
 * stopped it: then it stands at the stage that was reached. */
bool app_go(App *app, size_t i);
/* ---- progress.c ---- */

/* The event that is being taken begins now. */
void progress_begin(App *app);
/* To be called after each piece of what may take long: where it does, the screen is drawn with how far it is in its last line. False where the user
 * wants it to stop, which is said. */
typedef enum AppWork { PROGRESS_FORWARD, PROGRESS_BACKWARD, PROGRESS_RUNS, PROGRESS_COMPARING, PROGRESS_TOKENS } AppWork;
bool app_progress(App *app, AppWork what, size_t done, size_t count);
/* What can take more memory than one would think. */
typedef enum AppMemory { MEMORY_GRADIENTS = 1, MEMORY_COMPARISON = 2 } AppMemory;
/* Whether to begin with it: false the first time that it takes much with this pass, which the caller then says, so that the same key again goes. */
bool app_may_take(App *app, AppMemory what, double gigabytes);
/* Computes the rest of a pass in that way; false where it was stopped. */
bool app_compute(App *app, Pass *p);
/* A pass of so few numbers that it is run to its end only to say whether a change did anything. */
bool app_is_run_at_once(const Pass *p);
/* … or so few that a second one is kept beside it, and what is not asked for yet is computed while nothing else is to be done. */
bool app_is_light(const Pass *p);

/* Remembers the place, then goes: Backspace comes back. */
void app_jump(App *app, size_t i);
/* The cursor's index along axis k of stage s, clamped. */
size_t app_index(const App *app, const Stage *s, int k);
/* The cell under the cursor. */
Cellref app_cell(const App *app);
/* Says how many notes the model has, and where they are shown; nothing where it has none. */
void app_say_notes(App *app);
/* Says where the model has seen one form of text only, and this is another. */
void app_say_form(App *app);
void app_say(App *app, Role role, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Runs the pass again with other ablations; stays at the same stage, or the nearest before it that is left. */
void app_set_ablations(App *app, Ablations a);
/* Makes these the edits of the pass, which is computed again from the first that they change. -1 with e set: all is as before. */
int app_set_edits(App *app, const Edits *edits, Error *e);
/* Adds one, and says what came of it; false where it could not be read. */
bool app_add_edit(App *app, const char *text);
/* Takes edit i back; says so, or that there is none. */
void app_undo_edit(App *app, size_t i);
/* Up, down, a page up or down: moves app->scroll; what draws keeps it within its lines. */
void app_scroll(App *app, CommandId id, size_t count);
/* Moves the cursor to index i along axis k. A query, and a key that is a row, share the cursor of the tokens. */
void app_move(App *app, const Stage *s, int k, size_t i);
/* Makes the pass anew, because its weights changed. */
void app_run_again(App *app);
/* Feeds other text (NULL: as before); says what is wrong and keeps the old one where it cannot be read. */
bool app_set_input(App *app, const char *text, const char *target);
/* The same for all that -t, --target and --ids may say; NULL members: the model's example. */
bool app_set_given(App *app, InputText given);
bool app_set_model(App *app, const char *name);
/* Appends a token to what the decoder is fed, and runs again; false, said, where that cannot be. */
bool app_take_token(App *app, int id);
/* Takes the one appended last away again, and runs again; there must be one (app->sampling.taken). */
bool app_give_token_back(App *app);
/* Opens the line for an edit, begun with the number of this cell. */
void app_edit_cell(App *app, Cellref cell);
/* The text of the ids a stack is fed, for the title: "我 爱 你". */
void app_input_text(const App *app, Stack stack, Buffer *out);
/* True where the mask hides this cell of a WEIGHTS stage: it is 0 because its score is -inf. */
bool app_is_masked(App *app, size_t stage, size_t offset);

/* ---- feed.c: what is run ---- */

/* A pass over the input with the edits that there are. NULL with e set. */
Pass *feed_edited_pass(App *app, Model *m, const Input *in, Error *e);
/* Takes a new pass in place of the old one, and stands where the user stood. */
void feed_replace_pass(App *app, Pass *p);
InputText feed_copy_given(InputText g);
void feed_free_given(InputText *g);
/* The last position of what is fed to the output's stack: where the interesting row is. */
size_t feed_last_position(const App *app);

/* ---- stepping.c ---- */

/* To the loss of this pass, and from there backwards; false where that cannot be, with the reason said, or was stopped: on the way to the loss, or
 * at it. */
bool stepping_to_loss(App *app);
bool stepping_backward(App *app);
/* Many steps at once end where the way turns: at the end of the pass, at the loss, at the first stage again. */
void stepping_next(App *app, size_t times);
void stepping_back(App *app, size_t times);
void stepping_into(App *app);
void stepping_out(App *app);
/* The same stage `by` layers on, or the neighbouring stage where the layers end. */
void stepping_layer(App *app, int by);
/* The gradient of the cell under the cursor beside what a small change of the number does to the loss. */
void stepping_check(App *app);

/* Forgets the loss and what came after it: the pass goes forwards again. */
void app_forward(App *app);

/* The matrix that a stage shows: the chosen head of a rank-3 value, or all of a rank-2 one. */
typedef struct Slice {
    const real *data; /* [rows, cols] */
    size_t rows, cols;
    size_t head, heads; /* heads is 0 where there are none */
    int row_axis, col_axis; /* which axes of the stage */
} Slice;
Slice app_slice(App *app, size_t stage, bool gradient);

/* The views, each in a file of its own; and what else those files do. */
#define VIEW(ID, family, title, click)                   \
    void family##_draw(App *app, Canvas *c, Rect area); \
    bool family##_command(App *app, CommandId id, size_t count);
#include "view/views.def"
#undef VIEW
/* The matrix of the stage where the program stands, and under it its formula and its metrics: at least so many, more where there is room. */
void step_draw_values(App *app, Canvas *c, Rect area, size_t least);
/* The keys that matter now in a view, in the order of the status line; returns how many. */
enum { OFFERS_MAX = 24 };
typedef struct Offer {
    CommandId id;
    char key[16];
    const char *word; /* translated */
} Offer;
size_t screen_offers(const App *app, ViewId view, Offer out[OFFERS_MAX]);
bool step_click(App *app, int row, int col, MouseAction action);
void cell_open(App *app, Cellref cell);
/* The gradient of an entry of a weight (col 0 of a vector), from the weight's view; the pass has gone backwards. */
void cell_open_weight(App *app, size_t weight, size_t row, size_t col);
/* Whether the chosen line has two factors to open, and it is the second (or the first) that is not chosen. */
bool cell_has_other_factor(const App *app, bool second);
/* The same cell of a new pass. */
void cell_open_again(App *app);
/* The view that a session comes back to: where the open cell is not the one under the matrix's cursor, what it was opened from. */
ViewId cell_place(const App *app);
/* To the next row or else column of the weight whose name has the text in it. */
void weight_search(App *app, const char *text);
void weight_open(App *app, size_t weight, size_t row, size_t col);
/* The other weight of the stage that reads the one shown, or NO_WEIGHT. */
int weight_other(const App *app);
bool map_click(App *app, int row, int col, MouseAction action);
/* At the sampler's first stage; of an encoder at its first masked token where it has one. */
void next_open(App *app);
/* To the next token behind the cursor whose text has this in it. */
void next_search(App *app, const char *text);
/* Opens it at the layer and head where the program stands. */
void cache_open(App *app);
/* To the next row whose token has this in it. */
void cache_search(App *app, const char *text);
/* Where it is seen and was not made yet: makes its passes. Called after every event. */
void tracing_follow(App *app);
/* The corrupted pass reads this sentence, which has as many tokens; "" goes back to noise. Says what is wrong with it. */
void tracing_set_text(App *app, const char *text);
void differences_open(App *app); /* at the first stage that differs */
void table_open(App *app);
void table_forget(App *app);
/* Whether a number of it is still to be computed, and computing the next. */
bool table_pending(const App *app);
void table_work(App *app);
void help_open(App *app);
/* To the next line that has the text in it. */
void help_search(App *app, const char *text);
bool menu_click(App *app, int row, int col, MouseAction action);
void menu_open(App *app, MenuKind kind);
void menu_free(Menu *m);
/* At the first step of the text that is fed; says why where there is none. */
void cutting_open(App *app);
void cutting_free(struct Cutting *w);
/* Puts the bug into the pass and asks where it is. Says why where it cannot be found in this pass. */
int hunt_start(App *app, const Bug *bug, uint64_t seed, Error *e);
/* Goes on with a hunt as it was left: its bug, what was answered and how many hints were shown. */
int hunt_resume(App *app, const Hunt *left, Error *e);
/* The stage where the program stands is named as the one with the bug. */
void hunt_accuse(App *app);
/* Opens the page; on the page, the next hint. */
void hunt_open(App *app);
/* What a new pass gets before it is run: the bug, while there is a hunt. */
int hunt_put(const App *app, Pass *p, Error *e);
/* "hunt, level 2", for the title; false where there is none. */
bool hunt_badge(const App *app, char out[48]);
/* A paragraph of a bug's card, or its heading. */
typedef struct HuntLine {
    Role role;
    const char *text; /* translated */
} HuntLine;
enum { HUNT_CARD_LINES = 10 };
/* Fills lines; returns how many. */
int hunt_card(const Bug *b, HuntLine lines[HUNT_CARD_LINES]);

/* A matrix to be drawn: of the stage where the program stands, with the cursor; of another one beside it, for comparison; or of
 * anything that is `like` a stage in its shape and axes. */
typedef struct Shown {
    size_t stage;
    bool here, gradient;
    size_t *top, *left; /* first row and column, kept from frame to frame */
    const Stage *like;  /* rank 2; NULL: the stage itself */
    Matrix values;      /* of `like`, with the cursor at row, col */
    const NumberRange *range; /* of the values; NULL: it is computed, and they are one row after the other in memory */
    size_t row, col;
    const Pass *names;  /* whose tokens the rows and columns are; NULL: the pass's */
} Shown;
/* Draws as much of it as fits, and returns the rows used. */
int matrix_draw_one(App *app, Canvas *c, Rect area, const Shown *what);

/* Panes of the step view. */
void matrix_draw(App *app, Canvas *c, Rect area);
bool matrix_command(App *app, CommandId id, size_t count);
bool matrix_click(App *app, int row, int col);
void matrix_search(App *app, const char *text);
/* The next index along an axis of s, after `from` and around, whose name has the text in it, or which "#12" says; -1 where there is none. */
long matrix_find(const App *app, const Stage *s, int axis, size_t from, const char *text);
void plan_draw(App *app, Canvas *c, Rect area);
bool plan_command(App *app, CommandId id, size_t count);
bool plan_click(App *app, int row, int col);

/* The watches: rows they take of a screen with `room` rows, 0 where there are none. */
int watches_rows(const App *app, int room);
void watches_draw(const App *app, Canvas *c, Rect area);

/* The pauses between forwards and backwards, and after: in place of the matrix. */
void loss_draw(App *app, Canvas *c, Rect area);
void update_draw(App *app, Canvas *c, Rect area);
/* One AdamW step from the gradients of this pass, on a copy of the weights. False with the reason said. */
bool update_make(App *app);
/* Puts the new weights in place of the old ones. */
void update_take(App *app);
void update_free(Update *u);

/* The line at the bottom while something is typed. */
void prompt_open(App *app, PromptKind kind, const char *text);
/* The command that stands in the line without anything behind it, or COMMAND_NONE. */
CommandId prompt_command(const App *app);
bool prompt_key(App *app, int32_t key);
void prompt_draw(App *app, Canvas *c, Rect area);

/* Taking it away (export.c): the menu's items, what choosing one does, and the file that was named. */
void export_fill(App *app, void (*add)(Menu *m, const char *label, const char *name, const char *what, bool on));
void export_choose(App *app);
/* Writes to a file whose name's end says the format: the matrix that is shown. */
void export_to(App *app, const char *path);
/* What the prompts PROMPT_EXPORT and PROMPT_SAVE accept; false where the line stays, to be mended. */
bool export_accept(App *app, const char *path);
bool session_accept(App *app, const char *path);
/* True where a file of this name may be written: there is none, or its overwriting was asked for with the same name before. */
bool export_may_write(App *app, const char *path);

/* ---- numbers as text ---- */

enum { NUMBER_MAX = 32 };
/* Writes x with `digits` digits after the point (an exponent where it would be longer than 12 characters);
 * -inf is "−∞" ("-inf" in ASCII), NaN "nan". Always with a decimal point. Returns the columns it takes. */
int number_format(char out[NUMBER_MAX], double x, int digits, bool ascii);
/* Whether the numbers of a stage are shares of 1: attention weights, probabilities. */
bool number_is_share(const Stage *s);
/* The same for a share of 1: 0 is "0", as where a key is masked; one that would be written as 0 and is not gets an exponent, "3e-06", in no more
 * columns where digits is at least 3. */
int number_share(char out[NUMBER_MAX], double x, int digits, bool ascii);
/* Columns that every share fits in with these digits. */
int number_share_width(int digits);
/* Columns that every number of x [n] fits in with these digits, infinities included. */
int number_width(const real *x, size_t n, int digits);

/* ---- the same without a terminal ---- */

/* Every stage of a pass as plain text: name, formula with shapes, what it does, the whole matrix with the tokens'
 * names, its metrics. What is wider than so many columns is broken, a matrix into blocks of columns, one below the other.
 * Written piece by piece to `emit`, which returns false to stop (a closed pipe). */
bool walk_text(Pass *p, int digits, int columns, bool ascii, bool (*emit)(void *context, const char *text, size_t n), void *context);
/* One of them: where the address names heads, only those, and the metrics are those of the row it names. `gradient`, after pass_backward:
 * its d(loss)/d(stage) instead. */
bool walk_stage(Pass *p, const Address *at, bool gradient, int digits, int columns, bool ascii, bool (*emit)(void *context, const char *text, size_t n),
                void *context);

#endif
