/* inspect.h - what a user asks about a pass in the debugger's line: print, watch, break, and where to continue to.
 *
 * Owns the breakpoints, the watches and the last thing printed. The language is measure/expression.h's. */
#ifndef VIEW_INSPECT_H
#define VIEW_INSPECT_H

#include "base/buffer.h"
#include "measure/breakpoint.h"
#include "measure/expression.h"
#include "view/commands.h"

struct App;

/* An expression whose value is shown at every stop. */
typedef struct Watched {
    int number;
    char *text;
    Expression *expression;
    Value now, before;        /* at this stop and at the last one */
    bool has_now, has_before; /* false: not known, or an error */
    char error[256];          /* why there is no value now */
} Watched;

enum { WATCHES_MAX = 32, LINES_KEPT = 50 };

typedef struct Inspect {
    Breakpoints breakpoints;
    Watched watches[WATCHES_MAX];
    size_t watch_count;
    int last_number; /* breakpoints and watches are counted together */
    size_t stop_at;  /* where the watches were last computed */
    int stop_phase;
    bool stale;                 /* what is run was changed since */
    Buffer printed;             /* VIEW_PRINTED: the lines */
    char *lines[LINES_KEPT];    /* what was typed behind ":", the newest last */
    size_t line_count, line_at; /* line_at == line_count: none of them is shown */
    size_t wrong_at;            /* the byte that the last error of a command's argument is about */
    struct LabRuns *labs;       /* what :print asked of laboratories; NULL until the first */
    size_t choice;              /* VIEW_BREAKPOINTS: the chosen line */
} Inspect;

void inspect_free(Inspect *x);
/* The pass, its input or its weights are others now: breakpoints are found anew, watches computed again. */
void inspect_changed(struct App *app);
/* After every event: where the program stands elsewhere, the watches are computed. */
void inspect_stop(struct App *app);

/* "break *.weights if …": runs a command with what was typed behind its name; false with the reason said, the line stays. */
bool inspect_command(struct App *app, CommandId id, const char *argument);

/* A breakpoint at this stage, or none there any more. */
void inspect_toggle_breakpoint(struct App *app);
/* On, or back, to the next breakpoint; else to the end of the way. */
void inspect_continue(struct App *app);
void inspect_reverse(struct App *app);
/* Goes through the stages `from` … `to`, in either direction, and stands at the first where a breakpoint or the user stops: true, and that is said;
 * else false, at `to`. */
bool inspect_walk(struct App *app, size_t from, size_t to);
/* True where a breakpoint is at one of the stages first … end-1. */
bool inspect_is_marked(const struct App *app, size_t first, size_t end);

/* The lines typed before, `by` older (-1) or newer (1); NULL where there is none. */
const char *inspect_line(struct App *app, int by);
void inspect_keep_line(struct App *app, const char *line);

#endif
