/* cutting.c - how the text became tokens: every rule, every merge, stepped through forwards and back.
 *
 * Owns the recorded cut and where in it the user stands. What a step says is cut_lines.c's. */
#include "view/app.h"

#include "base/text.h"
#include "model/cut_lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Cutting {
    Cut cut;
    size_t at;    /* which of its frames */
    char *text;   /* that was cut */
    size_t id;    /* the one of the ids that the cursor is on */
};

void cutting_free(struct Cutting *w)
{
    if (!w)
        return;
    cut_free(&w->cut);
    free(w->text);
    free(w);
}

/* The text that the pass was given, or the model's example; NULL where it was given ids. */
static const char *given_text(const App *app)
{
    if (app->given.text)
        return app->given.text;
    return app->given.ids ? NULL : input_example(app->model);
}

void cutting_open(App *app)
{
    const char *text = given_text(app);
    Error e = {{0}};
    if (!text || !vocab_has_text(app->model->vocab)) {
        app_say(app, ROLE_WARNING, "%s", vocab_has_text(app->model->vocab) ? _("ids were given, and no text that could be cut: t takes a text") : _("this model has no words: there is no text to cut"));
        return;
    }
    struct Cutting *w = calloc(1, sizeof *w);
    EncodeFor how = app->model->config.kind == KIND_DECODER ? ENCODE_DECODER : ENCODE_ENCODER;
    if (!w || !(w->text = strdup(text)) || vocab_cut(app->model->vocab, text, how, &w->cut, &e) != 0) {
        app_say(app, ROLE_ERROR, "%s", e.text[0] ? e.text : _("not enough memory"));
        cutting_free(w);
        return;
    }
    cutting_free(app->cutting);
    app->cutting = w;
    app->view = VIEW_CUTTING;
}

/* ---- drawing ---- */

enum { LABEL_COLS = 34 };

/* Every other piece stands out, so that the cuts are seen without colour too: they are drawn between bars. */
static int draw_pieces(Canvas *c, Rect r, const CutText *t, int row)
{
    Buffer b = {0};
    buffer_puts(&b, "│");
    cut_say_text(t, "│", &b);
    buffer_puts(&b, "│");
    int used = canvas_put_wrapped(c, row, r.col + 3, r.cols - 4, r.row + r.rows - row > 1 ? r.row + r.rows - row : 1, ROLE_TEXT, buffer_text(&b));
    buffer_free(&b);
    return used;
}

static void draw_text(const struct Cutting *w, Canvas *c, Rect r, size_t at)
{
    int row = r.row;
    size_t first = at > 3 ? at - 3 : 0; /* the rules before, as far as there is room */
    for (size_t i = first; i <= at && row < r.row + r.rows; i++) {
        const CutText *t = &w->cut.texts[i];
        Role role = i == at ? ROLE_HERE : ROLE_DONE;
        canvas_put(c, row, r.col + 1, 2, role, i == at ? "▶ " : "  ");
        canvas_printf(c, row++, r.col + 3, r.cols - 4, role, "%s%s%s", t->name, t->name[0] ? ": " : "", t->what);
        Rect room = r;
        if (i < at)
            room.rows = row - r.row + 3 < r.rows ? row - r.row + 3 : r.rows;
        if (!t->changed)
            canvas_put_cut(c, row++, r.col + 3, r.cols - 4, ROLE_DIM, _("(unchanged)"));
        else
            row += draw_pieces(c, room, t, row);
        row++;
    }
}

/* The spelling of one of them; the caller frees it. */
static Buffer spell(const App *app, const CutTokens *t, size_t i)
{
    Buffer b = {0};
    CutTokens one = {&t->items[i], 1, 1};
    cut_say_tokens(app->model->vocab, &one, "", &b);
    return b;
}

static bool is_made(const CutToken *t, const CutStep *step)
{
    return step && (step->kind == CUT_MERGE || step->kind == CUT_TAKE) && t->from == step->from && t->to == step->to;
}

/* The first token to draw, so that the one that was made is seen. */
static size_t first_seen(const App *app, const Canvas *c, const CutTokens *t, const CutStep *made, int cols)
{
    size_t k = 0;
    int used = 2;
    while (k < t->count && !is_made(&t->items[k], made))
        k++;
    if (k == t->count) /* nothing was: the beginning */
        return 0;
    for (size_t i = k + 1; i-- > 0;) {
        Buffer b = spell(app, t, i);
        used += canvas_text_width(c, buffer_text(&b)) + 1;
        buffer_free(&b);
        if (used > cols)
            return i < k ? i + 1 : k;
    }
    return 0;
}

