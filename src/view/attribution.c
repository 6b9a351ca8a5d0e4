/* attribution.c - direct logit attribution: the parts of a logit, and the pieces (keys, FFN units) of one part. */
#include "view/app.h"

#include "base/text.h"
#include "measure/attribution.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME = 26 };

typedef struct Table {
    App *app;
    Canvas *c;
    Rect r;
    int zero, columns; /* of the bars; columns of the longest to the right; 0: no room */
    double most;       /* the value that takes them */
} Table;

/* The bars share the room as the largest values to both sides need it. */
static Table place(App *app, Canvas *c, Rect r, double least, double most)
{
    Table t = {.app = app, .c = c, .r = r};
    int room = r.cols - NAME - 18;
    double all = most - least;
    if (room < 8 || !(all > 0))
        return t;
    int left = (int)(-least / all * room + 0.999);
    t.zero = r.col + NAME + 15 + left;
    t.columns = room - left > 1 ? room - left : 1;
    t.most = fmax(most, all * t.columns / room);
    return t;
}

static void draw_line(const Table *t, int line, const char *name, double value, bool chosen)
{
    int row = t->r.row + line, col = t->r.col + 3;
    Role role = chosen ? ROLE_CROSS : ROLE_LABEL;
    canvas_put(t->c, row, t->r.col + 1, 2, ROLE_CROSS, chosen ? "▸ " : "  ");
    canvas_put_cut(t->c, row, col, NAME - 1, role, name);
    explain_number(t->c, row, col + NAME, 10, value < 0 ? ROLE_NEGATIVE : ROLE_TEXT, value, t->app->digits);
    if (t->columns)
        explain_bar(t->c, row, t->zero, t->columns, value, t->most);
}

static void draw_parts(App *app, Canvas *c, Rect r, const Attribution *a, size_t *order)
{
    Explain *x = &app->explain;
    Buffer name = {0};
    double least = 0, most = 0;
    for (size_t i = 0; i < a->count; i++) {
        least = fmin(least, a->parts[i].value);
        most = fmax(most, a->parts[i].value);
        order[i] = i;
    }
    Table t = place(app, c, r, least, most);
    if (x->other)
        attribution_sort(a, order);
    explain_scroll(x, a->count, r.rows);
    for (int i = 0; i < r.rows && x->top + (size_t)i < a->count; i++) {
        const AttributionPart *part = &a->parts[order[x->top + (size_t)i]];
        buffer_clear(&name);
        attribution_name(app->pass, part, &name);
        draw_line(&t, i, buffer_text(&name), part->value, x->top + (size_t)i == x->choice);
    }
    buffer_free(&name);
}

static void draw_pieces(App *app, Canvas *c, Rect r, const AttributionPart *part)
{
    Explain *x = &app->explain;
    size_t *order = calloc(part->count + 1, sizeof *order);
    Buffer raw = {0}, name = {0};
    double least = 0, most = 0;
    if (!order)
        return;
    for (size_t i = 0; i < part->count; i++) {
        least = fmin(least, part->pieces[i]);
        most = fmax(most, part->pieces[i]);
        order[i] = i;
    }
    Table t = place(app, c, r, least, most);
    if (part->kind == ATTRIBUTION_FFN || x->other) /* keys stand in the order of the text, units by size */
        attribution_sort_pieces(part, order);
    explain_scroll(x, part->count, r.rows);
    for (int i = 0; i < r.rows && x->top + (size_t)i < part->count; i++) {
        size_t k = order[x->top + (size_t)i];
        buffer_clear(&raw);
        buffer_clear(&name);
        attribution_piece_name(app->pass, part, k, &raw);
        text_escape(&name, buffer_text(&raw), raw.len, false);
        draw_line(&t, i, buffer_text(&name), part->pieces[k], x->top + (size_t)i == x->choice);
    }
    free(order);
    buffer_free(&raw);
    buffer_free(&name);
}

