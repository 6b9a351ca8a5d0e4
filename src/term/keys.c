/* keys.c - the sequences that terminals send.
 *
 * Sequences: ECMA-48 (CSI = ESC [, SS3 = ESC O), xterm's "Control Sequences" (modifiers, mouse modes 1000 and 1006, bracketed paste),
 * and the Linux console's function keys. Modifiers are dropped: Ctrl-Up is Up. */
#include "term/keys.h"

#include "base/text.h"

#include <string.h>

enum { ESC = 0x1b, LONGEST_SEQUENCE = 64 };

void keys_add(KeyTable *t, const char *bytes, int32_t key)
{
    size_t n = bytes ? strlen(bytes) : 0;
    if (n < 2 || n > KEY_SEQUENCE_BYTES || t->count == KEY_SEQUENCES_MAX)
        return;
    memcpy(t->rows[t->count].bytes, bytes, n + 1);
    t->rows[t->count++].key = key;
}

static size_t key(Event *e, int32_t k, size_t used)
{
    *e = (Event){.type = k ? EVENT_KEY : EVENT_NONE, .key = k};
    return used;
}

/* A button of the mouse at column x, row y, counted from 1. Codes as xterm's: bits 0-1 the button, 32 motion, 64 the wheel. */
static size_t mouse(Event *e, int code, int x, int y, bool pressed, size_t used)
{
    *e = (Event){.type = EVENT_MOUSE, .row = y - 1, .col = x - 1};
    int button = code & 3;
    if (!pressed || code & (32 | 128) || x < 1 || y < 1)
        e->type = EVENT_NONE;
    else if (code & 64 && button < 2)
        e->action = button ? MOUSE_WHEEL_DOWN : MOUSE_WHEEL_UP;
    else if (!(code & 64) && !button)
        e->action = MOUSE_CLICK;
    else
        e->type = EVENT_NONE;
    return used;
}

/* ESC [ … final, or 0 for a final byte that is no key. */
static int32_t final_key(char c)
{
    switch (c) {
    case 'A':
        return K_UP;
    case 'B':
        return K_DOWN;
    case 'C':
        return K_RIGHT;
    case 'D':
        return K_LEFT;
    case 'H':
        return K_HOME;
    case 'F':
        return K_END;
    case 'Z':
        return K_BACKTAB;
    case 'M':
        return K_ENTER; /* the keypad's, as SS3 M */
    case 'P':
    case 'Q':
    case 'R':
    case 'S':
        return K_F1 + (c - 'P');
    default:
        return 0;
    }
}

/* ESC [ number ~ */
static int32_t tilde_key(int number)
{
    static const int32_t keys[25] = {0,    K_HOME, K_INSERT, K_DELETE, K_END, K_PGUP, K_PGDN, K_HOME, K_END, 0, 0,     K_F1, K_F2,
                                     K_F3, K_F4,   K_F5,     0,        K_F6,  K_F7,   K_F8,   K_F9,   K_F10, 0, K_F11, K_F12};
    if (number == 200 || number == 201)
        return number == 200 ? K_PASTE_BEGIN : K_PASTE_END;
    return number >= 0 && number < 25 ? keys[number] : 0;
}

/* A key reported by its character: ESC [ code ; modifiers u, or ESC [ 27 ; modifiers ; code ~. Modifiers are 1 + 1 Shift, 2 Alt, 4 Ctrl. */
static int32_t character_key(int code, int modifiers)
{
    bool shift = modifiers > 0 && (modifiers - 1) & 1, ctrl = modifiers > 0 && (modifiers - 1) & 4;
    switch (code) {
    case 9:
        return shift ? K_BACKTAB : K_TAB;
    case 13:
        return K_ENTER;
    case ESC:
        return K_ESC;
    case 8:
    case 127:
        return K_BACKSPACE;
    default:
        if (code < 0x20 || code > 0x10ffff)
            return 0;
        return ctrl ? K_CTRL | code : code;
    }
}

/* ESC [ … : parameters, intermediate bytes, a final byte. */
static size_t control_sequence(const char *s, size_t n, bool final, Event *e)
{
    if (n > 2 && s[2] == '[') { /* the Linux console's F1 … F5 */
        if (n < 4)
            return final ? key(e, K_ESC, 1) : 0;
        return key(e, s[3] >= 'A' && s[3] <= 'E' ? K_F1 + (s[3] - 'A') : 0, 4);
    }
    if (n > 2 && s[2] == 'M') { /* the old report: button, column, row, each + 32 */
        if (n < 6)
            return final ? key(e, 0, n) : 0;
        int code = (unsigned char)s[3] - 32;
        return mouse(e, code, (unsigned char)s[4] - 32, (unsigned char)s[5] - 32, (code & 3) != 3, 6);
    }
    int numbers[4] = {0}, count = 0;
    size_t i = 2;
    bool mouse_report = n > 2 && s[2] == '<', private = n > 2 && s[2] >= '<' && s[2] <= '?';
    if (private)
        i++;
    for (; i < n && i < LONGEST_SEQUENCE && s[i] >= 0x20 && s[i] <= 0x3f; i++) {
        if (s[i] == ';')
            count++;
        else if (s[i] >= '0' && s[i] <= '9' && count < 4 && numbers[count] < 100000)
            numbers[count] = numbers[count] * 10 + (s[i] - '0');
    }
    if (i == n && i < LONGEST_SEQUENCE) /* not complete: a lone Esc and what was typed after it, if nothing follows */
        return final ? key(e, K_ESC, 1) : 0;
    char c = s[i];
    if (c < 0x40 || c > 0x7e)
        return key(e, 0, i); /* broken off by something else */
    size_t used = i + 1;
    if (mouse_report && (c == 'M' || c == 'm'))
        return mouse(e, numbers[0], numbers[1], numbers[2], c == 'M', used);
    if (private)
        return key(e, 0, used);
    if (c == 'u')
        return key(e, character_key(numbers[0], numbers[1]), used);
    if (c == '~')
        return key(e, numbers[0] == 27 ? character_key(numbers[2], numbers[1]) : tilde_key(numbers[0]), used);
    return key(e, final_key(c), used);
}

