/* table.h - a result as rows and columns, and the plots that go with it: what experiments hand back.
 *
 * Owns its texts and numbers. Knows nothing of where it is shown; writes itself as text, CSV, JSON, Markdown and (plots) SVG. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct TableColumn {
    char *name;   /* as it is asked for: "entropy" (letters, digits, _) */
    char *title;  /* for people, translated: "entropy, nats" */
    bool text;    /* its cells are words, not numbers */
    int digits;   /* after the point; -1: as many as tell the number apart (%g); -n: n significant ones */
} TableColumn;

typedef struct Table {
    char *name;  /* "scaling" */
    char *title; /* translated */
    TableColumn *columns;
    size_t column_count;
    double *numbers; /* [rows, columns]; NaN where there is none */
    char **texts;    /* [rows, columns]; NULL where the cell is a number or empty */
    size_t row_count, row_room;
    bool failed;     /* an allocation failed, or a cell was set that is not there: additions are ignored, the caller checks once at the end */
} Table;

/* An empty table; columns are added before the first row. */
Table table_new(const char *name, const char *title);
void table_free(Table *t);
void table_column(Table *t, const char *name, const char *title, int digits);
void table_text_column(Table *t, const char *name, const char *title);
/* Adds a row of NaN; returns its index. */
size_t table_row(Table *t);
void table_set(Table *t, size_t row, const char *column, double x);
void table_set_text(Table *t, size_t row, const char *column, const char *text);

/* The index of a column, or -1; of the first row whose first column is this (text, or the number it reads as), or -1. */
int table_find_column(const Table *t, const char *name);
int table_find_row(const Table *t, const char *key);
double table_number(const Table *t, size_t row, size_t column);

/* Appends it. Text is aligned, CJK counted two columns wide; `ascii` writes text_show's ASCII. In CSV and JSON numbers are the shortest texts that
 * read back as the same numbers; where there is none CSV has nothing and JSON null. */
void table_write_text(const Table *t, Buffer *out, bool ascii);
void table_write_csv(const Table *t, Buffer *out);
void table_write_json(const Table *t, Buffer *out);
void table_write_markdown(const Table *t, Buffer *out);

/* ---- plots ---- */

typedef struct PlotSeries {
    char *name;   /* translated, for the legend */
    double *x, *y; /* [count]; NaN breaks the line */
    double *low, *high; /* the spread, NaN where a point has none */
    size_t count;
} PlotSeries;

typedef struct Plot {
    char *title, *x_title, *y_title; /* translated */
    bool x_log, y_log;
    bool bars;       /* a bar for each x instead of a line */
    PlotSeries *series;
    size_t series_count;
    bool failed;
} Plot;

Plot plot_new(const char *title, const char *x_title, const char *y_title);
void plot_free(Plot *p);
/* A series; points are copied in by plot_point. Returns its index. */
size_t plot_series(Plot *p, const char *name);
void plot_point(Plot *p, size_t series, double x, double y);
/* The same with its spread. */
void plot_point_spread(Plot *p, size_t series, double x, double y, double low, double high);

/* Drawn with characters, `cols` wide and `rows` high: axes with numbers, a mark for each series (told apart without colour), a legend. */
void plot_write_text(const Plot *p, int cols, int rows, Buffer *out, bool ascii);
/* An accessible SVG, PLOT_SVG_WIDTH x PLOT_SVG_HEIGHT pixels: title, axes, legend, series told apart by dash and mark, not by hue alone. */
enum { PLOT_SVG_WIDTH = 800, PLOT_SVG_HEIGHT = 410 };
void plot_write_svg(const Plot *p, Buffer *out);
void plot_write_json(const Plot *p, Buffer *out);

#endif
