/* map_keys.c - walking over the map: keys and clicks choose a box, Enter goes to it.
 *
 * Draws nothing; where the boxes lie is map_layout.c's. */
#include "view/map.h"

#include "base/text.h"

/* The whole screen but for title and status line: what map_draw is given. */
static Rect screen_area(const App *app)
{
    return (Rect){1, 0, app->cols, app->rows - 2};
}

/* The box of the other column whose middle is nearest. */
static size_t across(const Map *m, int column)
{
    const Rect *from = &m->boxes[m->choice].r;
    size_t best = m->choice;
    int least = 10000;
    for (size_t i = 0; i < m->count; i++) {
        const MapBox *b = &m->boxes[i];
        int apart = 2 * b->r.row + b->r.rows - 2 * from->row - from->rows;
        apart = apart < 0 ? -apart : apart;
        if (b->column == column && !map_is_aside(b->kind) && apart < least) {
            least = apart;
            best = i;
        }
    }
    return best;
}

/* Left and Right: between a sum and its positions, and between encoder and decoder. */
static size_t sideways(const Map *m, bool right)
{
    const MapBox *b = &m->boxes[m->choice];
    bool outwards = right == m->column[b->column].mirrored; /* the side the positions are at */
    if (map_is_sum(b->kind) && outwards)
        return m->choice - 1;
    if (map_is_aside(b->kind) && !outwards)
        return m->choice + 1;
    if (m->columns > 1 && b->column == !right)
        return across(m, right);
    return m->choice;
}

/* One box up or down the column; positions stand beside their sum, not below it. */
static size_t upwards(const Map *m, int by)
{
    size_t i = m->choice;
    do {
        if ((by < 0 && i == 0) || (by > 0 && i + 1 == m->count) || m->boxes[i + (by > 0 ? 1 : (size_t)-1)].column != m->boxes[i].column)
            return m->choice;
        i += by > 0 ? 1 : (size_t)-1;
    } while (map_is_aside(m->boxes[i].kind) || (by > 0 && map_is_aside(m->boxes[m->choice].kind) && i == m->choice + 1));
    return i;
}

static void go_to_box(App *app, const Map *m)
{
    const MapBox *b = &m->boxes[m->choice];
    if (b->first == b->end) {
        app_say(app, ROLE_WARNING, _("%s was taken out by an ablation; a switches it on again"), map_box_name(app, b));
        return;
    }
    app_jump(app, b->first);
    app->view = VIEW_STEP;
}

bool map_command(App *app, CommandId id, size_t count)
{
    Map m;
    size_t times = count ? count : 1;
    map_layout(app, screen_area(app), &m);
    int column = m.boxes[m.choice].column;
    switch (id) {
    case CMD_UP:
    case CMD_DOWN:
        while (times--)
            m.choice = upwards(&m, id == CMD_UP ? 1 : -1);
        break;
    case CMD_LEFT:
    case CMD_RIGHT: m.choice = sideways(&m, id == CMD_RIGHT); break;
    case CMD_LAST:
    case CMD_PAGE_UP:
        while (m.choice + 1 < m.count && m.boxes[m.choice + 1].column == column)
            m.choice++;
        break;
    case CMD_FIRST:
    case CMD_PAGE_DOWN:
        while (m.choice > 0 && m.boxes[m.choice - 1].column == column)
            m.choice--;
        break;
    case CMD_OPEN: go_to_box(app, &m); return true;
    case CMD_CLOSE:
    case CMD_MAP: app->view = VIEW_STEP; return true;
    default: app->map_choice = (size_t)-1; return false; /* steps and the like: the choice follows the place */
    }
    app->map_choice = m.choice;
    return true;
}

bool map_click(App *app, int row, int col, MouseAction action)
{
    if (action == MOUSE_WHEEL_UP || action == MOUSE_WHEEL_DOWN)
        return map_command(app, action == MOUSE_WHEEL_UP ? CMD_UP : CMD_DOWN, 1);
    Map m;
    map_layout(app, screen_area(app), &m);
    int box = map_box_at(&m, row, col);
    if (box < 0)
        return false;
    app->map_choice = m.choice = (size_t)box;
    if (action == MOUSE_DOUBLE)
        go_to_box(app, &m);
    return true;
}
