/* record.h - the answers a learner gave, kept in a file, and what they sum up to.
 *
 * Owns the file: $XDG_STATE_HOME/stepformer/answers, or ~/.local/state/stepformer/answers. One line of JSON an answer, written at once,
 * so that whatever ends the program loses at most the last. Knows no screen. */
#ifndef LESSON_RECORD_H
#define LESSON_RECORD_H

#include "lesson/question.h"

typedef enum Result { RESULT_RIGHT, RESULT_PARTLY, RESULT_WRONG, RESULT_SKIPPED, RESULT_COUNT } Result;
/* "right", "partly", "wrong", "skipped": as it is written, not translated. */
const char *result_name(Result r);

/* One answer, or a question that was skipped. Texts are borrowed. */
typedef struct RecordEntry {
    const char *source;   /* who asked: "predict", "fill", "lesson q03" */
    const char *model;    /* "zh-en" */
    const char *topic;    /* the kind of stage: "weights"; in a lesson what it likes */
    const char *question; /* Question.name */
    const char *mistake;  /* Mistake.name, "" where none is known */
    const char *given;    /* the answer in words, "" where it was skipped */
    Result result;
    int attempt; /* 1: the first time this question was answered */
} RecordEntry;

/* The file's name, in memory the caller frees; NULL with e set where neither $XDG_STATE_HOME nor $HOME says where. */
char *record_path(Error *e);
/* The same for another file beside it: "lessons". */
char *record_file(const char *name, Error *e);
/* Makes the folders above such a file, for the user alone. */
int record_make_folders(const char *path, Error *e);
/* Appends a line (without its end) to such a file, as record_add does. */
int record_append(const char *path, const char *line, Error *e);
/* Appends a line to the file, making it and its folders where they are not there. -1 with e set where that cannot be done; nothing is
 * half written. */
int record_add(const char *path, const RecordEntry *entry, Error *e);

/* What was asked about one topic, or which mistake was made. */
typedef struct RecordTopic {
    char name[QUESTION_NAME_MAX];
    size_t count[RESULT_COUNT];
    size_t first; /* right, the first time */
} RecordTopic;
typedef struct RecordMistake {
    char name[QUESTION_NAME_MAX], topic[QUESTION_NAME_MAX];
    size_t count;
} RecordMistake;

typedef struct RecordSummary {
    size_t answers; /* right, partly or wrong */
    size_t count[RESULT_COUNT];
    size_t first;        /* right, the first time */
    RecordTopic *topics; /* in the order they first came in */
    size_t topic_count;
    RecordMistake *mistakes; /* the most frequent first */
    size_t mistake_count;
    size_t damaged, first_damaged; /* lines that could not be read, and the first one's number */
} RecordSummary;

/* Sums up a file; one that is not there holds no answers. Damaged lines are counted and left out. -1 with e set where it cannot be read. */
int record_summarize(const char *path, RecordSummary *out, Error *e);
void record_summary_free(RecordSummary *s);
/* Removes the file; *was_there says whether there was one. */
int record_forget(const char *path, bool *was_there, Error *e);

#endif
