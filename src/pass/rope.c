/* rope.c - rotary positions and their scalings. */
#include "pass/rope.h"

#include <math.h>
#include <stdio.h>

static const double PI = 3.14159265358979323846;

static double unscaled_speed(const Config *c, size_t pair)
{
    return pow(c->rope_theta, -(double)(2 * pair) / (double)config_rope_dims(c));
}

static double clamp(double x, double least, double most)
{
    return x < least ? least : x > most ? most : x;
}

/* Llama 3.1's: the wavelength is how many positions a whole turn takes. */
static double llama3_speed(const Config *c, double speed)
{
    double wavelength = 2 * PI / speed, original = (double)c->rope_original_len;
    double low = c->rope_low_freq_factor, high = c->rope_high_freq_factor;
    if (wavelength < original / high)
        return speed;
    if (wavelength > original / low)
        return speed / c->rope_factor;
    double blend = (original / wavelength - low) / (high - low);
    return (1 - blend) * speed / c->rope_factor + blend * speed;
}

/* The pair, as a broken number, that makes so many turns over the original length. */
static double yarn_pair(const Config *c, double turns)
{
    return (double)config_rope_dims(c) * log((double)c->rope_original_len / (turns * 2 * PI)) / (2 * log(c->rope_theta));
}

static double yarn_speed(const Config *c, size_t pair, double speed)
{
    double low = yarn_pair(c, c->rope_beta_fast), high = yarn_pair(c, c->rope_beta_slow);
    if (c->rope_truncate) {
        low = floor(low);
        high = ceil(high);
    }
    low = low > 0 ? low : 0;
    high = high < (double)config_rope_dims(c) - 1 ? high : (double)config_rope_dims(c) - 1;
    if (low == high)
        high += 0.001; /* as the original has it: no division by 0 */
    double slowed = clamp(((double)pair - low) / (high - low), 0, 1);
    return speed / c->rope_factor * slowed + speed * (1 - slowed);
}

double rope_speed(const Config *c, size_t pair)
{
    double speed = unscaled_speed(c, pair);
    switch (c->rope_scaling) {
    case ROPE_SCALING_LINEAR:
        return speed / c->rope_factor;
    case ROPE_SCALING_LLAMA3:
        return llama3_speed(c, speed);
    case ROPE_SCALING_YARN:
        return yarn_speed(c, pair, speed);
    case ROPE_SCALING_NONE:
    case ROPE_SCALING_DYNAMIC:
        break;
    }
    return speed;
}

const char *rope_scaling_name(const Config *c)
{
    static const char *const names[] = {"none", "linear", "dynamic", "llama3", "yarn"};
    return names[c->rope_scaling];
}

const char *rope_formula(const Config *c, size_t pair, char *out)
{
    double share = rope_speed(c, pair) / unscaled_speed(c, pair);
    int used = snprintf(out, ROPE_FORMULA_MAX, "%g^(−2·%zu/%zu)", c->rope_theta, pair, config_rope_dims(c));
    if (share != 1)
        snprintf(out + used, ROPE_FORMULA_MAX - (size_t)used, " · %.6g (%s)", share, rope_scaling_name(c));
    return out;
}

double rope_angle(const Config *c, size_t position, size_t pair)
{
    return (double)position * rope_speed(c, pair);
}

double rope_magnitude(const Config *c)
{
    if (c->rope_scaling != ROPE_SCALING_YARN)
        return 1;
    if (c->rope_attention_factor > 0)
        return c->rope_attention_factor;
    return c->rope_factor > 1 ? 0.1 * log(c->rope_factor) + 1 : 1;
}

void rope_pair(const Config *c, size_t pair, size_t *first, size_t *second)
{
    bool half = c->rope_pairing == PAIRING_HALF;
    *first = half ? pair : 2 * pair;
    *second = half ? pair + config_rope_dims(c) / 2 : 2 * pair + 1;
}
