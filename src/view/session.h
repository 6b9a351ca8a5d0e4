/* session.h - a session: everything needed to stand at the same place of the same model again.
 *
 * Owns the format, a small JSON object that people can read. Numbers of the model are not in it: it names the model, and has fingerprints
 * of its config, vocabulary and weights, so that another model under the same name is noticed. Knows no terminal.
 *
 *   {"session": 1, "program": "0.1",
 *    "model": {"name": "zh-en", "tokenizer": null, "config": "…", "vocabulary": "…", "weights": "…"},
 *    "given": {"text": "我爱你", "target": null, "ids": null, "target_ids": null},    as it was typed; null where it was not
 *    "source": [5, 6, 2], "target": [1, 40],                                          what the stacks are fed
 *    "ablations": ["no-residual"], "edits": [], "breakpoints": [], "watches": [],
 *    "hunt": {"bug": "softmax-axis", "seed": 3, "hints": 1, "wrong": 0, "named": "", "solved": false, "out": false, "found": ""},
 *                                                                                     where there is one
 *    "place": {"phase": "forward", "stage": "decoder.0.self.weights", …}}
 *
 * Reading is strict: every key once, no other key, every value of its type and in its range. */
#ifndef VIEW_SESSION_H
#define VIEW_SESSION_H

#include "view/app.h"

enum { SESSION_VERSION = 1, SESSION_MAX_BYTES = 16 << 20, FINGERPRINT = 17 };

/* FNV-1a of 64 bits (Fowler, Noll and Vo), as sixteen hexadecimal digits. */
typedef char Fingerprint[FINGERPRINT];

typedef struct Session {
    char *program; /* the version that wrote it */
    char *model;   /* as -m takes it: a name of a shipped model, a path, or random:… */
    char *tokenizer;
    Fingerprint config, vocabulary, weights;
    char *text, *target_text, *ids, *target_ids; /* NULL where nothing was given */
    Ids source, target;
    Ablations ablations;
    TextList edits, breakpoints, watches;
    /* the place */
    Phase phase;
    char *stage;
    size_t cursor[AXIS_COUNT];
    ViewId view;
    char *weight; /* VIEW_WEIGHT: its name; else NULL */
    size_t weight_cursor[2];
    Grain grain;
    Show show;
    bool all_heads, show_value;
    size_t digits, top, left;
    Theme theme;
    Sampling sampling; /* its settings, stage and how many tokens were taken */
    Hunt hunt;         /* its bug is NULL where there is none */
} Session;

/* What an app's session is; strings are copies. -1 with e set; nothing is to be freed then. */
int session_of(const App *app, Session *s, Error *e);
void session_free(Session *s);

void session_write(const Session *s, Buffer *out);
/* Reads what session_write wrote, or a person. name is what errors begin with. On an error nothing is to be freed. */
int session_read(Session *s, const char *bytes, size_t n, const char *name, Error *e);

/* Opens the model, checks that it is the same, and makes the debugger stand where it stood. NULL with e set: nothing is opened half. */
App *session_app(const Session *s, const char *name, Theme theme, bool color, Error *e);
/* Reads a file and opens it, and remembers its name for the next save. */
App *session_open(const char *path, Theme theme, bool color, bool own_theme, Error *e);
/* Writes it whole or not at all. */
int session_save(App *app, const char *path, Error *e);

#endif
