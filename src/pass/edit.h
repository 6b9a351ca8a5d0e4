/* edit.h - recorded changes of a pass's numbers: "decoder.0.self.heads[head=1]=zero".
 *
 * Owns the list of edits, which is text, and what each does to the values and to their gradients. An edit of a stage applies
 * right after the stage was computed, an edit of a weight before anything was; what follows is computed with the edited numbers.
 *
 *     ADDRESS = NUMBER           these numbers (inf, -inf and nan among them)
 *     ADDRESS = zero
 *     ADDRESS = mean             each becomes the mean of its column, over all rows of its head
 *     ADDRESS *= NUMBER
 *     ADDRESS += NUMBER
 *     ADDRESS += noise(SEED, STD)  normal noise, a number for each cell, row by row
 *     ADDRESS = patch(TEXT)      the same cells of a pass over another text (activation patching); ids where the model has no words;
 *                                an encoder-decoder's decoder is fed as here, or TARGET with patch(TEXT => TARGET)
 *     ADDRESS = unmasked         of masked scores: what they were before the mask
 *     ADDRESS = token(TEXT)      of token embeddings: another token stands there
 *
 * The gradient of an edited stage is that of the edited numbers. What of it goes on into the stage: of set, zero, patch and token
 * nothing from these cells; of unmasked all, past the mask; of scale times the factor; of what was added all; of mean the average. */
#ifndef PASS_EDIT_H
#define PASS_EDIT_H

#include "pass/address.h"

typedef struct Edits {
    char **items;
    size_t count;
} Edits;

int edits_add(Edits *edits, const char *text, Error *e);
void edits_remove(Edits *edits, size_t i);
int edits_copy(Edits *to, const Edits *from, Error *e);
void edits_free(Edits *edits);
/* Adds those of a text of n bytes, one a line; empty lines and lines that begin with # are left out. */
int edits_read(Edits *edits, const char *text, size_t n, Error *e);
/* Appends them as edits_read reads them. */
void edits_write(const Edits *edits, Buffer *out);

/* From now on these edits apply to the pass, and none that applied before; forgets what they change. The list is copied. An error
 * names the edit and the place in it; the pass is then as it was. pass_feed forgets them: they belong to a text. */
int pass_set_edits(Pass *p, const Edits *edits, Error *e);
/* The edits that apply now; an empty list where there are none. */
const Edits *pass_edits(const Pass *p);
/* True where an edit changes this stage's value. */
bool pass_is_edited(const Pass *p, size_t stage);
/* The k-th edit that changes this stage's value, as text; NULL where there are not so many. */
const char *pass_edit_of(const Pass *p, size_t stage, size_t k);
/* What the stage computed itself, before its edits; its value where there are none. */
const real *pass_unedited(Pass *p, size_t stage);
/* d(loss)/d(what the stage computed itself): what its own backward is given. NULL before pass_backward. */
const real *pass_inner_gradient(const Pass *p, size_t stage);
/* True where an edit "= unmasked" put back number `offset` of a stage of masked scores: d(loss)/d(the score before the mask), *past, comes
 * from the edit then and not through the mask; 0 before pass_backward. */
bool pass_is_unmasked(const Pass *p, size_t stage, size_t offset, real *past);

#endif
