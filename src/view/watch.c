/* watch.c - the loss curve, and the attention of one sentence, while a model is trained. */
#include "view/watch.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* ---- the debugger on a copy ---- */

static void write_ids(const Ids *ids, Buffer *out)
{
    for (size_t i = 0; i < ids->len; i++)
        buffer_printf(out, i ? ",%d" : "%d", ids->data[i]);
}

/* The first stage of attention weights of the last layer; of cross-attention where there is one. */
static size_t best_stage(const Plan *plan)
{
    size_t best = 0;
    for (size_t i = 0; i < plan->count; i++) {
        bool better = plan->stages[i].kind == STAGE_WEIGHTS &&
                      (plan->stages[best].kind != STAGE_WEIGHTS || plan->stages[i].sub >= plan->stages[best].sub);
        best = better ? i : best;
    }
    return best;
}

int watch_open(Watch *w, const Trainer *t, Theme theme, bool color, Error *e)
{
    TaskExample x = {0};
    Buffer first = {0}, second = {0};
    *w = (Watch){0};
    Model *m = model_copy(trainer_model(t), e);
    if (!m)
        return -1;
    if (examples_draw(trainer_examples(t), trainer_recipe(t)->data_seed, TASK_HELD_OUT, 0, &x, e) == 0) {
        bool two = m->config.kind == KIND_ENCODER_DECODER, decoder = m->config.kind == KIND_DECODER;
        write_ids(decoder ? &x.input : &x.source, &first);
        write_ids(&x.input, &second);
        InputText given = {.ids = buffer_text(&first), .target_ids = two ? buffer_text(&second) : NULL};
        w->app = app_create(m, given, trainer_recipe(t)->ablations, theme, color, e);
    }
    buffer_free(&first);
    buffer_free(&second);
    task_example_free(&x);
    if (!w->app) {
        model_free(m);
        return -1;
    }
    app_go(w->app, best_stage(pass_plan(w->app->pass)));
    w->app->show = SHOW_HEAT;
    w->app->all_heads = true;
    return 0;
}

void watch_close(Watch *w)
{
    app_free(w->app);
    w->app = NULL;
}

int watch_refresh(Watch *w, const Trainer *t, Error *e)
{
    const Weights *from = &trainer_model(t)->weights;
    Weights *to = &w->app->model->weights;
    if (weights_own(to, e) != 0)
        return -1;
    for (size_t i = 0; i < to->count; i++)
        weight_read(weights_values(to, i), &from->items[i]);
    app_run_again(w->app);
    return 0;
}

void watch_change_rate(Watch *w, Trainer *t, double times)
{
    const double most = 1 << 20;
    double factor = schedule_factor(&trainer_recipe(t)->schedule, trainer_steps(t)) * times;
    if (trainer_finished(t))
        error_set(&w->note, "%s", _("trained: there is no step left to take"));
    else if (factor > most || factor < 1 / most)
        error_set(&w->note, "%s", _("the learning rate is as far from the recipe's as it can be"));
    else
        trainer_change_lr(t, factor, &w->note);
}

/* ---- drawing ---- */

/* The mean loss of the steps that column x of n stands for. */
static double column_loss(const real *losses, size_t count, int x, int n)
{
    size_t from = count * (size_t)x / (size_t)n, to = count * (size_t)(x + 1) / (size_t)n;
    double sum = 0;
    if (to <= from)
        to = from + 1;
    for (size_t i = from; i < to && i < count; i++)
        sum += (double)losses[i];
    return sum / (double)(to - from);
}

/* "×4" or "÷2". */
static void write_factor(double factor, Buffer *out)
{
    buffer_printf(out, factor < 1 ? "÷%g" : "×%g", factor < 1 && factor > 0 ? 1 / factor : factor);
}

