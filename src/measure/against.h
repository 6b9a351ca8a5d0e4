/* against.h - a pass against a file of tensors that another program wrote.
 *
 * Owns the comparison of one file: which of its tensors are stages of the pass, and how far apart they are. Names are ours,
 * TransformerLens's or transformers' (pass/hook.h); a leading dimension of 1, the batch, is passed over. The error of a tensor is that of
 * verify.h. */
#ifndef MEASURE_AGAINST_H
#define MEASURE_AGAINST_H

#include "model/safetensors.h"
#include "model/vocab.h"
#include "pass/pass.h"

/* What is tolerated where nobody says otherwise: what single precision loses between two right programs, and what bfloat16 does. */
#define AGAINST_TOLERANCE 5e-5
#define AGAINST_TOLERANCE_HALF 3e-2

/* One tensor of the file. */
typedef struct AgainstItem {
    const char *name; /* borrowed from the file */
    int stage;        /* the stage it is compared with, or NO_STAGE: no stage is called so */
    double error;     /* infinite where the shapes or the places of −∞ differ; a large negative number of theirs counts as −∞ */
    bool shapes_differ;
} AgainstItem;

typedef struct Against {
    AgainstItem *items; /* compared ones first, in the order of the pass; then the others by name */
    size_t count, compared;
    double tolerance; /* the one to apply where nobody says otherwise: the wider one where any compared tensor is of half precision */
} Against;

/* Compares. Computes the stages that are asked for. -1 with e set without memory, or where no tensor of the file is a stage. */
int against_compare(Against *a, Pass *p, const SafeTensors *file, Error *e);
void against_free(Against *a);

/* The ids that the file says it is of, in its tensor `name` ("input_ids", "decoder_input_ids"; of integers, one row). 1 where it has one, 0
 * where it has none, -1 with e set where it is not one row of ids. */
int against_ids(const SafeTensors *file, const char *name, Ids *out, Error *e);

#endif
