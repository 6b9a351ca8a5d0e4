/* keys.h - bytes from a terminal, read as events.
 *
 * Pure: knows no file and no clock. What is still incomplete stays with the caller. */
#ifndef TERM_KEYS_H
#define TERM_KEYS_H

#include "base/buffer.h"
#include "view/event.h"

#include <stdbool.h>
#include <stddef.h>

/* Where pasted text begins and ends; these are read and never leave src/term. */
enum { K_PASTE_BEGIN = 0x300000, K_PASTE_END };

enum { KEY_SEQUENCES_MAX = 32, KEY_SEQUENCE_BYTES = 15 };

/* What this terminal's database entry says of its keys; asked before the sequences that all terminals share. */
typedef struct KeyTable {
    int count;
    struct {
        char bytes[KEY_SEQUENCE_BYTES + 1];
        int32_t key;
    } rows[KEY_SEQUENCES_MAX];
} KeyTable;

/* Adds a sequence; NULL, empty, single-byte and too long ones are left out. */
void keys_add(KeyTable *t, const char *bytes, int32_t key);

/* Reads the event at the start of buf (n > 0 bytes) and returns the bytes it took. 0: the bytes may be
 * the start of a longer sequence; with `final` set (no more came in time) they are read as they are. What means nothing here (an unknown
 * sequence, invalid UTF-8, the release of a button) gives EVENT_NONE. A click is MOUSE_CLICK; telling a double one needs a clock. */
size_t keys_decode(const KeyTable *t, const char *buf, size_t n, bool final, Event *e);

/* Adds bytes that keys_decode, with an empty table, reads as this key or action of the mouse; nothing for other events. A double click is
 * two clicks, as a terminal sends it. */
void keys_encode(const Event *e, Buffer *out);

#endif
