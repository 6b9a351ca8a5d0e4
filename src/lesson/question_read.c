/* question_read.c - what a learner types, as an answer: numbers, shapes, names of stages, choices. */
#include "lesson/question.h"

#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_spaces(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static bool skip_word(const char **p, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*p, word, n) != 0)
        return false;
    *p += n;
    return true;
}

/* ---- numbers ---- */

/* Half a unit of the last digit of [from, end), 0 where fewer than two significant digits were typed or there is no point. */
static double typed_rounding(const char *from, const char *end)
{
    int significant = 0, behind = -1, exponent = 0;
    for (const char *p = from; p < end; p++) {
        if (*p == '.')
            behind = 0;
        else if (*p == 'e' || *p == 'E') {
            exponent = atoi(p + 1);
            break;
        } else if (isdigit((unsigned char)*p)) {
            significant += significant > 0 || *p != '0';
            behind += behind >= 0;
        }
    }
    return significant >= 2 && behind >= 0 ? 0.5 * pow(10, exponent - behind) : 0;
}

/* A number without a sign before it that strtod would not know: digits, a point, an exponent; or infinity. Hexadecimal and "nan" are none.
 */
static bool read_plain(const char **p, double *x, double *rounding)
{
    const char *at = skip_spaces(*p);
    double sign = 1;
    if (skip_word(&at, "−") || skip_word(&at, "-"))
        sign = -1;
    else
        skip_word(&at, "+");
    *rounding = 0;
    if (skip_word(&at, "∞") || skip_word(&at, "infinity") || skip_word(&at, "inf") || skip_word(&at, "Inf")) {
        *x = sign * (double)INFINITY;
        *p = at;
        return true;
    }
    const char *end = at;
    int digits = 0;
    for (; isdigit((unsigned char)*end) || *end == '.'; end++)
        digits += *end != '.';
    if (!digits)
        return false;
    if ((*end == 'e' || *end == 'E') && isdigit((unsigned char)end[1 + (end[1] == '-' || end[1] == '+')]))
        for (end += 2; isdigit((unsigned char)*end); end++)
            continue;
    /* strtod depends on the locale's decimal point: the text is read digit by digit */
    double value = 0;
    int behind = 0, exponent = 0;
    bool point = false;
    for (const char *c = at; c < end; c++) {
        if (*c == '.') {
            if (point)
                return false;
            point = true;
        } else if (*c == 'e' || *c == 'E') {
            exponent = abs(atoi(c + 1)) > 400 ? (c[1] == '-' ? -400 : 400) : atoi(c + 1);
            break;
        } else {
            value = value * 10 + (*c - '0');
            behind += point;
        }
    }
    *x = sign * (exponent - behind < 0 ? value / pow(10, behind - exponent) : value * pow(10, exponent - behind));
    *rounding = typed_rounding(at, end);
    *p = end;
    return true;
}

static int not_a_number(const char *text, Error *e)
{
    return error_set(e, _("expected a number such as 0.25, 1/3 or 2e-3, found '%.40s'"), text);
}

int question_read_number(const char *text, double *number, double *tolerance, double *rounding, Error *e)
{
    const char *p = text;
    double x, typed, below, ignored;
    if (!read_plain(&p, &x, &typed))
        return not_a_number(text, e);
    p = skip_spaces(p);
    if (*p == '/') {
        p++;
        if (!read_plain(&p, &below, &ignored) || below == 0)
            return not_a_number(text, e);
        x /= below;
        typed = 0;
        p = skip_spaces(p);
    }
    if (*p == '%') {
        x /= 100;
        typed /= 100;
        p = skip_spaces(p + 1);
    }
    if (tolerance) {
        *tolerance = 0;
        if ((skip_word(&p, "±") || skip_word(&p, "+-") || skip_word(&p, "+/-")) && (!read_plain(&p, tolerance, &ignored) || *tolerance < 0))
            return not_a_number(text, e);
        p = skip_spaces(p);
    }
    if (*p)
        return not_a_number(text, e);
    *number = x;
    if (rounding)
        *rounding = typed;
    return 0;
}

/* ---- shapes ---- */

int question_read_shape(const char *text, size_t shape[QUESTION_RANK_MAX], int *rank, Error *e)
{
    const char *p = skip_spaces(text);
    bool bracket = *p == '[' || *p == '(';
    char close = *p == '(' ? ')' : ']';
    *rank = 0;
    for (p += bracket;;) {
        p = skip_spaces(p);
        if (!isdigit((unsigned char)*p) || *rank == QUESTION_RANK_MAX)
            break;
        size_t n = 0;
        for (; isdigit((unsigned char)*p); p++)
            n = n < CONFIG_MAX_SIZE ? n * 10 + (size_t)(*p - '0') : n;
        shape[(*rank)++] = n;
        p = skip_spaces(p);
        bool more = skip_word(&p, "×") || skip_word(&p, "x") || skip_word(&p, "X") || skip_word(&p, "*") || skip_word(&p, ",") ||
                    isdigit((unsigned char)*p);
        if (more)
            continue;
        if (bracket && *p != close)
            break;
        p = skip_spaces(p + bracket);
        if (*p == '\0')
            return 0;
        break;
    }
    return error_set(e, _("expected a shape such as 4x7x7 or [4,7,7], found '%.40s'"), text);
}

