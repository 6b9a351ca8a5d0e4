/* trace_table.c - a trace as tables to be read: GitHub's Markdown, and LaTeX.
 *
 * A matrix that is wider than a page is cut into several tables of whole columns, each with the row names again and a line that says which
 * columns it holds: nothing is left out, and nothing is shrunk until it cannot be read. */
#include "base/text.h"
#include "measure/trace_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MARKDOWN_COLUMNS = 16, LATEX_COLUMNS = 8 };

/* Adds a name with what the language would take for its own written so that it is shown. */
typedef void (*Escape)(Buffer *out, const char *text);

/* What a name is without control characters: \n, \t, \x1b as they are typed. A newline or tab in a token would break a row. */
static void visible(const char *text, Buffer *out)
{
    Buffer escaped = {0};
    if (strpbrk(text, "\n\r\t") || !text_is_valid(text, strlen(text)))
        text_escape(&escaped, text, strlen(text), false);
    else
        for (const char *p = text; *p; p++) {
            if ((unsigned char)*p < 0x20 || *p == 0x7f)
                buffer_printf(&escaped, "\\x%02x", (unsigned)(unsigned char)*p);
            else
                buffer_putc(&escaped, *p);
        }
    buffer_puts(out, buffer_text(&escaped));
    out->failed = out->failed || escaped.failed;
    buffer_free(&escaped);
}

/* GitHub Flavored Markdown, 6.1 (backslash escapes) and 4.10 (a cell's '|'); '&' would begin an entity. */
static void escape_markdown(Buffer *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '&')
            buffer_puts(out, "&amp;");
        else if (*p == '<')
            buffer_puts(out, "&lt;");
        else if (*p == '|') /* inside a table only this form survives in every renderer */
            buffer_puts(out, "&#124;");
        else if (strchr("\\`*_[]~$", *p)) {
            buffer_putc(out, '\\');
            buffer_putc(out, *p);
        } else
            buffer_putc(out, *p);
    }
}

/* The ten special characters of LaTeX; those that old fonts show as others; and [ ] *, which mean something after a \\. */
static void escape_latex(Buffer *out, const char *text)
{
    static const struct {
        char c;
        const char *tex;
    } special[] = {
        {'\\', "\\textbackslash{}"},
        {'~', "\\textasciitilde{}"},
        {'^', "\\textasciicircum{}"},
        {'{', "\\{"},
        {'}', "\\}"},
        {'$', "\\$"},
        {'&', "\\&"},
        {'#', "\\#"},
        {'%', "\\%"},
        {'_', "\\_"},
        {'<', "\\textless{}"},
        {'>', "\\textgreater{}"},
        {'|', "\\textbar{}"},
        {'[', "{[}"},
        {']', "{]}"},
        {'*', "{*}"},
        {'-', "{-}"},
        {'`', "{`}"},
        {'\'', "{'}"},
        {'"', "{''}"},
        {',', "{,}"},
        {'?', "{?}"},
        {'!', "{!}"},
    };
    for (const char *p = text; *p; p++) {
        const char *tex = NULL;
        for (size_t i = 0; i < sizeof special / sizeof *special && !tex; i++)
            if (special[i].c == *p)
                tex = special[i].tex;
        if (!tex && strncmp(p, "▁", strlen("▁")) == 0) {
            tex = "\\textvisiblespace{}";
            p += strlen("▁") - 1;
        }
        if (tex)
            buffer_puts(out, tex);
        else
            buffer_putc(out, *p);
    }
}

static void add_name(TraceWriter *w, const TraceItem *item, bool row, size_t i, Escape escape)
{
    Buffer name = {0}, shown = {0};
    trace_name(w, item, row, i, true, &name);
    visible(buffer_text(&name), &shown);
    escape(&w->text, buffer_text(&shown));
    w->text.failed = w->text.failed || name.failed || shown.failed;
    buffer_free(&name);
    buffer_free(&shown);
}

static void add_caption(TraceWriter *w, const TraceItem *item, int head, Escape escape)
{
    Buffer caption = {0};
    trace_caption(w, item, head, &caption);
    escape(&w->text, buffer_text(&caption));
    buffer_free(&caption);
}

/* Which columns a part of a wide matrix holds. */
static void add_part(TraceWriter *w, size_t first, size_t end, size_t cols)
{
    if (end - first < cols)
        buffer_printf(&w->text, _("columns %zu to %zu of %zu"), first, end - 1, cols);
}

void trace_write_table_head(TraceWriter *w, TraceFormat format)
{
    Buffer origin = {0}, shown = {0};
    trace_origin(w, &origin);
    visible(buffer_text(&origin), &shown);
    if (format == TRACE_MARKDOWN)
        escape_markdown(&w->text, buffer_text(&shown));
    else
        buffer_printf(&w->text, "%% %s", buffer_text(&shown));
    buffer_puts(&w->text, format == TRACE_MARKDOWN ? "\n\n" : "\n");
    w->text.failed = w->text.failed || origin.failed || shown.failed;
    buffer_free(&origin);
    buffer_free(&shown);
}

/* ---- Markdown ---- */

static void add_markdown_number(Buffer *out, real x)
{
    char number[TRACE_NUMBER_MAX];
    trace_number_table(number, x);
    if (isinf(x))
        buffer_puts(out, x < 0 ? "−∞" : "∞");
    else if (number[0] == '-')
        buffer_printf(out, "−%s", number + 1);
    else
        buffer_puts(out, number);
}

