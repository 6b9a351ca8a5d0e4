/* inspect_views.c - the watches under the matrix, the list of breakpoints and watches, and what was printed. */
#include "base/text.h"
#include "view/app.h"
#include "view/inspect.h"
#include "view/quiz.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- watches ---- */

enum { WATCH_ROWS = 3, WATCH_ROWS_LARGE = 8, LARGE_FROM = 36 };

int watches_rows(const App *app, int room)
{
    int n = (int)app->inspect.watch_count, most = room >= LARGE_FROM ? WATCH_ROWS_LARGE : WATCH_ROWS;
    return n == 0 ? 0 : (n < most ? n : most) + (room >= LARGE_FROM);
}

/* "+0.031", "was false", "up to 0.4": how the value differs from that of the last stop. "" where it cannot be said. */
static void write_change(const Watched *w, Buffer *out)
{
    const Value *a = &w->before, *b = &w->now;
    bool same = w->has_now && w->has_before && a->type == b->type && a->rank == b->rank;
    for (int k = 0; same && k < a->rank; k++)
        same = a->shape[k] == b->shape[k];
    if (!same)
        return;
    if (b->type == VALUE_TEXT) {
        if (strcmp(a->text, b->text) != 0)
            buffer_printf(out, _("was %s"), a->text);
        return;
    }
    double largest = 0;
    size_t differ = 0;
    for (size_t i = 0; i < b->count; i++) {
        double apart = fabs(b->data[i] - a->data[i]);
        bool equal = b->data[i] == a->data[i] || (isnan(b->data[i]) && isnan(a->data[i]));
        differ += !equal;
        if (!equal && !(apart <= largest))
            largest = apart;
    }
    char number[VALUE_NUMBER_MAX];
    if (differ == 0) {
        buffer_puts(out, _("as before"));
    } else if (b->rank > 0 && (b->type == VALUE_TRUTH || b->is_index)) {
        buffer_printf(out, _("%zu differ"), differ);
    } else if (b->rank > 0) {
        value_format(number, b, largest, 3);
        buffer_printf(out, _("by up to %s"), number);
    } else if (b->type == VALUE_TRUTH || b->is_index || !isfinite(a->data[0]) || !isfinite(b->data[0])) {
        value_format(number, a, a->data[0], 6);
        buffer_printf(out, _("was %s"), number);
    } else {
        value_format(number, b, b->data[0] - a->data[0], 4);
        buffer_printf(out, "%s%s", b->data[0] > a->data[0] ? "+" : "", number);
    }
}

/* `alone`: no line above says that these are watches; `hidden`: a question is open, whose answer they might be. */
static void draw_watch(const Watched *w, Canvas *c, int row, Rect r, bool alone, bool hidden)
{
    int name = r.cols < 60 ? r.cols / 2 - 4 : r.cols * 2 / 5;
    int number = canvas_printf(c, row, r.col + 1, 12, ROLE_DIM, alone ? _("watch %d") : "%d", w->number) + 2;
    canvas_put_cut(c, row, r.col + number, name, ROLE_LABEL, w->text);
    int left = r.col + number + 1 + name, room = r.col + r.cols - left - 1;
    if (hidden) {
        canvas_put_cut(c, row, left, room, ROLE_DIM, _("after the question"));
        return;
    }
    Buffer value = {0}, change = {0};
    if (w->has_now)
        value_write_line(&w->now, &value);
    write_change(w, &change);
    int width = change.len ? canvas_text_width(c, buffer_text(&change)) : 0;
    if (width > room / 2)
        width = 0;
    canvas_put_cut(c, row, left, room - width - (width > 0), w->has_now ? ROLE_TEXT : ROLE_WARNING,
                   w->has_now ? buffer_text(&value) : w->error);
    if (width)
        canvas_put_right(c, row, left + room - width, width, ROLE_BADGE, buffer_text(&change));
    buffer_free(&value);
    buffer_free(&change);
}

void watches_draw(const App *app, Canvas *c, Rect r)
{
    const Inspect *x = &app->inspect;
    int row = r.row, end = r.row + r.rows;
    bool headed = r.rows > WATCH_ROWS || (size_t)r.rows > x->watch_count;
    if (headed) {
        canvas_hline(c, row, r.col, r.cols, ROLE_BORDER);
        canvas_put_cut(c, row++, r.col + 2, r.cols - 4, ROLE_HEADING, _(" watches, and how they changed since the last stop "));
    }
    size_t shown = (size_t)(end - row), first = x->watch_count > shown ? x->watch_count - shown : 0; /* the newest ones */
    for (size_t i = first; i < x->watch_count; i++)
        draw_watch(&x->watches[i], c, row++, r, !headed, quiz_is_asking(app));
    if (first)
        canvas_printf(c, r.row + headed, r.col + r.cols - 8, 8, ROLE_WARNING, _("+%zu more"), first);
}

/* ---- the list ---- */

static void draw_breakpoint(const App *app, Canvas *c, int row, Rect r, const Breakpoint *b, bool chosen)
{
    char where[64];
    Role role = chosen ? ROLE_CHOICE : ROLE_TEXT;
    bool here = b->covered && breakpoint_marks(b, app->at, app->phase == PHASE_BACKWARD);
    if (*b->where && b->covered)
        snprintf(where, sizeof where, ngettext("%zu stage", "%zu stages", b->covered), b->covered);
    else
        snprintf(where, sizeof where, "%s", *b->where ? _("no such stage here") : _("any stage"));
    if (chosen)
        canvas_fill(c, row, r.col, r.cols, 1, role, " ");
    canvas_put(c, row, r.col + 1, 1, role, here ? "▶" : "●");
    canvas_printf(c, row, r.col + 3, 4, role, "%3d", b->number);
    canvas_put_cut(c, row, r.col + 8, r.cols - 30, role, b->text);
    canvas_put_right(c, row, r.col + r.cols - 21, 20, chosen ? role : ROLE_DIM, where);
}

