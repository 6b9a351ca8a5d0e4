/* attribution.h - direct logit attribution: how much of one logit each part of the model wrote into the residual stream itself.
 *
 * Owns the parts. The stream is a sum, and with every norm frozen at its actual mean and variance (trunk.h) the logit is linear in it: so
 * the parts add up to the logit. It says what a part wrote for the token, not what would happen without it: later parts read what earlier
 * ones wrote. */
#ifndef MEASURE_ATTRIBUTION_H
#define MEASURE_ATTRIBUTION_H

#include "base/buffer.h"
#include "pass/pass.h"

typedef enum AttributionKind {
    ATTRIBUTION_TOKEN,    /* the token's embedding */
    ATTRIBUTION_POSITION, /* its position's */
    ATTRIBUTION_SEGMENT,  /* its segment's */
    ATTRIBUTION_HEAD,     /* one head's part through W_O; its pieces are the keys it brought it from */
    ATTRIBUTION_FFN,      /* an FFN without its bias; its pieces are its units: each one's value times its row of W_2 */
    ATTRIBUTION_BIAS,     /* b_O or b_2; at the logits b_U, with the biases and edits of the output head before it */
    ATTRIBUTION_NORM,     /* a norm's bias */
    ATTRIBUTION_EDIT,     /* what an edit of the stream, or of what is added to it, made of that row */
    ATTRIBUTION_KINDS
} AttributionKind;

typedef struct AttributionPart {
    AttributionKind kind;
    size_t stage; /* TOKENS, POSITIONS, TYPES, WEIGHTS (a head's), OUT, CONTRACT, NORM or LOGITS */
    size_t head;
    double value;   /* of the logit */
    double *pieces; /* they add up to value, unless the head itself is edited; NULL where there are none */
    size_t count;
} AttributionPart;

typedef struct Attribution {
    size_t row;
    int token, against; /* against: the logit of this one is subtracted; -1: of none */
    double logit;       /* as the pass computed it */
    double sum;         /* of all parts */
    AttributionPart *parts;
    size_t count;
} Attribution;

/* The parts of logit `token` (minus that of `against`, where it is not -1) in row `row` of the output, in the order they are written. */
int attribution_make(Pass *p, size_t row, int token, int against, Attribution *out, Error *e);
void attribution_free(Attribution *a);

/* What makes the parts add up, translated, as a fact and as a sentence: at what the norms are frozen, or that there is none. */
const char *attribution_norms(const Pass *p);
const char *attribution_why(const Pass *p);
/* "layer 1 self head 2", "layer 0 FFN", "token", … translated. */
void attribution_name(const Pass *p, const AttributionPart *part, Buffer *out);
/* What piece i of a part is: the name of the key, or "unit 17". */
void attribution_piece_name(const Pass *p, const AttributionPart *part, size_t i, Buffer *out);

/* Indices of the parts (or of one part's pieces), the largest in magnitude first. order [count]. */
void attribution_sort(const Attribution *a, size_t *order);
void attribution_sort_pieces(const AttributionPart *part, size_t *order);

#endif
