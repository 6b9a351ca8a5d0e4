/* lesson.h - a lesson as it stands in its file: CommonMark, with fenced blocks the program acts on.
 *
 * Owns the blocks and their texts. Knows the format (lessons/README.md documents it), no model: what a block names is looked up when it is
 * run (scene.h), and what it claims is computed then (check.h). Every error names the file, the line, what was expected, what was found
 * and what to try. */
#ifndef LESSON_LESSON_H
#define LESSON_LESSON_H

#include "base/buffer.h"
#include "base/error.h"
#include "pass/bug.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum BlockKind {
    BLOCK_HEADING,
    BLOCK_TEXT, /* a paragraph, also of a list or a quotation */
    BLOCK_CODE, /* shown as it stands */
    BLOCK_TABLE,
    BLOCK_RULE,
    BLOCK_RUN, /* from here on the acting ones */
    BLOCK_STOP,
    BLOCK_ASK,
    BLOCK_LAB,
    BLOCK_CHECK,
    BLOCK_DRAW
} BlockKind;

/* How a piece of a text is meant. In a text a mark byte begins it and MARK_END ends it; texts hold no other control characters. */
typedef enum Mark {
    MARK_EMPHASIS = 1,
    MARK_STRONG = 2,
    MARK_CODE = 3,
    MARK_LINK = 4,   /* what the link says; its address follows as MARK_ADDRESS … MARK_END */
    MARK_NUMBER = 5, /* an expression, to be shown as what it comes to: `= var(scores)` */
    MARK_ADDRESS = 6,
    MARK_END = 7,
    MARK_BREAK = 8 /* a hard line break; has no end */
} Mark;

/* One line of an acting block: "key: value", a choice or mistake "- …", or an expression. */
typedef struct Item {
    char *text;  /* the value; of a choice what is offered, of a mistake its expression or answer; marked where it is prose */
    char *reply; /* of a choice or mistake: what stands behind "::"; of a claim the comment above it; or NULL */
    bool right;  /* of a choice: [x] */
    int line;
} Item;

enum { LESSON_ITEMS_MAX = 64 };

/* What is run before the first `run` block. */
#define LESSON_MODEL "hand-wired"

typedef struct ItemList {
    Item *items;
    size_t count;
} ItemList;

typedef enum AskKind { ASK_CHOICE, ASK_NUMBER, ASK_SHAPE, ASK_STAGE, ASK_REASON, ASK_KIND_COUNT } AskKind;
typedef enum CheckLabel { CHECK_ALWAYS, CHECK_INITIALISATION, CHECK_TRAINED, CHECK_THIS_MODEL, CHECK_LABEL_COUNT } CheckLabel;

/* The keys of acting blocks; each takes the value of one line. */
typedef enum LessonKey {
    KEY_MODEL,      /* run */
    KEY_TEXT,       /* run */
    KEY_TARGET,     /* run: what the decoder is fed */
    KEY_IDS,        /* run */
    KEY_TARGET_IDS, /* run */
    KEY_ABLATE,     /* run */
    KEY_EDIT,       /* run; may be given again */
    KEY_AT,         /* stop: an address, or "loss" */
    KEY_GRADIENT,   /* stop: an address, on the way back */
    KEY_SHOW,       /* stop: numbers, heat, both, heads */
    KEY_ID,         /* ask */
    KEY_ANSWER,     /* ask */
    KEY_TOLERANCE,  /* ask number */
    KEY_UNIT,       /* ask number */
    KEY_WHY,        /* ask */
    KEY_HOLDS,      /* ask: a claim that makes the answer right; may be given again */
    KEY_CATCHES,    /* check: bugs of the hunt, each of which makes one of the claims false */
    KEY_TABLES,     /* lab: which of its tables are shown, "1 3"; "none" */
    KEY_PLOTS,      /* lab: which of its charts are shown */
    KEY_COUNT
} LessonKey;

typedef struct Block {
    BlockKind kind;
    int line;     /* where it stands in the file, from 1 */
    int level;    /* HEADING: 1 … 6. TEXT: how deep in lists */
    char *text;   /* HEADING, TEXT: marked. CODE: as it stands. STOP, LAB: what to look at, marked. ASK: the question, marked. Never NULL */
    char *bullet; /* TEXT: what stands in front of it, "•" or "2.", or NULL; a paragraph that goes on under one has "" */
    bool quoted;  /* TEXT: in a quotation */
    char **cells; /* TABLE: rows * columns of them, marked; the first row is the head */
    size_t rows, columns;

    char *origin; /* a question drawn from another lesson, and its run block: that lesson's file; else NULL */
    AskKind ask;
    CheckLabel label;
    char *name;           /* ASK: its id. LAB: the experiment's name. CODE: its language, or NULL */
    Item keys[KEY_COUNT]; /* text NULL where it is not given; those given several times: the first */
    ItemList more;        /* EDIT and HOLDS, all of them; LAB: "key=value" settings; CHECK: expressions; DRAW: "q03/variance" */
    ItemList items;       /* ASK: choices or mistakes */
} Block;

typedef struct Lesson {
    char *path;  /* the file */
    char *name;  /* "q03": its folder's, or its file's without ".md" */
    char *lang;  /* "en", where the file is called en.md; else "" */
    char *title; /* the first heading, plain */
    Block *blocks;
    size_t count;
    size_t room;         /* for so many blocks there is room where questions were drawn (draw.h); else 0 */
    size_t asks, checks; /* how many ask and draw blocks, and expressions of check blocks */
} Lesson;

/* Reads n bytes. -1 with e set where they are no lesson; *l is then empty. */
int lesson_parse(Lesson *l, const char *path, const char *bytes, size_t n, Error *e);
/* Reads a file. */
int lesson_open(Lesson *l, const char *path, Error *e);
void lesson_free(Lesson *l);

/* "run", "stop" …: the first word of the fence; NULL for what does not act. */
const char *block_kind_name(BlockKind kind);
/* "always", "initialisation", "trained", "this-model": as it is written. */
const char *check_label_name(CheckLabel label);
/* What the label means, translated: "always true: algebra". */
const char *check_label_words(CheckLabel label);
/* The file that a block's lines are of. */
const char *block_path(const Lesson *l, const Block *b);
/* Whether the i-th table or chart of a lab block is to be shown, from 0: all are, where the key is not given. */
bool block_shows(const Block *b, LessonKey key, size_t i);
/* The value of a key, or NULL. */
const char *block_value(const Block *b, LessonKey key);

/* The bugs that a check block says it catches, and how many. -1 with e set where one is not known. */
enum { LESSON_CATCHES_MAX = 8 };
int block_catches(const Block *b, const Bug *bugs[LESSON_CATCHES_MAX], size_t *count, Error *e);

/* Appends a text without its marks; of a link what it says, of a number its expression. */
void lesson_plain(const char *marked, Buffer *out);

/* ---- where lessons are (library.c) ---- */

/* The file that a name means: a lesson's name ("q03"; case does not matter, "3" is q03) in the data folders' `lessons`, in this language
 * where it is there, else in English; a folder with en.md; or a file. NULL with e set where there is none; the caller frees it. */
char *lesson_find(const char *name, const char *lang, Error *e);
/* Calls `found` with the name and folder of each lesson of the data folders, sorted, without repeats; `folder` (or NULL): only those in
 * this one. */
int lessons_list(const char *folder, int (*found)(void *context, const char *name, const char *folder), void *context);

#endif
