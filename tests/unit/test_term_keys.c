/* test_term_keys.c - the bytes of many terminals, and what they mean. */
#include "term/keys.h"

#include <criterion/criterion.h>
#include <string.h>

enum { MORE = 0, ALL = 1 }; /* MORE: bytes may follow; ALL: none came in time */

typedef struct KeyCase {
    int line;
    const char *bytes;
    size_t n;
    int final;
    size_t used;
    EventType type;
    int32_t key; /* or the mouse's action */
    int row, col;
} KeyCase;

#define KEY(bytes, used, key)                                                                                                              \
    {                                                                                                                                      \
        __LINE__, bytes, sizeof bytes - 1, MORE, used, EVENT_KEY, key, 0, 0                                                                \
    }
#define LATE(bytes, used, key)                                                                                                             \
    {                                                                                                                                      \
        __LINE__, bytes, sizeof bytes - 1, ALL, used, EVENT_KEY, key, 0, 0                                                                 \
    }
#define WAIT(bytes)                                                                                                                        \
    {                                                                                                                                      \
        __LINE__, bytes, sizeof bytes - 1, MORE, 0, EVENT_NONE, 0, 0, 0                                                                    \
    }
#define NOTHING(bytes, used)                                                                                                               \
    {                                                                                                                                      \
        __LINE__, bytes, sizeof bytes - 1, MORE, used, EVENT_NONE, 0, 0, 0                                                                 \
    }
#define MOUSE(bytes, used, action, row, col)                                                                                               \
    {                                                                                                                                      \
        __LINE__, bytes, sizeof bytes - 1, MORE, used, EVENT_MOUSE, action, row, col                                                       \
    }

static const KeyCase cases[] = {
    KEY("n", 1, 'n'),
    KEY("nb", 1, 'n'),
    KEY(" ", 1, ' '),
    KEY("\r", 1, K_ENTER),
    KEY("\n", 1, K_ENTER),
    KEY("\t", 1, K_TAB),
    KEY("\x7f", 1, K_BACKSPACE),
    KEY("\b", 1, K_BACKSPACE),
    KEY("\0", 1, K_CTRL | ' '),
    KEY("\1", 1, K_CTRL | 'a'),
    KEY("\x03", 1, K_CTRL | 'c'),
    KEY("\x1a", 1, K_CTRL | 'z'),
    KEY("\x1c", 1, K_CTRL | '\\'),
    KEY("\x1f", 1, K_CTRL | '_'),
    /* UTF-8 */
    KEY("\xe6\x88\x91x", 3, 0x6211),
    WAIT("\xe6"),
    WAIT("\xe6\x88"),
    KEY("\xc3\xa9", 2, 0xe9),
    KEY("\xf0\x9f\x98\x80", 4, 0x1f600),
    NOTHING("\xff", 1),
    NOTHING("\x88", 1),
    NOTHING("\xe6\x41\x41", 1),
    NOTHING("\xe6\x41", 1),
    NOTHING("\xc2\x85", 2),
    /* Esc alone, and followed by a key */
    WAIT("\x1b"),
    LATE("\x1b", 1, K_ESC),
    KEY("\x1bq", 1, K_ESC),
    KEY("\x1b\x1b", 1, K_ESC),
    WAIT("\x1b["),
    LATE("\x1b[", 1, K_ESC),
    WAIT("\x1bO"),
    LATE("\x1bO", 1, K_ESC),
    WAIT("\x1b[1;"),
    LATE("\x1b[1;", 1, K_ESC),
    /* cursor keys, as xterm sends them in both modes */
    KEY("\x1b[A", 3, K_UP),
    KEY("\x1bOA", 3, K_UP),
    KEY("\x1b[B", 3, K_DOWN),
    KEY("\x1bOB", 3, K_DOWN),
    KEY("\x1b[C", 3, K_RIGHT),
    KEY("\x1bOC", 3, K_RIGHT),
    KEY("\x1b[D", 3, K_LEFT),
    KEY("\x1bOD", 3, K_LEFT),
    KEY("\x1b[H", 3, K_HOME),
    KEY("\x1bOF", 3, K_END),
    KEY("\x1b[1~", 4, K_HOME),
    KEY("\x1b[4~", 4, K_END),
    KEY("\x1b[7~", 4, K_HOME),
    KEY("\x1b[8~", 4, K_END),
    KEY("\x1b[2~", 4, K_INSERT),
    KEY("\x1b[3~", 4, K_DELETE),
    KEY("\x1b[5~", 4, K_PGUP),
    KEY("\x1b[6~", 4, K_PGDN),
    KEY("\x1b[Z", 3, K_BACKTAB),
    /* with modifiers */
    KEY("\x1b[1;5A", 6, K_UP),
    KEY("\x1b[1;2C", 6, K_RIGHT),
    KEY("\x1b[5;5~", 6, K_PGUP),
    /* function keys: xterm, VT220, the Linux console */
    KEY("\x1bOP", 3, K_F1),
    KEY("\x1bOS", 3, K_F4),
    KEY("\x1b[11~", 5, K_F1),
    KEY("\x1b[15~", 5, K_F5),
    KEY("\x1b[17~", 5, K_F6),
    KEY("\x1b[21~", 5, K_F10),
    KEY("\x1b[23~", 5, K_F11),
    KEY("\x1b[24~", 5, K_F12),
    KEY("\x1b[1;2P", 6, K_F1),
    KEY("\x1b[[A", 4, K_F1),
    KEY("\x1b[[E", 4, K_F5),
    WAIT("\x1b[["),
    /* the number pad */
    KEY("\x1bOM", 3, K_ENTER),
    KEY("\x1bOp", 3, '0'),
    KEY("\x1bOy", 3, '9'),
    KEY("\x1bOk", 3, '+'),
    KEY("\x1bOm", 3, '-'),
    KEY("\x1bOX", 3, '='),
    /* keys reported by character */
    KEY("\x1b[27;5;13~", 10, K_ENTER),
    KEY("\x1b[97;5u", 7, K_CTRL | 'a'),
    KEY("\x1b[97u", 5, 'a'),
    KEY("\x1b[27u", 5, K_ESC),
    KEY("\x1b[9;2u", 6, K_BACKTAB),
    /* what this terminal's entry says: before what others mean by it */
    KEY("\x1bOt", 3, K_F5),
    KEY("\x1b[215z", 6, K_UP),
    WAIT("\x1b[215"),
    /* pasted text */
    KEY("\x1b[200~", 6, K_PASTE_BEGIN),
    KEY("\x1b[201~", 6, K_PASTE_END),
    /* no keys */
    NOTHING("\x1b[?1;2c", 7),
    NOTHING("\x1b[99999999999~", 14),
    NOTHING("\x1b[1;2;3;4;5;6y", 14),
    NOTHING("\x1b[I", 3),
    NOTHING("\x1b[3\x01", 3),
    /* the mouse: SGR reports, and the old ones */
    MOUSE("\x1b[<0;11;6M", 10, MOUSE_CLICK, 5, 10),
    NOTHING("\x1b[<0;11;6m", 10),
    MOUSE("\x1b[<64;1;1M", 10, MOUSE_WHEEL_UP, 0, 0),
    MOUSE("\x1b[<65;200;60M", 13, MOUSE_WHEEL_DOWN, 59, 199),
    NOTHING("\x1b[<1;3;4M", 9),
    NOTHING("\x1b[<2;3;4M", 9),
    NOTHING("\x1b[<32;3;4M", 10),
    MOUSE("\x1b[<4;3;4M", 9, MOUSE_CLICK, 3, 2),
    NOTHING("\x1b[<66;3;4M", 10),
    NOTHING("\x1b[<0;0;0M", 9),
    WAIT("\x1b[<0;11"),
    MOUSE("\x1b[M !\"", 6, MOUSE_CLICK, 1, 0),
    NOTHING("\x1b[M#!!", 6),
    MOUSE("\x1b[Ma!!", 6, MOUSE_WHEEL_DOWN, 0, 0),
    WAIT("\x1b[M !"),
};