static void draw_watch_line(Canvas *c, int row, Rect r, const Watched *w, bool chosen)
{
    Buffer value = {0};
    Role role = chosen ? ROLE_CHOICE : ROLE_TEXT;
    int name = (r.cols - 10) / 2;
    if (w->has_now)
        value_write_line(&w->now, &value);
    if (chosen)
        canvas_fill(c, row, r.col, r.cols, 1, role, " ");
    canvas_printf(c, row, r.col + 3, 4, role, "%3d", w->number);
    canvas_put_cut(c, row, r.col + 8, name, role, w->text);
    canvas_put_cut(c, row, r.col + 9 + name, r.cols - name - 10,
                   chosen       ? role
                   : w->has_now ? ROLE_LABEL
                                : ROLE_WARNING,
                   w->has_now ? buffer_text(&value) : w->error);
    buffer_free(&value);
}

void breakpoints_draw(App *app, Canvas *c, Rect r)
{
    Inspect *x = &app->inspect;
    size_t points = x->breakpoints.count, total = points + x->watch_count, room = r.rows > 8 ? (size_t)r.rows - 8 : 1;
    if (x->choice >= total)
        x->choice = total ? total - 1 : 0;
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, _("Breakpoints and watches: Enter takes one away, Esc closes"));
    if (total == 0)
        canvas_put_wrapped(c, r.row + 2, r.col + 1, r.cols - 2, 3, ROLE_TEXT,
                           _("There are none. B sets a breakpoint at the stage one stands at; more are typed:"));
    size_t top = x->choice < room ? 0 : x->choice - room + 1;
    for (size_t i = top; i < total && i - top < room; i++) {
        int row = r.row + 2 + (int)(i - top);
        if (i < points)
            draw_breakpoint(app, c, row, r, &x->breakpoints.items[i], i == x->choice);
        else
            draw_watch_line(c, row, r, &x->watches[i - points], i == x->choice);
    }
    const char *const examples[] = {":break *.weights if max(entropy) < 0.1", ":break if nan", ":break layer 1", ":watch entropy(weights)",
                                    ":delete 1"};
    int row = r.row + r.rows - 6;
    canvas_hline(c, row, r.col, r.cols, ROLE_BORDER);
    for (int i = 0; i < 5; i++)
        canvas_put_cut(c, row + 1 + i, r.col + 3, r.cols - 4, ROLE_DIM, examples[i]);
}

bool breakpoints_command(App *app, CommandId id, size_t count)
{
    Inspect *x = &app->inspect;
    size_t times = count ? count : 1, points = x->breakpoints.count, total = points + x->watch_count;
    char number[16];
    switch (id) {
    case CMD_UP: x->choice = times > x->choice ? 0 : x->choice - times; return true;
    case CMD_DOWN: x->choice += times; return true;
    case CMD_FIRST:
    case CMD_PAGE_UP: x->choice = 0; return true;
    case CMD_LAST:
    case CMD_PAGE_DOWN: x->choice = total; return true;
    case CMD_OPEN:
        if (x->choice < total) {
            snprintf(number, sizeof number, "%d",
                     x->choice < points ? x->breakpoints.items[x->choice].number : x->watches[x->choice - points].number);
            inspect_command(app, CMD_DELETE, number);
        }
        return true;
    case CMD_BREAKPOINTS: app->view = VIEW_STEP; return true;
    default: return false;
    }
}

/* ---- what was printed ---- */

static size_t count_lines(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

/* The text from the column on; a wide character that is cut leaves spaces. */
static const char *from_column(const char *line, size_t column)
{
    int used;
    size_t n = text_fit(line, (int)(column < 10000 ? column : 10000), &used);
    return line + n;
}

void printed_draw(App *app, Canvas *c, Rect r)
{
    const char *text = buffer_text(&app->inspect.printed);
    size_t total = count_lines(text), room = (size_t)r.rows, most = total > room ? total - room : 0, line = 0;
    if (app->scroll > most)
        app->scroll = most;
    for (const char *p = text; *p; p += strcspn(p, "\n") + 1, line++) {
        if (line < app->scroll || line >= app->scroll + room)
            continue;
        char copy[512];
        snprintf(copy, sizeof copy, "%.*s", (int)strcspn(p, "\n"), p);
        canvas_put_cut(c, r.row + (int)(line - app->scroll), r.col + 1, r.cols - 2,
                       line == 0   ? ROLE_HEADING
                       : line == 1 ? ROLE_LABEL
                                   : ROLE_TEXT,
                       from_column(copy, line < 2 ? 0 : app->left));
    }
    canvas_put_span(c, r.row, r.col, r.cols - 1, app->scroll, room, total);
}

bool printed_command(App *app, CommandId id, size_t count)
{
    size_t times = count ? count : 1, across = 12;
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN: app_scroll(app, id, count); return true;
    case CMD_LEFT: app->left = times * across > app->left ? 0 : app->left - times * across; return true;
    case CMD_RIGHT: app->left += app->left < 10 * across ? times * across : 0; return true;
    case CMD_FIRST: app->left = 0; return true;
    case CMD_CLOSE:
        app->left = 0;
        app->view = VIEW_STEP;
        return true;
    default: return false;
    }
}
