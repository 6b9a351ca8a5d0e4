/* tokens_steps.c - `tokens --steps`: every rule and every merge, as text.
 *
 * Owns the lines. What they say is cut_lines.c's. */
#include "cli/tokens.h"

#include "base/text.h"
#include "model/cut_lines.h"

#include <stdlib.h>
#include <string.h>

static void add_texts(const Cut *c, Buffer *out)
{
    for (size_t i = 0; i < c->text_count; i++) {
        const CutText *t = &c->texts[i];
        if (t->name[0])
            buffer_printf(out, "%s: ", t->name);
        buffer_printf(out, "%s\n", t->what);
        if (!t->changed) {
            buffer_printf(out, "    %s\n", _("(unchanged)"));
            continue;
        }
        buffer_puts(out, "    |");
        cut_say_text(t, "|", out);
        buffer_puts(out, "|\n");
    }
}

static void add_step(const Vocab *v, const CutPiece *p, size_t done, bool whole, Buffer *out)
{
    CutTokens now;
    Buffer what = {0};
    bool merges = p->method == CUT_MERGES || p->method == CUT_SCORES;
    if (done)
        cut_say_step(v, p, done - 1, &what);
    else
        buffer_puts(&what, _("begins as"));
    buffer_puts(out, "    ");
    text_pad(out, buffer_text(&what), merges ? 30 : 0);
    if (merges && whole && cut_state(p, done, &now, NULL) == 0) {
        buffer_puts(out, "  ");
        cut_say_tokens(v, &now, " ", out);
        free(now.items);
    } else if (merges) {
        CutToken made = {p->steps[done - 1].from, p->steps[done - 1].to, p->steps[done - 1].id};
        buffer_puts(out, "  → ");
        cut_say_tokens(v, &(CutTokens){&made, 1, 1}, "", out);
        buffer_printf(out, _("  at byte %zu"), made.from);
    }
    buffer_putc(out, '\n');
    buffer_free(&what);
}

static void add_piece(const Vocab *v, const Cut *c, size_t i, Buffer *out)
{
    enum { LONG = 200 }; /* tokens: a whole row for each of so many merges is read by nobody */
    const CutPiece *p = &c->pieces[i];
    bool merges = p->method == CUT_MERGES || p->method == CUT_SCORES;
    buffer_putc(out, '\n');
    cut_say_piece(v, c, i, out);
    buffer_putc(out, '\n');
    if (p->start.count > LONG)
        buffer_printf(out, _("    (%zu tokens: the whole row is shown at the beginning and at the end; between them what each merge makes, and where)\n"),
                      p->start.count);
    for (size_t done = merges && p->start.count ? 0 : 1; done <= p->count; done++)
        add_step(v, p, done, done == 0 || done == p->count || p->start.count <= LONG, out);
    buffer_puts(out, "    ->");
    for (size_t k = 0; k < p->tokens.count; k++)
        buffer_printf(out, " %d", p->tokens.items[k].id);
    buffer_putc(out, '\n');
}

int tokens_add_steps(const Vocab *v, const char *text, EncodeFor how, Buffer *out, Error *e)
{
    Cut c;
    if (vocab_cut(v, text, how, &c, e) != 0)
        return -1;
    add_texts(&c, out);
    for (size_t i = 0; i < c.piece_count; i++) {
        if (i == 0 || c.pieces[i].method != c.pieces[i - 1].method)
            buffer_printf(out, "\n%s\n", cut_method(c.pieces[i].method));
        add_piece(v, &c, i, out);
    }
    buffer_putc(out, '\n');
    cut_free(&c);
    return 0;
}
