/* test_trace_tables.c - CSV's names, Markdown, LaTeX and heat maps: nothing in a token breaks them, and no number is lost. */
#include "base/text.h"
#include "measure/label.h"
#include "measure/trace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Tokens that mean something to one of the formats. */
static const char nasty[] = "|\n\\\\\n$\n&\n#\n%\n_\n{\n}\n~\n^\n<s>\n[\n]\n*\n\"\n,\na,b\"c\n`\n-\n 爱\n我\na\\nb\n'";
enum { NASTY = 24 };

static Model *open_nasty(void)
{
    Error e = {{0}};
    Model *m = model_open("random:kind=decoder,decoder_layers=1,vocab_size=24,d_model=4,n_heads=2", NULL, &e);
    cr_assert(m, "%s", e.text);
    vocab_free(m->vocab);
    m->vocab = vocab_read(nasty, sizeof nasty - 1, &m->config, "nasty", &e);
    cr_assert(m->vocab, "%s", e.text);
    return m;
}

static Pass *run(const Model *m, size_t n)
{
    static int ids[NASTY];
    Error e = {{0}};
    for (int i = 0; i < NASTY; i++)
        ids[i] = i;
    Pass *p = pass_create(m, (PassInput){NULL, ids, 0, n}, 0, &e);
    cr_assert(p, "%s", e.text);
    return p;
}

static bool add(void *context, const char *bytes, size_t n)
{
    buffer_add(context, bytes, n);
    return true;
}

static char *write_stage(Pass *p, const char *name, int head, TraceFormat format)
{
    Trace t;
    Buffer out = {0};
    Error e = {{0}};
    bool *chosen = calloc(pass_plan(p)->count, sizeof *chosen);
    int i = plan_find(pass_plan(p), name);
    cr_assert_geq(i, 0);
    chosen[i] = true;
    cr_assert_eq(trace_values(&t, p, chosen, &e), 0);
    if (head >= 0)
        trace_take_head(&t, (size_t)head);
    cr_assert_eq(trace_write(&t, format, add, &out, &e), 0, "%s", e.text);
    trace_free(&t);
    free(chosen);
    return out.data;
}

/* Reads one field of RFC 4180; returns what is behind its comma or line end. */
static const char *csv_field(const char *p, Buffer *out)
{
    buffer_clear(out);
    if (*p == '"') {
        for (p++; *p != '"' || p[1] == '"'; p++) {
            cr_assert(*p);
            p += *p == '"';
            buffer_putc(out, *p);
        }
        p++;
    } else
        for (; *p != ',' && *p != '\n'; p++)
            buffer_putc(out, *p);
    cr_assert(*p == ',' || *p == '\n', "%.20s", p);
    return p + 1;
}

Test(trace_tables, csv_has_every_number_and_every_name)
{
    Model *m = open_nasty();
    Pass *p = run(m, NASTY);
    int stage = plan_find(pass_plan(p), "decoder.0.self.masked");
    const Stage *s = &pass_plan(p)->stages[stage];
    for (int head = -1; head < 2; head++) {
        char *text = write_stage(p, "decoder.0.self.masked", head, TRACE_CSV);
        const char *at = strchr(text, '\n') + 1;
        Buffer field = {0}, name = {0};
        size_t first = head < 0 ? 0 : (size_t)head * NASTY * NASTY, end = head < 0 ? s->count : first + NASTY * NASTY;
        for (size_t k = first; k < end; k++) {
            size_t expected[3] = {k / (NASTY * NASTY), k / NASTY % NASTY, k % NASTY};
            at = csv_field(at, &field);
            cr_assert_str_eq(buffer_text(&field), "decoder.0.self.masked");
            for (int i = 0; i < 3; i++) {
                at = csv_field(at, &field);
                cr_assert_eq(strtoul(buffer_text(&field), NULL, 10), expected[i]);
            }
            at = csv_field(at, &field);
            real x = REAL_IS_DOUBLE ? (real)strtod(buffer_text(&field), NULL) : (real)strtof(buffer_text(&field), NULL);
            cr_assert_eq(x, pass_value(p, (size_t)stage)[k], "%s", buffer_text(&field));
            for (int i = 1; i < 3; i++) {
                at = csv_field(at, &field);
                buffer_clear(&name);
                label_index(p, s, i, expected[i], &name);
                cr_assert_str_eq(buffer_text(&field), buffer_text(&name));
            }
        }
        cr_assert_eq(*at, '\0');
        buffer_free(&field);
        buffer_free(&name);
        free(text);
    }
    pass_free(p);
    model_free(m);
}

