/* sheet.h - a table of results, printed as text, json or csv.
 *
 * Owns its cells. Knows nothing of what they mean. */
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { SHEET_COLUMNS = 24 };
typedef enum SheetFormat { SHEET_TEXT, SHEET_JSON, SHEET_CSV } SheetFormat;
typedef enum SheetKind { SHEET_NOTHING, SHEET_WORD, SHEET_COUNT, SHEET_NUMBER } SheetKind;

typedef struct SheetCell {
    SheetKind kind;
    char *word;    /* owned */
    double number; /* a NaN is nothing */
} SheetCell;

typedef struct SheetFact {
    const char *name; /* borrowed */
    SheetCell value;
} SheetFact;

typedef struct Sheet {
    const char *columns[SHEET_COLUMNS]; /* borrowed */
    size_t width;
    SheetFact facts[SHEET_COLUMNS]; /* what holds for the whole table: the model, the position, … */
    size_t fact_count;
    SheetCell *cells; /* [rows][width]; the last row may be unfinished */
    size_t count, room;
    bool failed; /* out of memory: what is added is ignored, printing says so */
} Sheet;

/* The columns, ended by NULL. */
void sheet_begin(Sheet *t, const char *const *columns);
void sheet_free(Sheet *t);

void sheet_fact_word(Sheet *t, const char *name, const char *word);
void sheet_fact_count(Sheet *t, const char *name, size_t n);
void sheet_fact_number(Sheet *t, const char *name, double x);
/* The next cell: row after row, column after column. */
void sheet_word(Sheet *t, const char *word);
void sheet_count(Sheet *t, size_t n);
void sheet_number(Sheet *t, double x);
void sheet_nothing(Sheet *t);

/* text: facts behind '#', then aligned columns, numbers with six significant digits, control characters escaped. json: one object, the
 * facts and "rows". csv: a line of names, then the rows; facts are left out. Nothing is "-", null and empty. -1 with e set without memory.
 */
int sheet_write(const Sheet *t, SheetFormat format, Buffer *out, Error *e);

#endif
