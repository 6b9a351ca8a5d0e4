/* event.c - the names of keys. */
#include "view/event.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

typedef struct KeyName {
    int32_t key;
    const char *name;
} KeyName;

/* The first name of a key is the one shown, the others are read too. */
static const KeyName names[] = {
    {K_UP, "Up"},
    {K_DOWN, "Down"},
    {K_LEFT, "Left"},
    {K_RIGHT, "Right"},
    {K_HOME, "Home"},
    {K_END, "End"},
    {K_PGUP, "PgUp"},
    {K_PGDN, "PgDn"},
    {K_ENTER, "Enter"},
    {K_ESC, "Esc"},
    {K_TAB, "Tab"},
    {K_BACKTAB, "S-Tab"},
    {K_BACKSPACE, "Backspace"},
    {K_DELETE, "Del"},
    {K_INSERT, "Ins"},
    {K_F1, "F1"},
    {K_F2, "F2"},
    {K_F3, "F3"},
    {K_F4, "F4"},
    {K_F5, "F5"},
    {K_F6, "F6"},
    {K_F7, "F7"},
    {K_F8, "F8"},
    {K_F9, "F9"},
    {K_F10, "F10"},
    {K_F11, "F11"},
    {K_F12, "F12"},
    {' ', "Space"},
    {K_PGUP, "PageUp"},
    {K_PGDN, "PageDown"},
    {K_ENTER, "Return"},
    {K_ENTER, "CR"},
    {K_ESC, "Escape"},
    {K_BACKTAB, "BackTab"},
    {K_BACKSPACE, "BS"},
    {K_DELETE, "Delete"},
    {K_INSERT, "Insert"},
    {'<', "lt"},
    {'>', "gt"},
};

const char *key_name(int32_t key, char *out, size_t size)
{
    const char *prefix = "";
    if (key > 0 && key & K_CTRL) {
        prefix = "C-";
        key &= ~K_CTRL;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].key == key && key != '<' && key != '>') {
            snprintf(out, size, "%s%s", prefix, names[i].name);
            return out;
        }
    char text[5] = "";
    if (key > 0x20 && key < 0x7f)
        text[0] = (char)key;
    else if (key >= 0xa0 && key < 0x800)
        snprintf(text, sizeof text, "%c%c", 0xc0 | key >> 6, 0x80 | (key & 0x3f));
    else if (key >= 0x800 && key < 0x10000 && (key & 0xf800) != 0xd800)
        snprintf(text, sizeof text, "%c%c%c", 0xe0 | key >> 12, 0x80 | (key >> 6 & 0x3f), 0x80 | (key & 0x3f));
    else if (key >= 0x10000 && key < 0x110000)
        snprintf(text, sizeof text, "%c%c%c%c", 0xf0 | key >> 18, 0x80 | (key >> 12 & 0x3f), 0x80 | (key >> 6 & 0x3f), 0x80 | (key & 0x3f));
    snprintf(out, size, "%s%s", text[0] ? prefix : "", text[0] ? text : "?");
    return out;
}

/* The character that n bytes are, when they are exactly one that can be typed; else -1. */
static int32_t one_character(const char *s, size_t n)
{
    int32_t c;
    if (!n || text_decode(s, n, &c) != n || c < 0x20 || (c >= 0x7f && c < 0xa0) || (n == 1 && c == 0xfffd))
        return -1;
    return c;
}

int32_t key_parse(const char *name, size_t n)
{
    int32_t c = one_character(name, n);
    if (c >= 0)
        return c;
    if (n > 2 && name[0] == '<' && name[n - 1] == '>') {
        name++;
        n -= 2;
        if ((c = one_character(name, n)) >= 0)
            return c;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i].name) == n && !strncasecmp(names[i].name, name, n))
            return names[i].key;
    size_t skip = n > 2 && (name[0] == 'C' || name[0] == 'c') && name[1] == '-' ? 2 : n > 1 && name[0] == '^' ? 1 : 0;
    if (!skip)
        return -1;
    c = n - skip == 1 ? (unsigned char)name[skip] : n - skip == 5 && !strncasecmp(name + skip, "space", 5) ? ' ' : -1;
    if (c >= 'A' && c <= 'Z')
        c += 'a' - 'A';
    /* what a terminal can send as a control character and is no key of its own */
    if (c == 'i')
        return K_TAB;
    if (c == 'm' || c == 'j')
        return K_ENTER;
    if (c == 'h')
        return K_BACKSPACE;
    if (c == '[')
        return K_ESC;
    return (c >= 'a' && c <= 'z') || c == ' ' || (c >= '\\' && c <= '_') ? K_CTRL | c : -1;
}
