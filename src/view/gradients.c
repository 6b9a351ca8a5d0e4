/* gradients.c - how large the gradient is, layer by layer: a chart over the residual stream and the weights.
 *
 * The bars are logarithmic: what matters is by how many powers of ten a gradient shrinks on its way back. */
#include "view/app.h"

#include "base/text.h"
#include "measure/gradient.h"

#include <stdio.h>
#include <stdlib.h>

static void draw_point(const App *app, Canvas *c, int row, Rect r, const GradientPoint *p, double low, double high)
{
    char name[STAGE_NAME_MAX];
    const Plan *plan = pass_plan(app->pass);
    bool here = !p->is_weight && p->index == app->at;
    Role role = here ? ROLE_HERE : p->is_weight ? ROLE_TEXT : ROLE_LABEL;
    const char *words = p->is_weight ? app->model->weights.items[p->index].name : stage_name(&plan->stages[p->index], name);
    canvas_put_cut(c, row, r.col + (p->is_weight ? 3 : 1), 28, role, words);
    canvas_printf(c, row, r.col + 31, 10, ROLE_TEXT, "%10.3e", p->size.rms);
    if (isfinite(p->ratio))
        canvas_printf(c, row, r.col + 42, 11, ROLE_DIM, "%11.2e", p->ratio);
    int width = r.cols - 55;
    if (width < 4 || !(p->size.rms > 0))
        return;
    int filled = high > low ? (int)((log10(p->size.rms) - low) / (high - low) * (width - 1) + 0.5) + 1 : width;
    canvas_fill(c, row, r.col + 54, filled, 1, p->is_weight ? ROLE_HEADING : ROLE_LABEL, p->is_weight ? "▒" : "█");
}

void gradients_draw(App *app, Canvas *c, Rect r)
{
    GradientPoint *points = NULL;
    size_t n = gradient_points(app->pass, &points);
    int row = r.row;
    canvas_put_cut(c, row++, r.col + 1, r.cols - 2, ROLE_HEADING, _("The gradient, layer by layer: root mean square, logarithmic bars"));
    if (!n) {
        canvas_put_wrapped(c, row + 1, r.col + 1, r.cols - 2, 3, ROLE_WARNING, _("There are no gradients yet: L goes to the loss, then n goes back from it."));
        return;
    }
    row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 2, ROLE_TEXT,
                              _("Read from the bottom up, as the gradient flows. Bars that shrink by whole powers of ten are layers that learn little."));
    double low = 1e300, high = -1e300;
    for (size_t i = 0; i < n; i++) {
        if (!(points[i].size.rms > 0))
            continue;
        double x = log10(points[i].size.rms);
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    low = low < high - 8 ? high - 8 : floor(low);
    canvas_put_right(c, row, r.col + 31, 10, ROLE_HEADING, _("rms"));
    canvas_put_right(c, row, r.col + 42, 11, ROLE_HEADING, _("|g|/|value|"));
    if (r.cols > 75)
        canvas_printf(c, row, r.col + 54, r.cols - 55, ROLE_DIM, "1e%+.0f … %.1e", low, pow(10, high));
    row++;
    size_t room = r.row + r.rows > row ? (size_t)(r.row + r.rows - row) : 1, most = n > room ? n - room : 0;
    if (app->scroll > most)
        app->scroll = most;
    canvas_put_span(c, r.row, r.col, r.cols - 1, app->scroll, room, n);
    for (size_t i = 0; i < room && app->scroll + i < n; i++)
        draw_point(app, c, row + (int)i, r, &points[app->scroll + i], low, high);
    free(points);
}

bool gradients_command(App *app, CommandId id, size_t count)
{
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
    case CMD_PAGE_UP:
    case CMD_PAGE_DOWN: app_scroll(app, id, count); return true;
    default: return false;
    }
}
