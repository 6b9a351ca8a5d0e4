/* rope.h - rotary positions (Su et al. 2021): how fast each pair of dimensions turns.
 *
 * Owns the scalings for long texts. Knows nothing of stages. */
#ifndef PASS_ROPE_H
#define PASS_ROPE_H

#include "model/config.h"

/* How far pair i (0 … n/2 - 1, n = config_rope_dims: those of a head's dimensions that are turned, its first) turns from one position to
 * the next, in radians: theta^(-2i/n), and with rope_scaling
 *   linear   divided by the factor
 *   dynamic  the same up to rope_original_len positions; a longer text is refused (plan.c), because its theta would change with every token
 *   llama3   slow pairs (a wavelength above rope_original_len / rope_low_freq_factor) divided by the factor, fast ones (below
 *            rope_original_len / rope_high_freq_factor) as they are, in between a blend
 *   yarn     a ramp between both over the pairs, whose ends make rope_beta_fast and rope_beta_slow turns over rope_original_len (Peng et
 *            al. 2023) */
double rope_speed(const Config *c, size_t pair);
/* That as people write it, "10000^(−2·3/64)", "… · 0.125 (llama3)": at most ROPE_FORMULA_MAX bytes into out. */
enum { ROPE_FORMULA_MAX = 96 };
const char *rope_formula(const Config *c, size_t pair, char *out);
/* "linear", "dynamic", "llama3", "yarn"; "none". */
const char *rope_scaling_name(const Config *c);
/* The angle at a position. */
double rope_angle(const Config *c, size_t position, size_t pair);
/* What rotated queries and keys are multiplied by: 1, or yarn's attention factor. */
double rope_magnitude(const Config *c);
/* Which two dimensions of a head make pair i. */
void rope_pair(const Config *c, size_t pair, size_t *first, size_t *second);

#endif
