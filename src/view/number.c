/* number.c - numbers as text, and the columns they take.
 *
 * A screen shows thousands of numbers after every key, so the common case is done in integers: x · 10^digits is exact for
 * a float (24 bits times at most 19), and rounded to the nearest even as printf rounds. Everything else asks printf. Knows
 * no canvas and no matrix. */
#include "view/app.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    FAST_DIGITS = 8,   /* the most digits that the fast path takes */
    FIXED_COLUMNS = 12, /* a longer number is written with an exponent where that is shorter */
    PRINTF_DIGITS = 17, /* more digits than a double has; keeps the text within NUMBER_MAX */
};

static const double powers[FAST_DIGITS + 1] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};

static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                            "25262728293031323334353637383940414243444546474849"
                            "50515253545556575859606162636465666768697071727374"
                            "75767778798081828384858687888990919293949596979899";

/* Writes v in decimal, ending before `end`; returns where it begins. */
static char *put_integer(char *end, uint64_t v)
{
    while (v >= 100) {
        end -= 2;
        memcpy(end, pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        end -= 2;
        memcpy(end, pairs + v * 2, 2);
    } else {
        *--end = (char)('0' + v);
    }
    return end;
}

/* x · 10^digits rounded half to even, for x >= 0; false where it is too large for that. */
static bool scale(double x, int digits, uint64_t *out)
{
    const double limit = 4503599627370496.0; /* 2^52: above it a double has no fraction to round by */
    double y = x * powers[digits];
    if (!(y < limit))
        return false;
    int64_t r = llrint(y);
    if (x != (double)(float)x) { /* not a float: the product was rounded too, by `error`; it matters where it seems a tie */
        double error = fma(x, powers[digits], -y), rest = y - (double)r;
        if (rest == 0.5 && error > 0)
            r++;
        else if (rest == -0.5 && error < 0)
            r--;
    }
    *out = (uint64_t)r;
    return true;
}

/* Columns of a number whose integer part has that many digits. */
static int fixed_columns(bool negative, int integer_digits, int digits)
{
    return negative + integer_digits + 1 + digits;
}

/* The exponent's form, "1.235e+12", takes 6 columns beside the digits; fixed is kept where it is not longer. */
static bool wants_exponent(bool negative, int integer_digits, int digits)
{
    return fixed_columns(negative, integer_digits, digits) > FIXED_COLUMNS && integer_digits > 5;
}

static int special(char *out, double x, bool ascii)
{
    if (isnan(x)) {
        strcpy(out, "nan");
        return 3;
    }
    if (ascii)
        strcpy(out, x < 0 ? "-inf" : "inf");
    else
        strcpy(out, x < 0 ? "−∞" : "∞");
    return ascii ? (x < 0 ? 4 : 3) : (x < 0 ? 2 : 1);
}

int number_format(char out[NUMBER_MAX], double x, int digits, bool ascii)
{
    if (!isfinite(x))
        return special(out, x, ascii);
    digits = digits < 0 ? 0 : digits > PRINTF_DIGITS ? PRINTF_DIGITS : digits;
    bool negative = signbit(x);
    uint64_t v;
    if (digits <= FAST_DIGITS && scale(fabs(x), digits, &v)) {
        char text[NUMBER_MAX], *end = text + sizeof text;
        uint64_t unit = (uint64_t)powers[digits];
        char *p = end;
        if (digits) { /* one more than the fraction, so that its leading zeros are written */
            p = put_integer(end, unit + v % unit);
            p++;
        }
        *--p = '.';
        char *point = p;
        p = put_integer(p, v / unit);
        if (!wants_exponent(negative, (int)(point - p), digits)) {
            if (negative)
                *--p = '-';
            memcpy(out, p, (size_t)(end - p));
            out[end - p] = '\0';
            return (int)(end - p);
        }
    } else if (fabs(x) < 1e13) {
        char text[NUMBER_MAX + 16];
        int n = snprintf(text, sizeof text, "%#.*f", digits, x);
        if (n < NUMBER_MAX && !wants_exponent(negative, n - negative - 1 - digits, digits)) {
            memcpy(out, text, (size_t)n + 1);
            return n;
        }
    }
    return snprintf(out, NUMBER_MAX, "%#.*e", digits, x);
}

bool number_is_share(const Stage *s)
{
    return s->kind == STAGE_WEIGHTS || s->kind == STAGE_PROBS;
}

int number_share(char out[NUMBER_MAX], double x, int digits, bool ascii)
{
    double half = 0.5 * pow(10, -digits);
    if (x == 0) {
        strcpy(out, "0");
        return 1;
    }
    if (!(fabs(x) < half))
        return number_format(out, x, digits, ascii);
    return snprintf(out, NUMBER_MAX, "%.*e", digits > 4 ? digits - 4 : 0, x);
}

int number_share_width(int digits)
{
    int fixed = 2 + digits, exponent = (int)strlen("9e-99");
    return fixed > exponent ? fixed : exponent;
}

/* Every number on its own: needed where there are infinities, zeros with a sign or numbers with an exponent. */
static int width_of_each(const real *x, size_t n, int digits)
{
    char text[NUMBER_MAX];
    double low = 0, high = 0;
    int width = 0;
    bool any_negative_zero = false;
    for (size_t i = 0; i < n; i++) {
        double v = (double)x[i];
        if (v > low && v < high)
            continue;
        if (!(fabs(v) < 1e5)) {
            int columns = number_format(text, v, digits, true);
            width = columns > width ? columns : width;
        } else if (v > high) {
            high = v;
        } else if (v < low) {
            low = v;
        } else if (v == 0 && signbit(v)) {
            any_negative_zero = true;
        }
    }
    const double ends[] = {low, high, any_negative_zero ? -0.0 : 0.0};
    for (int i = 0; i < 3; i++) {
        int columns = number_format(text, ends[i], digits, true);
        width = columns > width ? columns : width;
    }
    return width;
}

int number_width(const real *x, size_t n, int digits)
{
    enum { LANES = 8 };
    char text[NUMBER_MAX];
    if (n < LANES)
        return width_of_each(x, n, digits);
    /* The smallest and the largest, eight at a time; a last group may overlap the one before. */
    real low[LANES], high[LANES];
    int nan = 0;
    memcpy(low, x, sizeof low);
    memcpy(high, x, sizeof high);
    for (size_t i = 0; i < n; i += LANES) {
        const real *p = x + (i + LANES <= n ? i : n - LANES);
        for (int k = 0; k < LANES; k++) {
            low[k] = p[k] < low[k] ? p[k] : low[k];
            high[k] = p[k] > high[k] ? p[k] : high[k];
            nan |= p[k] != p[k];
        }
    }
    for (int k = 1; k < LANES; k++) {
        low[0] = low[k] < low[0] ? low[k] : low[0];
        high[0] = high[k] > high[0] ? high[k] : high[0];
    }
    if (nan || low[0] == 0 || !((double)low[0] > -1e5) || !((double)high[0] < 1e5))
        return width_of_each(x, n, digits);
    int a = number_format(text, (double)low[0], digits, true), b = number_format(text, (double)high[0], digits, true);
    return a > b ? a : b;
}
