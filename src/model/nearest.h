/* nearest.h - the known names closest to a misspelt one, for the end of an error; and what else errors and formats ask of names.
 *
 * Owns nothing: what is offered must outlive the Nearest. Knows nothing of what the names mean. */
#ifndef MODEL_NEAREST_H
#define MODEL_NEAREST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NEAREST_KEPT = 3, NEAREST_LENGTH = 48, NEAREST_HINT = 256, QUOTE_SHORT = 96 };

typedef struct Nearest {
    int32_t word[NEAREST_LENGTH]; /* the misspelt name's first characters */
    size_t len;
    struct {
        const char *text;
        size_t distance;
    } best[NEAREST_KEPT]; /* the closest first; of equals the first offered */
    size_t count;
} Nearest;

/* Begins a search for names close to the n bytes at word. */
Nearest nearest_to(const char *word, size_t n);
/* Considers one name. Distance: insertions, deletions, substitutions and swaps of neighbours (optimal
 * string alignment), in characters, A and a being the same; a name that differs in more than half of its characters is not close. */
void nearest_offer(Nearest *near, const char *name);
/* Writes `; nearest: "a", "b"` into out, or "" where nothing is close. Returns out. */
const char *nearest_hint(const Nearest *near, char out[NEAREST_HINT]);

/* The n bytes at s in quotes, escaped, cut to about 40 columns: for showing a piece of input in an
 * error. Returns out. */
const char *quote_short(const char *s, size_t n, char out[QUOTE_SHORT]);

/* True where the name's last bytes are `end`: ".bin" of a file, "norm.gain" of a weight. */
bool name_ends_with(const char *name, const char *end);

#endif
