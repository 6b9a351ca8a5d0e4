/* event.h - what a user does, as the views see it.
 *
 * Knows no terminal: src/term turns bytes into events, `frame --keys` names them. */
#ifndef VIEW_EVENT_H
#define VIEW_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A key is a Unicode character, or one of these. Ctrl-A is K_CTRL | 'a'. Terminals cannot send all. */
enum {
    KEY_BASE_ = 0x200000,
    K_UP, K_DOWN, K_LEFT, K_RIGHT, K_HOME, K_END, K_PGUP, K_PGDN,
    K_ENTER, K_ESC, K_TAB, K_BACKTAB, K_BACKSPACE, K_DELETE, K_INSERT,
    K_F1, K_F2, K_F3, K_F4, K_F5, K_F6, K_F7, K_F8, K_F9, K_F10, K_F11, K_F12,
    K_CTRL = 0x400000,
};

typedef enum EventType { EVENT_NONE, EVENT_KEY, EVENT_MOUSE, EVENT_RESIZE, EVENT_END } EventType;
typedef enum MouseAction { MOUSE_CLICK, MOUSE_DOUBLE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN } MouseAction;

typedef struct Event {
    EventType type;
    int32_t key;          /* EVENT_KEY */
    bool pasted;          /* EVENT_KEY: not typed; ends of lines and tabs are spaces then */
    MouseAction action;   /* EVENT_MOUSE */
    int row, col;         /* EVENT_MOUSE: where; EVENT_RESIZE: the new rows and columns */
} Event;

/* The name of a key as it is written in help, status line and `--keys`: "n", "Space", "Enter", "PgDn",
 * "C-l", "S-Tab". Writes at most size bytes into out, returns out. A name never has more than 11 bytes. */
const char *key_name(int32_t key, char *out, size_t size);
/* Reads one key's name, length n; -1 where it is none. A single UTF-8 character names itself; "<" … ">" may surround
 * a name. Names are read in any case and by their common synonyms ("PageDown", "Return", "^L"). */
int32_t key_parse(const char *name, size_t n);

#endif