static void draw_sum(App *app, Canvas *c, int row, Rect r, const Attribution *a, const AttributionPart *part)
{
    char sum[NUMBER_MAX], logit[NUMBER_MAX];
    if (part) {
        double pieces = 0;
        for (size_t i = 0; i < part->count; i++)
            pieces += part->pieces[i];
        number_format(sum, pieces, app->digits, c->ascii);
        number_format(logit, part->value, app->digits, c->ascii);
        if (fabs(pieces - part->value) >
            1e-3 * fmax(fabs(pieces), fabs(part->value)) + 1e-4) /* what the pieces made is not what is there */
            canvas_printf(c, row, r.col + 3, r.cols - 4, ROLE_ABLATED, _("sum of the %zu pieces  %s, but the edited head writes  %s"),
                          part->count, sum, logit);
        else
            canvas_printf(c, row, r.col + 3, r.cols - 4, ROLE_HEADING,
                          part->kind == ATTRIBUTION_FFN ? _("sum of the %zu units  %s") : _("sum of the %zu keys  %s"), part->count, sum);
        return;
    }
    number_format(sum, a->sum, app->digits, c->ascii);
    number_format(logit, a->logit, app->digits, c->ascii);
    canvas_printf(c, row, r.col + 3, r.cols - 4, ROLE_HEADING, _("sum of the %zu parts  %s  %s of the pass  %s  rounding %.0e"),
                  a->count, sum, a->against < 0 ? _("logit") : _("difference"), logit, fabs(a->sum - a->logit));
}

static void write_title(App *app, const AttributionPart *part, int token, int against, Buffer *out)
{
    char name[EXPLAIN_NAME];
    if (part)
        attribution_name(app->pass, part, out);
    else
        buffer_puts(out, _("Direct logit attribution"));
    buffer_printf(out, _(": what it wrote for '%s'"), explain_token_name(app, token, 14, name));
    if (against >= 0)
        buffer_printf(out, _(" minus '%s'"), explain_token_name(app, against, 14, name));
    if (part)
        buffer_puts(out, part->kind == ATTRIBUTION_FFN ? _(", by unit") : _(", by where it looked"));
}

static int against(App *app)
{
    return app->explain.against ? explain_other_token(app) : -1;
}

void attribution_draw(App *app, Canvas *c, Rect r)
{
    Explain *x = &app->explain;
    Attribution a;
    Error e = {{0}};
    Buffer title = {0}, subject = {0}, foot = {0};
    int token = explain_token(app);
    if (attribution_make(app->pass, explain_row(app), token, against(app), &a, &e) != 0) {
        canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_ERROR, e.text);
        return;
    }
    size_t *order = calloc(a.count + 1, sizeof *order);
    const AttributionPart *part = x->open && x->part < a.count && a.parts[x->part].pieces ? &a.parts[x->part] : NULL;
    write_title(app, part, token, a.against, &title);
    explain_subject(app, &subject);
    int row = explain_head(c, r.row, r.col, r.cols, buffer_text(&title), buffer_text(&subject)) + 1;
    buffer_printf(&foot,
                  _("%s It shows what each part wrote for the token itself, not what would change without the part: later parts read what it "
                    "wrote, too."),
                  attribution_why(app->pass));
    int rows = explain_foot(c, row, r.row + r.rows - row, r.col, r.cols, buffer_text(&foot));
    Rect table = {row, r.col, r.cols, rows - 2};
    if (part)
        draw_pieces(app, c, table, part);
    else if (order)
        draw_parts(app, c, table, &a, order);
    draw_sum(app, c, row + rows - 1, r, &a, part);
    free(order);
    buffer_free(&title);
    buffer_free(&foot);
    buffer_free(&subject);
    attribution_free(&a);
}

/* The pieces of the chosen part, where it has any. */
static void open_part(App *app)
{
    Explain *x = &app->explain;
    Attribution a;
    if (attribution_make(app->pass, explain_row(app), explain_token(app), against(app), &a, NULL) != 0)
        return;
    size_t *order = calloc(a.count + 1, sizeof *order);
    if (order && x->choice < a.count) {
        for (size_t i = 0; i < a.count; i++)
            order[i] = i;
        if (x->other)
            attribution_sort(&a, order);
        const AttributionPart *part = &a.parts[order[x->choice]];
        if (part->pieces) {
            x->open = true;
            x->part = order[x->choice];
            x->choice = x->top = 0;
        } else {
            app_say(app, ROLE_WARNING, "%s", _("this part is one vector: it has no heads' keys and no units"));
        }
    }
    free(order);
    attribution_free(&a);
}

bool attribution_command(App *app, CommandId id, size_t count)
{
    Explain *x = &app->explain;
    switch (id) {
    case CMD_SHOW:
        x->other = !x->other;
        app_say(app, ROLE_BADGE, "%s", x->other ? _("the largest first") : _("in the order of the pass"));
        return true;
    case CMD_PANE:
        x->against = !x->against;
        return true;
    case CMD_OPEN:
        if (!x->open)
            open_part(app);
        return true;
    case CMD_CLOSE:
    case CMD_RETURN:
        if (!x->open)
            return false;
        x->open = false;
        x->choice = x->part;
        return true;
    default:
        return explain_command(app, id, count);
    }
}