Test(trace_tables, markdown_and_latex_show_every_token_as_it_is)
{
    static const struct {
        const char *markdown, *latex;
    } names[NASTY] = {
        {"&#124;", "\\textbar{}"},
        {"\\\\", "\\textbackslash{}"},
        {"\\$", "\\$"},
        {"&amp;", "\\&"},
        {"#", "\\#"},
        {"%", "\\%"},
        {"\\_", "\\_"},
        {"{", "\\{"},
        {"}", "\\}"},
        {"\\~", "\\textasciitilde{}"},
        {"^", "\\textasciicircum{}"},
        {"&lt;s>", "\\textless{}s\\textgreater{}"},
        {"\\[", "{[}"},
        {"\\]", "{]}"},
        {"\\*", "{*}"},
        {"\"", "{''}"},
        {",", "{,}"},
        {"a,b\"c", "a{,}b{''}c"},
        {"\\`", "{`}"},
        {"-", "{-}"},
        {"▁爱", "\\textvisiblespace{}爱"},
        {"我", "我"},
        {"a\\\\nb", "a\\textbackslash{}nb"},
        {"'", "{'}"},
    };
    Model *m = open_nasty();
    Pass *p = run(m, NASTY);
    char *markdown = write_stage(p, "decoder.embed.sum", -1, TRACE_MARKDOWN), *latex = write_stage(p, "decoder.embed.sum", -1, TRACE_LATEX);
    const real *x = pass_value(p, (size_t)plan_find(pass_plan(p), "decoder.embed.sum"));
    for (int i = 0; i < NASTY; i++) {
        char row[128];
        snprintf(row, sizeof row, "\n| %s | %s%.4f |", names[i].markdown, x[i * 4] < 0 ? "−" : "", fabs((double)x[i * 4]));
        cr_assert(strstr(markdown, row), "expected%s\nin %s", row, markdown);
        snprintf(row, sizeof row, "\n%s & $%.4f$ & ", names[i].latex, (double)x[i * 4]);
        cr_assert(strstr(latex, row), "expected%s\nin %s", row, latex);
    }
    cr_assert(strstr(latex, "xeCJK"), "tokens that Latin fonts do not show are said to need others");
    for (const char *line = markdown; *line; line += strcspn(line, "\n") + 1) { /* every row has the columns of the head */
        int bars = 0;
        for (size_t k = 0; k < strcspn(line, "\n"); k++)
            bars += line[k] == '|';
        cr_assert(line[0] != '|' || bars == 6, "%.*s", (int)strcspn(line, "\n"), line);
    }
    free(markdown);
    free(latex);
    pass_free(p);
    model_free(m);
}

Test(trace_tables, infinities_and_small_numbers)
{
    Model *m = open_nasty();
    Pass *p = run(m, 3);
    int stage = plan_find(pass_plan(p), "decoder.0.self.masked");
    pass_override(p, (size_t)stage, 0, (real)-0.0000123456);
    pass_override(p, (size_t)stage, 3, (real)7654321);
    char *markdown = write_stage(p, "decoder.0.self.masked", 0, TRACE_MARKDOWN),
         *latex = write_stage(p, "decoder.0.self.masked", 0, TRACE_LATEX);
    cr_assert(strstr(markdown, "| −1.235e-05 | −∞ | −∞ |"), "%s", markdown);
    cr_assert(strstr(markdown, "| 7.654e+06 | "), "%s", markdown);
    cr_assert(strstr(latex, "& $-1.235\\times10^{-5}$ & $-\\infty$ & $-\\infty$ \\\\"), "%s", latex);
    cr_assert(strstr(latex, "& $7.654\\times10^{6}$ & "), "%s", latex);
    free(markdown);
    free(latex);
    pass_free(p);
    model_free(m);
}

/* Every column of a wide matrix is in exactly one of its tables. */
Test(trace_tables, wide_matrices_are_cut_not_shortened)
{
    Model *m = open_nasty();
    Pass *p = run(m, 2);
    char *latex = write_stage(p, "output.logits", -1, TRACE_LATEX), *markdown = write_stage(p, "output.logits", -1, TRACE_MARKDOWN);
    int tables = 0, cells = 0;
    for (const char *at = latex; (at = strstr(at, "\\begin{tabular}")); at++)
        tables++;
    for (const char *at = latex; (at = strstr(at, " & $")); at++)
        cells++;
    cr_assert_eq(tables, 3);
    cr_assert_eq(cells, 2 * NASTY);
    cr_assert(strstr(latex, "% columns 16 to 23 of 24"));
    cr_assert(strstr(markdown, "columns 0 to 15 of 24") && strstr(markdown, "columns 16 to 23 of 24"));
    free(latex);
    free(markdown);
    pass_free(p);
    model_free(m);
}

