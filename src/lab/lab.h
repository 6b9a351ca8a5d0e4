/* lab.h - the laboratories: an experiment has parameters and gives tables, plots and what they do and do not show.
 *
 * Owns the list of experiments (lab.def) and how parameters are read. Knows nothing of a terminal: it returns results and errors. */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "base/random.h"
#include "base/table.h"

#include <stdint.h>

typedef enum LabParamKind { LAB_INTEGER, LAB_REAL, LAB_INTEGERS, LAB_REALS, LAB_WORD, LAB_TEXT } LabParamKind;

/* A parameter: "d_k=4,16,64". */
typedef struct LabParam {
    const char *name; /* as reference.py's config has it where it is one: "d_head", "n_heads"; else plain words: "seeds" */
    LabParamKind kind;
    const char *usual;  /* its value where nobody says */
    const char *small;  /* the value that checks use: seconds, not minutes; NULL: as usual */
    double least, most; /* of numbers */
    const char *words;  /* LAB_WORD: "none|sqrt|d" */
    const char *what;   /* translatable */
} LabParam;

enum { LAB_PARAMS_MAX = 12, LAB_VALUES_MAX = 64, LAB_TABLES_MAX = 6, LAB_PLOTS_MAX = 6, LAB_NOTES_MAX = 12 };

typedef struct LabValue {
    char *text;                     /* as it was given; owned */
    double numbers[LAB_VALUES_MAX]; /* one, or a list */
    size_t count;
    bool given;                     /* by lab_set */
} LabValue;

typedef struct LabInfo LabInfo;

/* An experiment while it runs, and what came of it. */
typedef struct Lab {
    const LabInfo *info;
    LabValue values[LAB_PARAMS_MAX];
    /* 0 … 1, seldom; false: stop (an error that says so follows). NULL: nobody listens. */
    bool (*progress)(void *context, double share, const char *what);
    void *context;
    Table tables[LAB_TABLES_MAX + 1]; /* one more than can be used: where there is no room for another, it is filled and lab_run fails */
    size_t table_count;
    Plot plots[LAB_PLOTS_MAX + 1];
    size_t plot_count;
    char *notes[LAB_NOTES_MAX]; /* findings in words with their numbers, computed; translated */
    size_t note_count;
    bool failed; /* no memory, or more tables, plots or notes than there is room for */
} Lab;

/* A row of lab.def. To add an experiment: a row there; in a file of src/lab its function lab_run_ID and, at the end, its parameters
 * lab_params_ID. */
struct LabInfo {
    const char *name;               /* "scaling" */
    const char *title;              /* what is asked, translatable: "Why are scores divided by √d_k?" */
    const char *varies, *fixed;     /* what it varies, what it holds fixed; translatable */
    const char *limits;             /* what it does not show; translatable */
    const char *lessons;            /* "q03 q06" */
    const LabParam *params;         /* up to one whose name is NULL */
    int (*run)(Lab *lab, Error *e); /* fills tables, plots, notes; deterministic for given parameters */
};

extern const LabInfo lab_table[];
extern const size_t lab_count;
#define LAB(id, ...)                                                                                                                       \
    int lab_run_##id(Lab *lab, Error *e);                                                                                                  \
    extern const LabParam lab_params_##id[];
#include "lab/lab.def"
#undef LAB

const LabInfo *lab_find(const char *name);
/* Prepares one with its usual (or small) values; lab_set then changes some: "d_k=4,16". Errors name the parameter and what is expected. */
int lab_begin(Lab *lab, const LabInfo *info, bool small, Error *e);
int lab_set(Lab *lab, const char *assignment, Error *e);
/* Runs it. -1 with e set; what it has is freed by lab_free all the same. */
int lab_run(Lab *lab, Error *e);
void lab_free(Lab *lab);

/* ---- for the experiments ---- */

/* The value of a parameter by its name; it is one of info->params. */
const LabValue *lab_value(const Lab *lab, const char *name);
double lab_number(const Lab *lab, const char *name);
size_t lab_size(const Lab *lab, const char *name);
bool lab_is(const Lab *lab, const char *name, const char *word);
/* The next table or plot; added to the lab, which owns it. */
Table *lab_table_new(Lab *lab, const char *name, const char *title);
Plot *lab_plot_new(Lab *lab, const char *title, const char *x_title, const char *y_title);
void lab_note(Lab *lab, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says how far it is; -1 with e set where the listener wants it to stop. */
int lab_progress(Lab *lab, double share, const char *what, Error *e);

/* A named result: a cell of the tables by row and column. The row is the first column's text or number ("none", "0.5"), or "#3", counted
 * from 0; the table's name may stand before it ("gradient.64", "gradient.#3"), else the first table that has such a row and column is
 * meant. -1 with e set where there is none, or the cell is empty or a text. */
int lab_result(const Lab *lab, const char *row, const char *column, double *out, Error *e);

#endif
