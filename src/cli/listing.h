/* listing.h - a table of results, printed as text, json or csv.
 *
 * Owns its cells. Knows nothing of what they mean. */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { LISTING_COLUMNS = 24 };
typedef enum ListingFormat { LISTING_TEXT, LISTING_JSON, LISTING_CSV } ListingFormat;
typedef enum ListingKind { LISTING_NOTHING, LISTING_WORD, LISTING_COUNT, LISTING_NUMBER } ListingKind;

typedef struct ListingCell {
    ListingKind kind;
    char *word;    /* owned */
    double number; /* a NaN is nothing */
} ListingCell;

typedef struct ListingFact {
    const char *name; /* borrowed */
    ListingCell value;
} ListingFact;

typedef struct Listing {
    const char *columns[LISTING_COLUMNS]; /* borrowed */
    size_t width;
    ListingFact facts[LISTING_COLUMNS]; /* what holds for the whole table: the model, the position, … */
    size_t fact_count;
    ListingCell *cells; /* [rows][width]; the last row may be unfinished */
    size_t count, room;
    bool failed; /* out of memory: what is added is ignored, printing says so */
} Listing;

/* The columns, ended by NULL. */
void listing_begin(Listing *t, const char *const *columns);
void listing_free(Listing *t);

void listing_fact_word(Listing *t, const char *name, const char *word);
void listing_fact_count(Listing *t, const char *name, size_t n);
void listing_fact_number(Listing *t, const char *name, double x);
/* The next cell: row after row, column after column. */
void listing_word(Listing *t, const char *word);
void listing_count(Listing *t, size_t n);
void listing_number(Listing *t, double x);
void listing_nothing(Listing *t);

/* text: facts behind '#', then aligned columns, numbers with six significant digits, control characters escaped; a table wider than `columns` has
 * four digits, and where that is not enough stands in blocks, each with what its rows are of. json: one object, the facts and "rows". csv: a line of
 * names, then the rows; facts are left out. Nothing is "-", null and empty. -1 with e set without memory. */
int listing_write(const Listing *t, ListingFormat format, int columns, Buffer *out, Error *e);

/* text_wrap of what the program says (text_show), ended with a newline. */
void listing_wrap(Buffer *out, const char *s, int indent, int columns, bool ascii);

/* Adds a text as the manual page is written, in ASCII: \- for -, \e for \, and \[u00D7] for a character beyond. */
void listing_add_man(Buffer *out, const char *s);

#endif
