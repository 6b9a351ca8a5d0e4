/* ablation.h - the nine named switches of a pass.
 *
 * Owns their names and what each says it does. Each switch is one bit of an Ablations. */
#ifndef PASS_ABLATION_H
#define PASS_ABLATION_H

#include "base/buffer.h"
#include "base/error.h"
#include "pass/stage.h"

typedef struct AblationInfo {
    unsigned bit;
    const char *name; /* "no-positions" */
    const char *what; /* one line, translatable */
} AblationInfo;

enum { ABLATION_COUNT = 9 };
extern const AblationInfo ablation_table[ABLATION_COUNT];

/* Reads "NAME,NAME,…" into *out ("" is none). An unknown name is an error that lists the known ones. */
int ablations_parse(Ablations *out, const char *text, Error *e);
/* Writes the names, comma-separated. */
void ablations_write(Ablations a, Buffer *out);

/* Switches that have nothing to switch off in this config (no-positions where there are none,
 * no-mask in an encoder-only model, …), as bits. */
Ablations ablations_without_effect(Ablations a, const Config *c);

/* True where one of the switches changes what this stage computes. */
bool ablations_touch(Ablations a, const Stage *s, const Config *c);

#endif