static void fill_table(KeyTable *t)
{
    *t = (KeyTable){0};
    keys_add(t, "\x1b[215z", K_UP);
    keys_add(t, "\x1bOt", K_F5);
    keys_add(t, NULL, K_F6);
    keys_add(t, "", K_F6);
    keys_add(t, "\x7f", K_F6); /* one byte: not a sequence */
    keys_add(t, "\x1b[0123456789012345678", K_F6);
    cr_assert_eq(t->count, 2);
}

Test(term_keys, bytes_are_read_as_the_table_says)
{
    KeyTable t;
    fill_table(&t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const KeyCase *k = &cases[i];
        Event e;
        size_t used = keys_decode(&t, k->bytes, k->n, k->final, &e);
        cr_expect_eq(used, k->used, "line %d, case %zu: %zu bytes used, not %zu", k->line, i, used, k->used);
        cr_expect_eq(e.type, k->type, "line %d, case %zu: type %d", k->line, i, (int)e.type);
        if (k->type == EVENT_KEY)
            cr_expect_eq(e.key, k->key, "line %d, case %zu: key %x", k->line, i, (unsigned)e.key);
        if (k->type == EVENT_MOUSE)
            cr_expect(e.action == (MouseAction)k->key && e.row == k->row && e.col == k->col, "line %d, case %zu: %d at %d, %d", k->line, i,
                      (int)e.action, e.row, e.col);
    }
}

/* Whatever a line sends: what is asked to be final is consumed, and a prefix never decides otherwise than the whole. */
Test(term_keys, every_input_is_consumed)
{
    static const char alphabet[] = "\x1b\x1b\x1b[[[OO0159;;<M~mABu\xe6\x88\x91\xff\x7f q?";
    KeyTable t;
    fill_table(&t);
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        size_t n = 0;
        for (; n < sizeof bytes; n++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[n] = alphabet[(seed >> 10) % (sizeof alphabet - 1)];
        }
        size_t at = 0;
        while (at < n) {
            Event e, early;
            size_t used = keys_decode(&t, bytes + at, n - at, true, &e);
            cr_assert(used > 0 && used <= n - at);
            cr_assert(e.type == EVENT_NONE || e.type == EVENT_KEY || e.type == EVENT_MOUSE);
            for (size_t shorter = 1; shorter < used; shorter++)
                cr_assert_eq(keys_decode(&t, bytes + at, shorter, false, &early), 0, "a part of a sequence was taken for a whole one");
            at += used;
        }
    }
}