/* ESC O c: cursor and function keys, and the number pad. */
static int32_t pad_key(char c)
{
    if (c >= 'p' && c <= 'y')
        return '0' + (c - 'p');
    if (c >= 'j' && c <= 'o')
        return "*+,-./"[c - 'j'];
    if (c == 'X')
        return '=';
    return final_key(c);
}

size_t keys_decode(const KeyTable *t, const char *s, size_t n, bool final, Event *e)
{
    *e = (Event){.type = EVENT_NONE};
    unsigned char first = (unsigned char)s[0];
    if (first == ESC) {
        bool prefix = false;
        size_t best = 0;
        int32_t found = 0;
        for (int i = 0; i < t->count; i++) {
            size_t len = strlen(t->rows[i].bytes);
            if (len <= n && len > best && !memcmp(s, t->rows[i].bytes, len)) {
                best = len;
                found = t->rows[i].key;
            } else if (len > n && !memcmp(s, t->rows[i].bytes, n)) {
                prefix = true;
            }
        }
        if (best)
            return key(e, found, best);
        if (prefix && !final)
            return 0;
        if (n == 1)
            return final ? key(e, K_ESC, 1) : 0;
        if (s[1] == '[')
            return control_sequence(s, n, final, e);
        if (s[1] == 'O') {
            if (n == 2)
                return final ? key(e, K_ESC, 1) : 0;
            return key(e, pad_key(s[2]), 3);
        }
        return key(e, K_ESC, 1); /* Esc, then another key: there is no Alt */
    }
    if (first < 0x20 || first == 0x7f) {
        if (first == '\t')
            return key(e, K_TAB, 1);
        if (first == '\r' || first == '\n')
            return key(e, K_ENTER, 1);
        if (first == 8 || first == 0x7f)
            return key(e, K_BACKSPACE, 1);
        if (!first)
            return key(e, K_CTRL | ' ', 1);
        return key(e, K_CTRL | (first + (first < ESC ? 0x60 : 0x40)), 1);
    }
    if (first < 0x80)
        return key(e, first, 1);
    size_t want = first > 0xf4 || first < 0xc2 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2, whole = 1;
    while (whole < n && whole < want && ((unsigned char)s[whole] & 0xc0) == 0x80)
        whole++;
    if (whole == n && n < want && !final)
        return 0;
    int32_t c;
    size_t used = text_decode(s, n, &c);
    return key(e, (used == 1 || c < 0xa0) ? 0 : c, used);
}

/* ---- the other way ---- */

static void encode_ctrl(int32_t c, Buffer *out)
{
    bool byte = (c >= 'a' && c <= 'z' && !strchr("hijm", (int)c)) || (c >= '\\' && c <= '_');
    if (c == ' ')
        buffer_putc(out, '\0');
    else if (byte)
        buffer_putc(out, (char)(c & 0x1f));
    else
        buffer_printf(out, "\033[%d;5u", (int)c);
}

static void encode_key(int32_t k, Buffer *out)
{
    static const struct { int32_t key; const char *bytes; } special[] = {
        {K_UP, "\033[A"},    {K_DOWN, "\033[B"},   {K_RIGHT, "\033[C"},  {K_LEFT, "\033[D"},   {K_HOME, "\033[H"},   {K_END, "\033[F"},
        {K_PGUP, "\033[5~"}, {K_PGDN, "\033[6~"},  {K_ENTER, "\r"},      {K_ESC, "\033"},      {K_TAB, "\t"},        {K_BACKTAB, "\033[Z"},
        {K_BACKSPACE, "\177"}, {K_DELETE, "\033[3~"}, {K_INSERT, "\033[2~"}, {K_F1, "\033OP"},  {K_F2, "\033OQ"},     {K_F3, "\033OR"},
        {K_F4, "\033OS"},    {K_F5, "\033[15~"},   {K_F6, "\033[17~"},   {K_F7, "\033[18~"},   {K_F8, "\033[19~"},   {K_F9, "\033[20~"},
        {K_F10, "\033[21~"}, {K_F11, "\033[23~"},  {K_F12, "\033[24~"},
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].key == k) {
            buffer_puts(out, special[i].bytes);
            return;
        }
    if (k & K_CTRL) {
        encode_ctrl(k & ~K_CTRL, out);
    } else if (k >= 0x20 && k < 0x110000) {
        char bytes[4];
        buffer_add(out, bytes, text_encode(k, bytes));
    }
}

void keys_encode(const Event *e, Buffer *out)
{
    if (e->type == EVENT_KEY)
        encode_key(e->key, out);
    if (e->type != EVENT_MOUSE)
        return;
    int code = e->action == MOUSE_WHEEL_UP ? 64 : e->action == MOUSE_WHEEL_DOWN ? 65 : 0;
    for (int i = 0; i < (e->action == MOUSE_DOUBLE ? 2 : 1); i++)
        buffer_printf(out, "\033[<%d;%d;%dM", code, e->col + 1, e->row + 1);
}