static void add_markdown_table(TraceWriter *w, const TraceItem *item, const real *x, size_t first, size_t end)
{
    TraceMatrices m = trace_matrices(item);
    Buffer *out = &w->text;
    if (end - first < m.cols) {
        add_part(w, first, end, m.cols);
        buffer_puts(out, "\n\n");
    }
    buffer_puts(out, "| |");
    for (size_t j = first; j < end; j++) {
        buffer_putc(out, ' ');
        add_name(w, item, false, j, escape_markdown);
        buffer_puts(out, " |");
    }
    buffer_puts(out, "\n|:---|");
    for (size_t j = first; j < end; j++)
        buffer_puts(out, "---:|");
    for (size_t i = 0; i < m.rows && trace_go_on(w); i++) {
        buffer_puts(out, "\n| ");
        add_name(w, item, true, i, escape_markdown);
        buffer_puts(out, " |");
        for (size_t j = first; j < end; j++) {
            buffer_putc(out, ' ');
            add_markdown_number(out, x[i * m.cols + j]);
            buffer_puts(out, " |");
        }
    }
    buffer_putc(out, '\n');
}

void trace_write_markdown(TraceWriter *w, const TraceItem *item, bool first)
{
    TraceMatrices m = trace_matrices(item);
    for (size_t h = 0; h < (m.heads ? m.heads : 1); h++) {
        buffer_puts(&w->text, first && h == 0 ? "### " : "\n### ");
        add_caption(w, item, m.heads ? (int)h : -1, escape_markdown);
        buffer_puts(&w->text, "\n");
        for (size_t j = 0; j < m.cols && trace_go_on(w); j += MARKDOWN_COLUMNS) {
            size_t end = j + MARKDOWN_COLUMNS < m.cols ? j + MARKDOWN_COLUMNS : m.cols;
            buffer_putc(&w->text, '\n');
            add_markdown_table(w, item, item->data + h * m.rows * m.cols, j, end);
        }
    }
}

/* ---- LaTeX ---- */

static void add_latex_number(Buffer *out, real x)
{
    char number[TRACE_NUMBER_MAX];
    int n = trace_number_table(number, x);
    char *exponent = strchr(number, 'e');
    if (isinf(x))
        buffer_puts(out, x < 0 ? "$-\\infty$" : "$\\infty$");
    else if (isnan(x))
        buffer_puts(out, "nan");
    else if (exponent)
        buffer_printf(out, "$%.*s\\times10^{%ld}$", (int)(exponent - number), number, strtol(exponent + 1, NULL, 10));
    else
        buffer_printf(out, "$%.*s$", n, number);
}

static void add_latex_table(TraceWriter *w, const TraceItem *item, const real *x, size_t first, size_t end)
{
    TraceMatrices m = trace_matrices(item);
    Buffer *out = &w->text;
    if (end - first < m.cols) {
        buffer_puts(out, "% ");
        add_part(w, first, end, m.cols);
        buffer_putc(out, '\n');
    }
    buffer_puts(out, "\\begin{tabular}{l|");
    buffer_fill(out, 'r', end - first);
    buffer_puts(out, "}\n ");
    for (size_t j = first; j < end; j++) {
        buffer_puts(out, " & ");
        add_name(w, item, false, j, escape_latex);
    }
    buffer_puts(out, " \\\\ \\hline\n");
    for (size_t i = 0; i < m.rows && trace_go_on(w); i++) {
        add_name(w, item, true, i, escape_latex);
        for (size_t j = first; j < end; j++) {
            buffer_puts(out, " & ");
            add_latex_number(out, x[i * m.cols + j]);
        }
        buffer_puts(out, " \\\\\n");
    }
    buffer_puts(out, "\\end{tabular}\n");
}

/* True where a row or column has a name that Latin fonts do not show (U+0250 and above; not the mark of a space). */
static bool needs_fonts(const TraceWriter *w, const TraceItem *item)
{
    TraceMatrices m = trace_matrices(item);
    bool found = false;
    for (int row = 0; row < 2; row++)
        for (size_t i = 0; i < (row ? m.rows : m.cols) && !found; i++) {
            Buffer name = {0};
            trace_name(w, item, row, i, false, &name);
            for (size_t at = 0; at < name.len;) {
                int32_t c;
                at += text_decode(name.data + at, name.len - at, &c);
                found = found || (c >= 0x250 && c != 0x2581);
            }
            buffer_free(&name);
        }
    return found;
}

void trace_write_latex(TraceWriter *w, const TraceItem *item, bool first)
{
    TraceMatrices m = trace_matrices(item);
    for (size_t h = 0; h < (m.heads ? m.heads : 1); h++) {
        buffer_puts(&w->text, first && h == 0 ? "% " : "\n\\bigskip\n\n% ");
        Buffer caption = {0};
        trace_caption(w, item, m.heads ? (int)h : -1, &caption);
        visible(buffer_text(&caption), &w->text); /* a comment: no escapes, one line */
        buffer_free(&caption);
        buffer_putc(&w->text, '\n');
        if (h == 0 && needs_fonts(w, item))
            buffer_printf(
                &w->text, "%% %s\n",
                _("names outside Latin: compile with xelatex or lualatex and a font that has them (for Chinese \\usepackage{xeCJK})"));
        for (size_t j = 0; j < m.cols && trace_go_on(w); j += LATEX_COLUMNS) {
            size_t end = j + LATEX_COLUMNS < m.cols ? j + LATEX_COLUMNS : m.cols;
            if (j)
                buffer_puts(&w->text, "\n\\medskip\n\n");
            add_latex_table(w, item, item->data + h * m.rows * m.cols, j, end);
        }
    }
}
