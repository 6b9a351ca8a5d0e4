/* verify.h - a pass against numbers computed elsewhere.
 *
 * Owns one comparison. The error of a tensor is difference.h's; shapes must be equal. */
#ifndef MEASURE_VERIFY_H
#define MEASURE_VERIFY_H

#include "base/error.h"
#include "pass/bug.h"
#include "tensor/real.h"

#include <stdbool.h>
#include <stddef.h>

enum { VERIFY_NAME_MAX = 64 };

typedef struct VerifyPart {
    bool present;               /* the case has such a file */
    size_t tensors;
    double error, tolerance;    /* largest error of its tensors; infinite where a shape or a -inf differs */
    char worst[VERIFY_NAME_MAX]; /* the tensor that has it */
    char first[VERIFY_NAME_MAX]; /* the first one, in our order, that is out of tolerance; "" where none is */
} VerifyPart;

/* One stored case: config.json, model.safetensors, case.json and trace.safetensors; grads.safetensors and
 * stage_grads.safetensors where they are there. */
typedef struct VerifyCase {
    VerifyPart trace, weight_grads, stage_grads;
    double loss, expected_loss;
    bool loss_known; /* the case has targets */
    bool passed;
    char bug_stage[VERIFY_NAME_MAX]; /* of verify_with_bug: the first stage that the bug touches; "" where it does not apply */
} VerifyCase;

/* Recomputes the case in folder. In the double build every tolerance is 1e-6. 0 with *out filled (passed or not),
 * -1 with e set where the case cannot be read or contradicts its own model. */
int verify_case(const char *folder, VerifyCase *out, Error *e);
/* The same of a pass with a bug of the hunt in it (NULL: none), which should not pass where it applies. */
int verify_with_bug(const char *folder, const Bug *bug, VerifyCase *out, Error *e);

#endif