/* Well-formed: every tag closed in order, no character that has to be escaped. */
static void assert_xml(const char *text)
{
    char open[16][16];
    int depth = 0;
    cr_assert(text_is_valid(text, strlen(text)));
    for (const char *p = text; *p; p++) {
        if (*p == '&')
            cr_assert(strncmp(p, "&#", 2) == 0 && strspn(p + 2, "0123456789") && p[2 + strspn(p + 2, "0123456789")] == ';', "%.20s", p);
        cr_assert((unsigned char)*p >= 0x20 || *p == '\n');
        if (*p != '<')
            continue;
        size_t n = strcspn(p, ">");
        cr_assert_eq(p[n], '>');
        if (p[1] == '/') {
            depth--;
            cr_assert(depth >= 0 && strncmp(open[depth], p + 2, n - 2) == 0 && open[depth][n - 2] == '\0', "%.40s", p);
        } else if (p[n - 1] != '/') {
            cr_assert_lt(depth, 16);
            snprintf(open[depth++], sizeof *open, "%.*s", (int)strcspn(p + 1, " >"), p + 1);
        }
        p += n;
    }
    cr_assert_eq(depth, 0);
}

Test(trace_tables, a_heat_map_holds_every_number_exactly)
{
    Model *m = open_nasty();
    Pass *p = run(m, NASTY);
    static const char *const stages[] = {"decoder.0.self.masked", "decoder.0.self.q", "output.probs"};
    for (size_t k = 0; k < 3; k++) {
        int stage = plan_find(pass_plan(p), stages[k]);
        char *text = write_stage(p, stages[k], -1, TRACE_SVG);
        assert_xml(text);
        cr_assert(strstr(text, "role=\"img\"") && strstr(text, "<desc id=\"desc\">"));
        const char *at = text;
        for (size_t i = 0; i < pass_plan(p)->stages[stage].count; i++) {
            at = strstr(at, "<g><title>");
            cr_assert(at, "%s: number %zu", stages[k], i);
            const char *end = strstr(at, "</title>"), *number = end;
            while (*number != ' ')
                number--;
            char *behind;
            real x = REAL_IS_DOUBLE ? (real)strtod(number, &behind) : (real)strtof(number, &behind);
            cr_assert_eq(behind, end);
            cr_assert_eq(x, pass_value(p, (size_t)stage)[i], "%s: number %zu: %.*s", stages[k], i, (int)(end - at), at);
            at = end;
        }
        cr_assert_null(strstr(at, "<g><title>"));
        free(text);
    }
    pass_free(p);
    model_free(m);
}

Test(trace_tables, weights_and_their_gradients_have_names)
{
    Model *m = open_nasty();
    Pass *p = run(m, 4);
    Error e = {{0}};
    double loss;
    cr_assert_eq(pass_backward(p, (int[]){1, 2, 3, -1}, 4, &loss, &e), 0, "%s", e.text);
    for (size_t w = 0; w < m->weights.count; w++)
        for (int format = TRACE_TEXT; format < TRACE_FORMAT_COUNT; format++) {
            if (format == TRACE_SAFETENSORS)
                continue;
            for (int gradient = 0; gradient < 2; gradient++) {
                Trace t;
                Buffer out = {0};
                cr_assert_eq(trace_weight(&t, p, w, gradient, loss, &e), 0);
                cr_assert_eq(trace_write(&t, (TraceFormat)format, add, &out, &e), 0, "%s", e.text);
                cr_assert(strstr(out.data, m->weights.items[w].name) || format == TRACE_MARKDOWN); /* which escapes _ */
                if (format == TRACE_SVG)
                    assert_xml(out.data);
                if (format == TRACE_CSV && strcmp(m->weights.items[w].name, "decoder.embed.W_E") == 0)
                    cr_assert(strstr(out.data, ",\"a,b\"\"c\",dim 0\n"), "%s", out.data);
                buffer_free(&out);
                trace_free(&t);
            }
        }
    pass_free(p);
    model_free(m);
}

Test(trace_tables, too_large_a_picture_is_refused)
{
    Error e = {{0}};
    Model *m = model_open("random:d_ff=200000,decoder_layers=1", NULL, &e);
    Pass *p = run(m, 4);
    Trace t;
    Buffer out = {0};
    cr_assert_eq(trace_values(&t, p, NULL, &e), 0);
    cr_assert_eq(trace_write(&t, TRACE_SVG, add, &out, &e), -1);
    cr_assert(strncmp(e.text, "svg: expected at most 250000 cells, found ", 42) == 0, "%s", e.text);
    cr_assert_eq(out.len, 0);
    trace_free(&t);
    pass_free(p);
    model_free(m);
}