/* On the line under the curve, where the learning rate was changed: the last one first, and of the others those that have room before it. */
static void draw_changes(Canvas *c, int row, int col, int n, size_t count, const Schedule *s)
{
    int end = c->cols;
    for (size_t i = s->change_count; i-- > 0;) {
        Buffer text = {0};
        write_factor(s->changes[i].factor, &text);
        int width = canvas_text_width(c, buffer_text(&text)), x = col + (int)((double)s->changes[i].step / (double)count * n);
        bool last = i + 1 == s->change_count;
        if (last && x + width > end)
            x = end - width;
        if (s->changes[i].step <= count && x + width + !last <= end) {
            canvas_put(c, row, x, width, ROLE_HERE, buffer_text(&text));
            end = x;
        }
        buffer_free(&text);
    }
}

/* Logarithmic, because a loss falls by factors. The row below it has the changes of the learning rate. */
static void draw_curve(Canvas *c, Rect r, const real *losses, size_t count, const Schedule *s)
{
    static const char *const eighths[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    double high = 1e-9, low = 1e9;
    char label[RUN_LOSS_TEXT];
    int n = r.cols - 10;
    if (!count || n < 8 || r.rows < 2)
        return;
    if ((size_t)n > count)
        n = (int)count;
    for (int x = 0; x < n; x++) {
        double y = column_loss(losses, count, x, n);
        high = y > high ? y : high;
        low = y < low && y > 0 ? y : low;
    }
    if (!(low < high))
        low = high / 2;
    double span = log(high) - log(low);
    for (int x = 0; x < n; x++) {
        double y = column_loss(losses, count, x, n), share = y > 0 ? (log(y) - log(low)) / span : 0;
        int filled = 1 + (int)(share * (r.rows * 8 - 1) + 0.5);
        for (int k = 0; k < r.rows && filled > 0; k++, filled -= 8)
            canvas_put(c, r.row + r.rows - 1 - k, r.col + 9 + x, 1, ROLE_HEADING, eighths[filled >= 8 ? 8 : filled]);
    }
    draw_changes(c, r.row + r.rows, r.col + 9, n, count, s);
    canvas_printf(c, r.row, r.col, 8, ROLE_DIM, "%8s", run_loss_text(high, label));
    canvas_printf(c, r.row + r.rows - 1, r.col, 8, ROLE_DIM, "%8s", run_loss_text(low, label));
}

/* Adds more behind what is between two pieces, where it fits the columns. */
static void add_piece(Canvas *c, Buffer *line, const char *between, const char *more)
{
    if (canvas_text_width(c, buffer_text(line)) + canvas_text_width(c, between) + canvas_text_width(c, more) <= c->cols - 2)
        buffer_printf(line, "%s%s", between, more);
}

/* What is told of the run, the most important first: what has no room is left out whole. */
static void draw_title(const Watch *w, Canvas *c, const Trainer *t, const RunProgress *p)
{
    char piece[96], loss[RUN_LOSS_TEXT], left[RUN_LEFT_TEXT];
    Buffer line = {0};
    canvas_fill(c, 0, 0, c->cols, 1, ROLE_TITLE, " ");
    buffer_printf(&line, _("%s · step %zu of %zu"), examples_name(trainer_examples(t)), p->step, p->steps);
    snprintf(piece, sizeof piece, _("loss %s"), run_loss_text(p->loss, loss));
    add_piece(c, &line, " · ", piece);
    if (w->scored) {
        snprintf(piece, sizeof piece, w->kind == TASK_SCORE_PERPLEXITY ? _("perplexity %.4f") : _("score %.4f"), w->score);
        add_piece(c, &line, " · ", piece);
    }
    if (p->step < p->steps && !p->broke) {
        snprintf(piece, sizeof piece, _("%s left"), run_left_text(p->seconds_left, left));
        add_piece(c, &line, " · ", piece);
    }
    snprintf(piece, sizeof piece, _("%.0f tokens/s"), p->tokens_per_second);
    add_piece(c, &line, " · ", piece);
    canvas_put_cut(c, 0, 1, c->cols - 2, ROLE_TITLE, buffer_text(&line));
    buffer_free(&line);
}

/* The keys, the most important first. */
static void draw_keys(const Watch *w, Canvas *c, const RunProgress *p)
{
    bool over = p->broke || p->step == p->steps;
    const char *const pieces[] = {over ? _("q ends") : _("q stops"), _("Enter steps through"), over ? "" : _("< > rate ÷2 ×2"),
                                  _("] [ layer"), _("H heads"), _("v heat, numbers")};
    Buffer line = {0};
    buffer_puts(&line, p->broke ? _("broke down:") : over ? _("trained:") : w->paused ? _("paused: Space goes on") : _("Space pauses"));
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (*pieces[i])
            add_piece(c, &line, over && i == 0 ? " " : "  ", pieces[i]);
    canvas_put_cut(c, c->rows - 1, 1, c->cols - 2, w->paused ? ROLE_BADGE : ROLE_DIM, buffer_text(&line));
    buffer_free(&line);
}

/* What the curve is and the learning rate of the next step (at the end, of the last one); or what is wrong. Returns the rows taken. */
static int draw_caption(const Watch *w, Canvas *c, const Trainer *t, const RunProgress *p)
{
    const Schedule *s = &trainer_recipe(t)->schedule;
    size_t step = trainer_finished(t) ? s->steps - 1 : trainer_steps(t);
    double rate = schedule_lr(s, step), factor = schedule_factor(s, step);
    const char *wrong = p->broke ? p->broke : w->note.text;
    Buffer text = {0};
    if (*wrong)
        return canvas_put_wrapped(c, 1, 1, c->cols - 2, 2, ROLE_ERROR, wrong);
    buffer_printf(&text, _("learning rate %.3g"), rate);
    if (factor != 1 && factor > 0) {
        buffer_printf(&text, " = %.3g ", rate / factor);
        write_factor(factor, &text);
    }
    int width = canvas_text_width(c, buffer_text(&text));
    canvas_put_cut(c, 1, 1, c->cols - width - 4, ROLE_DIM, _("loss of each batch, nats, log scale"));
    canvas_put(c, 1, c->cols - 1 - width, width, factor == 1 ? ROLE_DIM : ROLE_HERE, buffer_text(&text));
    buffer_free(&text);
    return 1;
}

void watch_draw(Watch *w, Canvas *c, const Trainer *t, const RunProgress *p)
{
    size_t count;
    const real *losses = trainer_losses(t, &count);
    char name[STAGE_NAME_MAX];
    Buffer text = {0};
    canvas_clear(c);
    if (screen_is_too_small(c))
        return;
    draw_title(w, c, t, p);
    int curve = c->rows / 3 > 16 ? 16 : c->rows / 3;
    int caption = draw_caption(w, c, t, p), row = 3 + curve;
    canvas_hline(c, row - 1, 0, c->cols, ROLE_BORDER);
    draw_curve(c, (Rect){1 + caption, 0, c->cols - 1, curve + 1 - caption}, losses, count, &trainer_recipe(t)->schedule);
    for (int i = STACK_ENCODER; i <= STACK_DECODER; i++)
        if (config_has_stack(&w->app->model->config, (Stack)i)) {
            if (text.len)
                buffer_puts(&text, " → ");
            app_input_text(w->app, (Stack)i, &text);
        }
    int used = canvas_put_cut(c, row, 1, c->cols / 2, ROLE_HERE, stage_name(app_stage(w->app), name));
    canvas_put_cut(c, row, used + 3, c->cols - used - 4, ROLE_TEXT, buffer_text(&text));
    buffer_free(&text);
    matrix_draw(w->app, c, (Rect){row + 1, 1, c->cols - 2, c->rows - row - 2});
    draw_keys(w, c, p);
}
