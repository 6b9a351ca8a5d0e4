/* table.h - a table of results, printed as text, json or csv.
 *
 * Owns its cells. Knows nothing of what they mean. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { TABLE_COLUMNS = 24 };
typedef enum TableFormat { TABLE_TEXT, TABLE_JSON, TABLE_CSV } TableFormat;
typedef enum TableKind { TABLE_NOTHING, TABLE_WORD, TABLE_COUNT, TABLE_NUMBER } TableKind;

typedef struct TableCell {
    TableKind kind;
    char *word;    /* owned */
    double number; /* a NaN is nothing */
} TableCell;

typedef struct TableFact {
    const char *name; /* borrowed */
    TableCell value;
} TableFact;

typedef struct Table {
    const char *columns[TABLE_COLUMNS]; /* borrowed */
    size_t width;
    TableFact facts[TABLE_COLUMNS]; /* what holds for the whole table: the model, the position, … */
    size_t fact_count;
    TableCell *cells; /* [rows][width]; the last row may be unfinished */
    size_t count, room;
    bool failed; /* out of memory: what is added is ignored, printing says so */
} Table;

/* The columns, ended by NULL. */
void cli_table_begin(Table *t, const char *const *columns);
void cli_table_free(Table *t);

void cli_table_fact_word(Table *t, const char *name, const char *word);
void cli_table_fact_count(Table *t, const char *name, size_t n);
void cli_table_fact_number(Table *t, const char *name, double x);
/* The next cell: row after row, column after column. */
void cli_table_word(Table *t, const char *word);
void cli_table_count(Table *t, size_t n);
void cli_table_number(Table *t, double x);
void cli_table_nothing(Table *t);

/* text: facts behind '#', then aligned columns, numbers with six significant digits, control characters escaped. json: one object, the
 * facts and "rows". csv: a line of names, then the rows; facts are left out. Nothing is "-", null and empty. -1 with e set without memory.
 */
int cli_table_write(const Table *t, TableFormat format, Buffer *out, Error *e);

#endif
