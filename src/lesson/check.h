/* check.h - whether what a lesson asserts is so: its checks, its answers, its stops, its experiments.
 *
 * Owns the order in which a lesson is run through. Computes; knows no screen: what it finds goes to a listener. */
#ifndef LESSON_CHECK_H
#define LESSON_CHECK_H

#include "lesson/scene.h"

/* One claim, and what came of it. */
typedef struct Claim {
    const Lesson *lesson;
    const Block *block;
    int line;
    const char *text; /* the expression; of a bug that is caught, its id */
    const Bug *bug;   /* the claim is that this bug makes one of the block's claims false; else NULL */
    bool held;
    const char *sides; /* what its sides come to: "0.42 < 0.38"; "" where there is nothing to say */
} Claim;

/* Computes claim i of a check block (or of an ask's `holds`) in a scene. `sides` gets what was compared. -1 with e set, naming file and
 * line, where it cannot be computed. */
int check_claim(Scene *s, const Lesson *l, const Block *b, size_t i, bool *held, Buffer *sides, Error *e);

typedef enum CheckResult { CHECKED_TRUE, CHECKED_FALSE, CHECKED_MALFORMED } CheckResult;

/* How a lesson is gone through. Both may be NULL. */
typedef struct CheckListener {
    void *context;
    void (*claim)(void *context, const Claim *claim);
    void (*wrong)(void *context,
                  const char *line); /* "FILE:LINE: …", of what is malformed: it names what is not there, cannot be computed */
} CheckListener;

/* How many claims there were: of each label, of questions, and bugs that a block was said to catch. */
typedef struct CheckCounts {
    size_t labels[CHECK_LABEL_COUNT], questions, bugs;
} CheckCounts;

/* Runs all of a lesson; goes on after what is false, and after what is malformed as far as it can. A block that says it catches a bug is
 * run again with the bug in the engine: one of its claims must then be false. Where `bug` is given, all of the lesson is run in an engine
 * with that bug, and what it makes false is heard of. *counts (or NULL) is added to. */
CheckResult lesson_check(const Lesson *l, const Bug *bug, LabRuns *labs, const CheckListener *listener, CheckCounts *counts);

/* Two languages of one lesson: whether they have the same acting blocks, with the same numbers in the text, in the same order. -1 with e
 * set, naming the line of the first where they part. Prose and words may differ. */
int lesson_compare(const Lesson *a, const Lesson *b, Error *e);

#endif
