/* against.h - a pass against a file of tensors that another program wrote.
 *
 * Owns the comparison of one file: which of its tensors are stages of the pass, and how far apart they are. Names are ours,
 * TransformerLens's or transformers' (pass/hook.h); a leading dimension of 1, the batch, is passed over, and heads may stand behind tokens.
 * The error of a tensor is that of difference.h. */
#ifndef MEASURE_AGAINST_H
#define MEASURE_AGAINST_H

#include "model/safetensors.h"
#include "model/vocab.h"
#include "pass/hook.h"
#include "pass/pass.h"

/* What is tolerated where nobody says otherwise: what single precision loses between two right programs, and what bfloat16 does. */
#define AGAINST_TOLERANCE 5e-5
#define AGAINST_TOLERANCE_HALF 3e-2

/* One tensor of the file. */
typedef struct AgainstItem {
    const char *name; /* borrowed from the file, like theirs */
    int stage;        /* the stage it is compared with, or NO_STAGE: no stage is called so */
    HookForm form;    /* what of the stage it is compared with; a hook_normalized with whichever of the two it may be is nearer */
    double error;     /* infinite where the shapes or the places of −∞ differ; a large negative number of theirs counts as −∞ */
    bool shapes_differ;
    int rank; /* of what was expected: */
    size_t shape[STAGE_MAX_RANK];
    size_t index[STAGE_MAX_RANK]; /* in shape: where they are furthest apart, and what is there */
    double ours, theirs;
    const SafeTensor *tensor;
    bool is_hook; /* named as a hook */
} AgainstItem;

typedef struct Against {
    AgainstItem *items; /* compared ones first, in the order of the pass; then the others by name */
    size_t count, compared;
    double tolerance; /* the one to apply where nobody says otherwise: the wider one where any compared tensor is of half precision */
} Against;

/* Compares. Computes the stages that are asked for. -1 with e set without memory, or where no tensor of the file is a stage. */
int against_compare(Against *a, Pass *p, const SafeTensors *file, Error *e);
void against_free(Against *a);

/* Of an item that is too far off: whether theirs is ours less the mean of each row, within the tolerance. TransformerLens's from_pretrained
 * makes the weights that write to the residual stream, and the unembedding, so. */
bool against_is_centred(const AgainstItem *item, Pass *p, double tolerance);

/* How many tokens their tensor is of, where it has another number of them than ours and is else of its shape; 0 where that is not it. */
size_t against_other_length(const AgainstItem *item, const Pass *p);

/* Marks in doubt [stages of the plan] the stage of item i, the first that is too far off, and whatever it is computed from up to what the
 * file holds: one of these is computed otherwise elsewhere. Returns how many. */
size_t against_in_doubt(const Against *a, size_t i, const Pass *p, bool *in_doubt);

/* The ids that the file says it is of, in its tensor `name` ("input_ids", "decoder_input_ids"; of integers, one row). 1 where it has one, 0
 * where it has none, -1 with e set where it is not one row of ids. */
int against_ids(const SafeTensors *file, const char *name, Ids *out, Error *e);

#endif