/* The tokens of a piece, the one that the last step made marked. */
static void draw_tokens(const App *app, Canvas *c, int row, int col, int cols, const CutTokens *t, const CutStep *made)
{
    size_t first = first_seen(app, c, t, made, cols);
    int used = first ? canvas_put(c, row, col, cols, ROLE_DIM, "…") + 1 : 0;
    for (size_t i = first; i < t->count && used < cols; i++) {
        Buffer b = spell(app, t, i);
        used += canvas_put_cut(c, row, col + used, cols - used, is_made(&t->items[i], made) ? ROLE_MATCH : ROLE_TEXT, buffer_text(&b)) + 1;
        buffer_free(&b);
    }
}

/* "Ġ+t:1": two neighbours and when their merge was learned, or their score. */
static void say_pair(const App *app, const CutPiece *p, const CutTokens *now, const CutPair *pair, Buffer *out)
{
    CutTokens two = {now->items + pair->left, 2, 2};
    cut_say_tokens(app->model->vocab, &two, "+", out);
    if (p->method == CUT_MERGES)
        buffer_printf(out, ":%.0f", pair->value + 1);
    else
        buffer_printf(out, ":%.6g", pair->value + 0.0);
}

/* The neighbours that could be merged now: first the one that will be, then the others in the order of the text, as many as there is room for. */
static int draw_pairs(const App *app, Canvas *c, Rect r, const CutPiece *p, const CutTokens *now, size_t done)
{
    enum { ROWS_MAX = 5, APART = 3, REST = 24 /* columns of "… and 9999 others" */ };
    if (p->method != CUT_MERGES && p->method != CUT_SCORES)
        return 0;
    CutPair *pairs = calloc(now->count + 1, sizeof *pairs);
    size_t n = pairs ? cut_pairs(app->model->vocab, p, now, pairs, now->count) : 0, first = n, shown = 0;
    int rows = r.rows < ROWS_MAX ? r.rows : ROWS_MAX, room = (rows - 2) * (r.cols - 4), used = 0;
    Buffer b = {0}, one = {0};
    for (size_t i = 0; i < n && done < p->count; i++)
        if (now->items[pairs[i].left].from == p->steps[done].from)
            first = i;
    if (first < n) {
        buffer_puts(&b, "▸");
        say_pair(app, p, now, &pairs[first], &b);
        used = canvas_text_width(c, buffer_text(&b));
        shown = 1;
    }
    for (size_t i = 0; i < n; i++) {
        buffer_clear(&one);
        say_pair(app, p, now, &pairs[i], &one);
        int wide = canvas_text_width(c, buffer_text(&one)) + APART;
        if (i == first)
            continue;
        if (used + 3 * wide + REST > room) /* thrice: two lines may end early */
            break;
        buffer_printf(&b, "%*s%s", b.len ? APART : 0, "", buffer_text(&one));
        used += wide;
        shown++;
    }
    if (shown < n)
        buffer_printf(&b, _("   … and %zu others"), n - shown);
    canvas_hline(c, r.row + r.rows - rows, r.col, r.cols, ROLE_BORDER);
    canvas_put_cut(c, r.row + r.rows - rows + 1, r.col + 1, r.cols - 2, ROLE_HEADING,
                   n == 0 ? _("no two neighbours have a merge: these are the tokens")
                   : p->method == CUT_MERGES ? _("neighbours that have a merge, and when it was learned; ▸ goes next")
                                             : _("neighbours that make a token, and its score; ▸ goes next"));
    canvas_put_wrapped(c, r.row + r.rows - rows + 2, r.col + 3, r.cols - 4, rows - 2, ROLE_TEXT, buffer_text(&b));
    buffer_free(&one);
    buffer_free(&b);
    free(pairs);
    return rows;
}