/* ---- stages ---- */

/* True where every word of `words` is a part of name. */
static bool has_words(const char *name, const char *words)
{
    char word[STAGE_NAME_MAX];
    for (words = skip_spaces(words); *words; words = skip_spaces(words)) {
        size_t n = strcspn(words, " \t");
        if (n >= sizeof word)
            return false;
        memcpy(word, words, n);
        word[n] = '\0';
        if (!strstr(name, word))
            return false;
        words += n;
    }
    return true;
}

int question_read_stage(const Plan *plan, const char *text, char name[STAGE_NAME_MAX], Error *e)
{
    enum { SHOWN = 4 };
    int count = 0, exact = plan_find(plan, text);
    Buffer some = {0};
    for (size_t i = 0; i < plan->count && exact < 0 && *skip_spaces(text); i++) {
        char each[STAGE_NAME_MAX];
        if (!has_words(stage_name(&plan->stages[i], each), text))
            continue;
        if (count++ == 0)
            memcpy(name, each, STAGE_NAME_MAX);
        if (count <= SHOWN)
            buffer_printf(&some, count > 1 ? ", %s" : "%s", each);
    }
    if (exact >= 0)
        stage_name(&plan->stages[exact], name);
    else if (count == 0)
        error_set(e, _("expected a part of a stage's name, such as 'weights', found '%.40s'"), text);
    else if (count > 1)
        error_set(e, _("expected one stage, found %d with '%.40s': %s%s; type more of the name"), count, text, buffer_text(&some),
                  count > SHOWN ? ", …" : "");
    buffer_free(&some);
    return exact >= 0 || count == 1 ? 0 : -1;
}

/* ---- choices ---- */

/* The beginning of text is that of typed, in any case. */
static bool begins_with(const char *text, const char *typed, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tolower((unsigned char)text[i]) != tolower((unsigned char)typed[i]))
            return false;
    return true;
}

static int read_choice(const Question *q, const char *typed, int *choice, Error *e)
{
    const char *p = skip_spaces(typed);
    size_t n = strlen(p);
    while (n && (p[n - 1] == ' ' || p[n - 1] == ')' || p[n - 1] == '.'))
        n--;
    int letter = n == 1 ? tolower((unsigned char)*p) - 'a' : -1, found = -1, count = 0;
    if (letter >= 0 && letter < q->choice_count) {
        *choice = letter;
        return 0;
    }
    for (int i = 0; i < q->choice_count && n; i++) {
        const char *text = q->choices[i].text;
        if (!begins_with(text, p, n))
            continue;
        if (strlen(text) == n) {
            *choice = i;
            return 0;
        }
        found = i;
        count++;
    }
    if (count != 1)
        return error_set(e, _("expected a letter from a to %c, or the beginning of one answer, found '%.40s'"), 'a' + q->choice_count - 1,
                         typed);
    *choice = found;
    return 0;
}

static int read_assessment(const char *typed, int *choice, Error *e)
{
    static const char *const words[ASSESSMENT_COUNT] = {N_("yes"), N_("partly"), N_("no")};
    const char *p = skip_spaces(typed);
    size_t n = strlen(p);
    for (int i = 0; i < ASSESSMENT_COUNT && n; i++)
        if (begins_with(words[i], p, n) || begins_with(_(words[i]), p, n)) {
            *choice = i;
            return 0;
        }
    return error_set(e, _("expected yes, partly or no, found '%.40s'"), typed);
}

int question_read_answer(const Question *q, const Plan *plan, const char *typed, Answer *out, Error *e)
{
    *out = (Answer){0};
    switch (q->kind) {
    case QUESTION_CHOICE:
        return read_choice(q, typed, &out->choice, e);
    case QUESTION_NUMBER:
        return question_read_number(typed, &out->number, NULL, &out->rounding, e);
    case QUESTION_SHAPE:
        return question_read_shape(typed, out->shape, &out->rank, e);
    case QUESTION_STAGE:
        return plan ? question_read_stage(plan, typed, out->stage, e) : error_set(e, _("there is no plan to find a stage in"));
    case QUESTION_REASON:
        return read_assessment(typed, &out->choice, e);
    }
    return -1;
}
