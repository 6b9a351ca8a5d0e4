/* address.h - "decoder.0.self.weights[head=1,query=3]": which numbers of a pass are meant.
 *
 * Owns how addresses are written. Used by edits, expressions, breakpoints and patches. Knows nothing of what is done with the
 * numbers.
 *
 *     ADDRESS = NAME [ "[" INDEX { "," INDEX } "]" ]
 *     NAME    = a stage's or a weight's name; "*" stands for any characters; the layer may be left out ("decoder.self.weights"),
 *               and within a sub-layer all of what stands before the last part ("weights"); TransformerLens's hook names
 *     INDEX   = [ AXIS "=" ] RANGE       without an axis: the next one in the tensor's order
 *     AXIS    = layer, or an axis of the stage: head, query, key, token, dim, unit, vocab … ; of a weight: row, column
 *               ("token" is also what a stage of one text calls its queries or keys, and "head" its kv_heads)
 *     RANGE   = "*" | WHERE | WHERE ".." WHERE                        both ends included; "*" is all
 *     WHERE   = a number (-1 is the last) | a token's text, as it stands or in double quotes | a dimension's name
 */
#ifndef PASS_ADDRESS_H
#define PASS_ADDRESS_H

#include "pass/pass.h"

/* Indices first … end-1 along one axis. `given`: the address says so; else it is the whole axis. `single`: it is one index, not a
 * range. */
typedef struct AddressRange {
    size_t first, end;
    bool given, single;
} AddressRange;

/* A block of one stage's value, or of one weight. */
typedef struct Address {
    bool is_weight;
    size_t index; /* of the stage in the plan, or of the weight in the model's Weights */
    int rank;
    size_t shape[STAGE_MAX_RANK]; /* of the whole tensor */
    AddressRange at[STAGE_MAX_RANK];
} Address;

/* Several of them, in the plan's order: what a "*" or a name without its layer stands for. */
typedef struct AddressList {
    Address *items;
    size_t count;
} AddressList;

/* Reads the address at the beginning of `text` (n bytes); *used gets how many bytes belong to it. `here` is the stage that short names
 * are looked for around, or NO_STAGE. -1 with e set, *used being the place in text where something else was expected; the list
 * is empty then. Every address of the list has at least one number. */
int address_read(AddressList *out, const Pass *p, int here, const char *text, size_t n, size_t *used, Error *e);
void address_list_free(AddressList *list);

/* How many numbers it has, and where the k-th of them (row-major) lies in the whole tensor. */
size_t address_count(const Address *a);
size_t address_offset(const Address *a, size_t k);
/* The name of an axis of it: "head", "row" … */
const char *address_axis(const Pass *p, const Address *a, int axis);
/* Appends it as it would be typed: "decoder.0.self.weights[head=1,query=0..2]". */
void address_write(const Pass *p, const Address *a, Buffer *out);

#endif
