/* heads.h - what kind of attention each head pays on the present text: to the token before, to itself, to the first, … with a score each.
 *
 * Owns nothing but what heads_measure returns. A class is what a head does on this text, measured from its weights; another text may say
 * otherwise. */
#ifndef MEASURE_HEADS_H
#define MEASURE_HEADS_H

#include "pass/pass.h"

/* Score: the mean, over the queries for which there is such a key, of the weight on
 *   previous   the token right before
 *   next       the token right after; not measured where a mask hides it
 *   same       the token itself
 *   first      the first token; the first query is left out, it may see nothing else
 *   separator  begin, end, padding and punctuation, the first token left out
 *   induction  what followed an earlier occurrence of the query's token (Olsson et al. 2022, "In-context Learning and Induction Heads"):
 * needs a token that occurs twice In cross-attention, whose keys are another text, only first and separator are measured. */
typedef enum HeadClass {
    HEAD_PREVIOUS,
    HEAD_NEXT,
    HEAD_SAME,
    HEAD_FIRST,
    HEAD_SEPARATOR,
    HEAD_INDUCTION,
    HEAD_CLASSES,
    HEAD_SPREAD = HEAD_CLASSES, /* none of these, and nearly uniform: 90% of the entropy it could have */
    HEAD_MIXED,                 /* none of all that */
} HeadClass;

typedef struct HeadScore {
    size_t stage, head;           /* WEIGHTS stage */
    double score[HEAD_CLASSES];   /* NaN where it cannot be measured on this text */
    double chance[HEAD_CLASSES];  /* what uniform attention would score here */
    size_t queries[HEAD_CLASSES]; /* how many the mean is over */
    double entropy, share; /* mean over queries, nats; and of ln(visible keys), over queries that see two or more (0 where none does) */
    HeadClass class;       /* the class that is most of the way from uniform attention to all of the weight, at least half of it */
    double way;            /* that share of the way; NaN for spread and mixed */
} HeadScore;

/* Every head of every attention sub-layer, in the plan's order. *out [*n] is the caller's to free; none is no error. */
int heads_measure(Pass *p, HeadScore **out, size_t *n, Error *e);

/* "previous", …; and translated. */
const char *head_class_id(HeadClass c);
const char *head_class_name(HeadClass c);
/* What the class means, one line, translated. */
const char *head_class_what(HeadClass c);

#endif