static void draw_piece(const App *app, const struct Cutting *w, Canvas *c, Rect r, CutFrame f)
{
    const CutPiece *p = &w->cut.pieces[f.piece];
    bool merges = p->method == CUT_MERGES || p->method == CUT_SCORES;
    CutTokens now;
    Buffer b = {0};
    cut_say_piece(app->model->vocab, &w->cut, f.piece, &b);
    canvas_put_cut(c, r.row, r.col + 1, r.cols - 2, ROLE_HERE, buffer_text(&b));
    int row = r.row + 1;
    row += canvas_put_wrapped(c, row, r.col + 1, r.cols - 2, 2, ROLE_TEXT, cut_method(p->method)) + 1;
    if (cut_state(p, f.done, &now, NULL) != 0) {
        buffer_free(&b);
        return;
    }
    int below = draw_pairs(app, c, r, p, &now, f.done);
    if (!merges) { /* what was found so far */
        canvas_put(c, r.row + r.rows - 2, r.col + 1, 12, ROLE_HEADING, _("found:"));
        draw_tokens(app, c, r.row + r.rows - 2, r.col + 13, r.cols - 14, &now, NULL);
        below = 3;
    }
    free(now.items);
    int room = r.row + r.rows - below - row;
    size_t first = merges || p->count == 0 ? 0 : 1, last = f.done > first ? f.done : first; /* what merging begins with is a line of its own */
    size_t top = room > 0 && last - first + 1 > (size_t)room ? last + 1 - (size_t)room : first;
    int label = merges ? (r.cols < 100 ? LABEL_COLS : LABEL_COLS + 14) : r.cols - 4;
    for (size_t i = top; i <= f.done && room > 0; i++, row++, room--) {
        bool here = i == f.done;
        buffer_clear(&b);
        if (i)
            cut_say_step(app->model->vocab, p, i - 1, &b);
        else
            buffer_puts(&b, merges ? _("begins as") : "");
        canvas_put(c, row, r.col + 1, 2, here ? ROLE_HERE : ROLE_DIM, here ? "▶ " : "  ");
        canvas_put_cut(c, row, r.col + 3, label, here ? ROLE_HERE : ROLE_DONE, buffer_text(&b));
        if (merges && cut_state(p, i, &now, NULL) == 0) {
            draw_tokens(app, c, row, r.col + 4 + label, r.cols - label - 5, &now, i ? &p->steps[i - 1] : NULL);
            free(now.items);
        }
    }
    buffer_free(&b);
}

/* What of the text an id stands for: whole characters; of one that is cut between tokens, that it is only a part. */
static void say_origin(const struct Cutting *w, const CutId *id, Buffer *out)
{
    size_t n = strlen(w->text), from = id->from.from, to = id->from.to;
    bool part = false;
    if (id->added)
        buffer_puts(out, _("added by the tokenizer"));
    if (id->added || from >= to || to > n)
        return;
    for (; from > 0 && ((unsigned char)w->text[from] & 0xc0) == 0x80; part = true)
        from--;
    for (; to < n && ((unsigned char)w->text[to] & 0xc0) == 0x80; part = true)
        to++;
    text_escape(out, w->text + from, to - from, false);
    if (part)
        buffer_puts(out, _("  (in part)"));
}

static void draw_ids(const App *app, struct Cutting *w, Canvas *c, Rect r)
{
    const Vocab *v = app->model->vocab;
    size_t n = w->cut.id_count, room = r.rows > 3 ? (size_t)(r.rows - 3) : 1, first = w->id >= room ? w->id - room + 1 : 0;
    size_t end = first + room < n ? first + room : n;
    if (n > room)
        canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HERE, _("what the model is fed: %zu tokens, here %zu to %zu"), n, first, end - 1);
    else
        canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HERE, _("what the model is fed: %zu tokens"), n);
    canvas_put(c, r.row + 1, r.col + 3, 8, ROLE_HEADING, _("position"));
    canvas_put_right(c, r.row + 1, r.col + 12, 8, ROLE_HEADING, _("id"));
    canvas_put(c, r.row + 1, r.col + 22, 16, ROLE_HEADING, _("token"));
    canvas_put(c, r.row + 1, r.col + 39, 16, ROLE_HEADING, _("in the file"));
    canvas_put(c, r.row + 1, r.col + 56, r.cols - 57, ROLE_HEADING, _("from"));
    for (size_t i = first; i < end; i++) {
        const CutId *id = &w->cut.ids[i];
        int row = r.row + 2 + (int)(i - first);
        bool here = i == w->id;
        Buffer b = {0};
        const char *token = vocab_token(v, id->id);
        buffer_puts(&b, *token == ' ' ? "▁" : "");
        text_escape(&b, token + (*token == ' '), strlen(token) - (*token == ' '), false);
        canvas_put(c, row, r.col + 1, 2, here ? ROLE_HERE : ROLE_DIM, here ? "▶ " : "  ");
        canvas_printf(c, row, r.col + 3, 8, ROLE_DIM, "%8zu", i);
        canvas_printf(c, row, r.col + 12, 8, ROLE_TEXT, "%8d", id->id);
        canvas_put_cut(c, row, r.col + 22, 16, here ? ROLE_HERE : ROLE_LABEL, buffer_text(&b));
        canvas_put_cut(c, row, r.col + 39, 16, ROLE_DIM, vocab_spelling(v, id->id));
        buffer_clear(&b);
        say_origin(w, id, &b);
        canvas_put_cut(c, row, r.col + 56, r.cols - 57, id->added ? ROLE_BADGE : ROLE_TEXT, buffer_text(&b));
        buffer_free(&b);
    }
}

void cutting_draw(App *app, Canvas *c, Rect r)
{
    struct Cutting *w = app->cutting;
    const char *text = given_text(app);
    if (!w || !text || strcmp(text, w->text) != 0) { /* another text is fed now: its own beginning */
        app->view = VIEW_STEP;
        cutting_open(app);
        w = app->cutting;
        if (app->view != VIEW_CUTTING) {
            step_draw(app, c, r);
            return;
        }
    }
    CutFrame f = cut_frame(&w->cut, w->at);
    canvas_printf(c, r.row, r.col + 1, r.cols - 2, ROLE_HEADING, _("How the text becomes tokens: step %zu of %zu"), w->at + 1, cut_frames(&w->cut));
    Rect room = {r.row + 2, r.col, r.cols, r.rows - 3};
    switch (f.kind) {
    case FRAME_TEXT: draw_text(w, c, room, f.text); break;
    case FRAME_PIECE: draw_piece(app, w, c, room, f); break;
    case FRAME_IDS: draw_ids(app, w, c, room); break;
    }
    canvas_put_cut(c, r.row + r.rows - 1, r.col + 1, r.cols - 2, ROLE_DIM,
                   f.kind == FRAME_IDS ? _("Up Down a token   Enter how it was made   [ the last piece   r the text")
                                       : _("] the next piece   [ the one before   G the ids   r the text"));
}

/* ---- keys ---- */

static void move_to(struct Cutting *w, long at)
{
    size_t n = cut_frames(&w->cut);
    w->at = at < 0 ? 0 : (size_t)at >= n ? n - 1 : (size_t)at;
}

/* To the beginning of this piece, and from there to the one before; or to the next. */
static void move_piece(struct Cutting *w, int by)
{
    CutFrame f = cut_frame(&w->cut, w->at);
    if (f.kind == FRAME_TEXT)
        move_to(w, by > 0 ? (long)w->cut.text_count : 0);
    else if (by > 0)
        move_to(w, (long)cut_frame_of_piece(&w->cut, f.piece + 1));
    else if (f.done)
        move_to(w, (long)cut_frame_of_piece(&w->cut, f.piece));
    else
        move_to(w, f.piece ? (long)cut_frame_of_piece(&w->cut, f.piece - 1) : (long)w->cut.text_count - 1);
}

/* To the end of the piece that the token at the cursor came from: all its steps are seen there. */
static void open_piece(App *app, struct Cutting *w)
{
    size_t piece = cut_piece_of_id(&w->cut, w->id);
    if (piece < w->cut.piece_count)
        move_to(w, (long)(cut_frame_of_piece(&w->cut, piece) + w->cut.pieces[piece].count));
    else
        app_say(app, ROLE_WARNING, "%s", _("the tokenizer put this one there: it comes from no piece of the text"));
}

/* Among the ids: up and down a row. */
static void move_id(struct Cutting *w, long by)
{
    long n = (long)w->cut.id_count, at = (long)w->id + by;
    w->id = n == 0 || at < 0 ? 0 : (size_t)(at < n ? at : n - 1);
}

bool cutting_command(App *app, CommandId id, size_t count)
{
    struct Cutting *w = app->cutting;
    long times = count ? (long)count : 1, at;
    if (!w)
        return false;
    at = (long)w->at;
    bool ids = cut_frame(&w->cut, w->at).kind == FRAME_IDS;
    switch (id) {
    case CMD_OPEN:
    case CMD_INTO:
        if (ids)
            open_piece(app, w);
        else
            move_to(w, at + times);
        return true;
    case CMD_NEXT: move_to(w, at + times); return true;
    case CMD_BACK: move_to(w, at - times); return true;
    case CMD_DOWN:
    case CMD_UP:
        times = id == CMD_UP ? -times : times;
        if (ids)
            move_id(w, times);
        else
            move_to(w, at + times);
        return true;
    case CMD_PAGE_DOWN:
    case CMD_PAGE_UP:
        if (ids) {
            enum { PAGE = 10 };
            move_id(w, id == CMD_PAGE_UP ? -PAGE * times : PAGE * times);
            return true;
        }
        while (times-- > 0)
            move_piece(w, id == CMD_PAGE_UP ? -1 : 1);
        return true;
    case CMD_NEXT_LAYER:
    case CMD_OUT:
    case CMD_RIGHT:
        while (times-- > 0)
            move_piece(w, 1);
        return true;
    case CMD_PREVIOUS_LAYER:
    case CMD_LEFT:
        while (times-- > 0)
            move_piece(w, -1);
        return true;
    case CMD_FIRST:
    case CMD_RESTART: move_to(w, 0); return true;
    case CMD_LAST:
    case CMD_RUN:
    case CMD_END: move_to(w, (long)cut_frames(&w->cut) - 1); return true;
    case CMD_CUTTING:
    case CMD_CLOSE: app->view = VIEW_STEP; return true;
    default: return false;
    }
}
