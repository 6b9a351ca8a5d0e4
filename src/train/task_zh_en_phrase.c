/* task_zh_en_phrase.c - what a noun phrase can be.
 *
 * Owns the choice of a phrase's form and words, so that they make sense together. Knows neither clauses nor how a phrase is said. */
#include "train/task_zh_en.h"

#include <string.h>

/* ---- rows of the lexicon ---- */

enum { ROWS_MAX = 128 };

const void *zh_en_choose_row(Choices *c, const void *rows, size_t n, size_t size, bool (*fits)(const void *row, const void *context),
                             const void *context)
{
    const void *found[ROWS_MAX];
    size_t left = 0, all = 0;
    for (size_t i = 0; i < n && all < ROWS_MAX; i++) {
        const void *row = (const char *)rows + i * size;
        const char *const *zh = row; /* every row begins with its Chinese */
        if (fits && !fits(row, context))
            continue;
        all++;
        if (choices_have(c, *zh))
            found[left++] = row;
    }
    size_t taken = choose_left(c, left, all);
    if (c->dead)
        return rows;
    const char *const *zh = found[taken];
    choices_use(c, *zh);
    return found[taken];
}

static bool is_another(const void *row, const void *context)
{
    return row != context;
}

/* A name but for that one (NULL: any). */
static const Pair *choose_name(Choices *c, const Pair *but)
{
    return zh_en_choose_row(c, zh_en_names, zh_en_name_count, sizeof(Pair), is_another, but);
}

static bool is_of_kind(const void *row, const void *context)
{
    const Pronoun *p = row;
    const unsigned *kinds = context;
    return p->kind & *kinds;
}

static const Pronoun *choose_pronoun(Choices *c, unsigned kinds)
{
    return zh_en_choose_row(c, zh_en_pronouns, zh_en_pronoun_count, sizeof(Pronoun), is_of_kind, &kinds);
}

/* A pronoun or a name: an owner, or who does something in a relative clause. */
static void choose_someone(Choices *c, Phrase *p, unsigned kinds)
{
    if (choose_chance(c, 30))
        p->name = choose_name(c, NULL);
    else
        p->pronoun = choose_pronoun(c, kinds);
}

/* ---- nouns ---- */

typedef struct NounWanted {
    unsigned kinds;
    PhraseForm form;
    const Noun *but; /* not this one */
} NounWanted;

static bool noun_fits(const void *row, const void *context)
{
    const Noun *n = row;
    const NounWanted *w = context;
    if (!(n->kinds & w->kinds) || n == w->but)
        return false;
    switch (w->form) {
    case FORM_COUNTED:
    case FORM_THIS:
        return n->measures[0];
    case FORM_THESE:
    case FORM_MANY:
        return n->measures[0] && n->many;
    case FORM_OWNED:
        return !(n->kinds & (LANGUAGE | SUBJECT | SOUND | MONEY | DRINK | FREE));
    case FORM_RELATIVE:
        return (n->kinds & THING) != 0;
    case FORM_BOTH:
        return !(n->kinds & (LIVING | KIN));
    case FORM_JOB:
        return n->kinds & JOB;
    default:
        return !(n->kinds & KIN);
    }
}

static const Noun *choose_noun(Choices *c, unsigned kinds, PhraseForm form, const Noun *but)
{
    NounWanted wanted = {kinds, form, but};
    return zh_en_choose_row(c, zh_en_nouns, zh_en_noun_count, sizeof(Noun), noun_fits, &wanted);
}

static bool adjective_fits(const void *row, const void *context)
{
    const Adjective *a = row;
    const Noun *n = context;
    return a->before & n->kinds;
}

static void choose_adjective(Choices *c, Phrase *p, int percent)
{
    unsigned described = 0;
    for (size_t i = 0; i < zh_en_adjective_count; i++)
        described |= zh_en_adjectives[i].before;
    if (!(p->noun->kinds & described) || !choose_chance(c, percent))
        return;
    p->adjective = zh_en_choose_row(c, zh_en_adjectives, zh_en_adjective_count, sizeof(Adjective), adjective_fits, p->noun);
    p->linked = p->adjective->linked || choose_words(c, 25, "的");
    if (p->adjective->linked)
        choices_use(c, "的");
}

static void choose_measure(Choices *c, Phrase *p)
{
    size_t n = p->noun->measures[1] ? 2 : 1;
    p->measure = p->noun->measures[choose(c, n)];
    choices_use(c, p->measure->zh);
}

/* ---- relative clauses ---- */

static bool verb_takes(const void *row, const void *context)
{
    const Verb *v = row;
    const Noun *n = context;
    return (v->object & n->kinds) && (v->subject & PERSON);
}

static bool time_is_past(const void *row, const void *context)
{
    const Time *t = row;
    (void)context;
    return t->tenses == 1u << PAST;
}

static void choose_relative(Choices *c, Phrase *p)
{
    choices_use(c, "的");
    p->verb = zh_en_choose_row(c, zh_en_verbs, zh_en_verb_count, sizeof(Verb), verb_takes, p->noun);
    choose_someone(c, p, PERSON);
    if (!c->dead && !(p->verb->flags & VERB_STATE) && choose_chance(c, 25))
        p->time = zh_en_choose_row(c, zh_en_times, zh_en_time_count, sizeof(Time), time_is_past, NULL);
}

/* ---- a route ---- */

static bool is_another_city(const void *row, const void *context)
{
    const Place *p = row;
    return p->city && p != context;
}

static void choose_route(Choices *c, Phrase *p)
{
    choices_use(c, "的");
    p->to = zh_en_choose_row(c, zh_en_places, zh_en_place_count, sizeof(Place), is_another_city, NULL);
    if (choose_words(c, 75, "从 到"))
        p->from = zh_en_choose_row(c, zh_en_places, zh_en_place_count, sizeof(Place), is_another_city, p->to);
    else
        choices_use(c, "去");
}

/* ---- the phrase ---- */

static void choose_number(Choices *c, Phrase *p)
{
    if (choose_words(c, 60, "一"))
        p->number = &zh_en_numbers[0];
    else
        p->number = zh_en_choose_row(c, zh_en_numbers + 1, zh_en_number_count - 1, sizeof(Pair), NULL, NULL);
}

static bool choose_far(Choices *c, const char *near, const char *far)
{
    return choose_either(c, 50, near, far) == far;
}

static void choose_form(Choices *c, Phrase *p, unsigned kinds)
{
    switch (p->form) {
    case FORM_PRONOUN:
        p->pronoun = choose_pronoun(c, kinds);
        break;
    case FORM_NAMES:
        choices_use(c, "和");
        p->name = choose_name(c, NULL);
        p->second = choose_name(c, p->name);
        break;
    case FORM_NAME:
        p->name = choose_name(c, NULL);
        break;
    case FORM_BOTH:
        choices_use(c, "和");
        p->noun = choose_noun(c, kinds, p->form, NULL);
        p->other = choose_noun(c, kinds, p->form, p->noun);
        break;
    case FORM_BARE:
    case FORM_JOB:
        p->noun = choose_noun(c, kinds, p->form, NULL);
        break;
    case FORM_COUNTED:
        p->noun = choose_noun(c, kinds, p->form, NULL);
        choose_number(c, p);
        choose_measure(c, p);
        choose_adjective(c, p, 30);
        break;
    case FORM_ROUTE:
        p->noun = choose_noun(c, TICKET, FORM_COUNTED, NULL);
        choose_number(c, p);
        choose_measure(c, p);
        choose_route(c, p);
        break;
    case FORM_THIS:
        p->noun = choose_noun(c, kinds, p->form, NULL);
        p->far = choose_far(c, "这", "那");
        choose_measure(c, p);
        choose_adjective(c, p, 20);
        break;
    case FORM_THESE:
        p->noun = choose_noun(c, kinds, p->form, NULL);
        p->far = choose_far(c, "这些", "那些");
        choose_adjective(c, p, 20);
        break;
    case FORM_MANY:
        choices_use(c, "很多");
        p->noun = choose_noun(c, kinds, p->form, NULL);
        choose_adjective(c, p, 20);
        break;
    case FORM_OWNED:
        p->noun = choose_noun(c, kinds, p->form, NULL);
        choose_someone(c, p, PERSON);
        p->close = (p->noun->kinds & KIN) && p->pronoun && choose_chance(c, 50);
        if (!p->close)
            choices_use(c, "的");
        if (!(p->noun->kinds & KIN))
            choose_adjective(c, p, 20);
        break;
    case FORM_RELATIVE:
        p->noun = choose_noun(c, kinds, p->form, NULL);
        choose_relative(c, p);
        break;
    case FORM_IT:
        p->far = choose_far(c, "这", "那");
        break;
    case FORM_WHO:
        choices_use(c, "谁");
        break;
    case FORM_WHAT:
        choices_use(c, "什么");
        break;
    case FORM_COUNT:
        break;
    }
}

/* The words a form cannot do without; NULL: none. */
static const char *marker_of(PhraseForm form)
{
    static const char *const markers[FORM_COUNT] = {
        [FORM_NAMES] = "和", [FORM_BOTH] = "和",   [FORM_ROUTE] = "的",    [FORM_MANY] = "很多",
        [FORM_WHO] = "谁",   [FORM_WHAT] = "什么", [FORM_RELATIVE] = "的",
    };
    return markers[form];
}

void zh_en_choose_phrase(Choices *c, Phrase *p, unsigned kinds, const int weights[FORM_COUNT])
{
    int offered[FORM_COUNT];
    bool open[FORM_COUNT];
    bool nouns[FORM_COUNT] = {false};
    for (size_t i = 0; i < zh_en_noun_count; i++) /* forms for which there is any noun */
        for (int f = FORM_BARE; f <= FORM_JOB; f++)
            if (weights[f] && !nouns[f] && (zh_en_nouns[i].kinds & kinds))
                nouns[f] = noun_fits(&zh_en_nouns[i], &(NounWanted){kinds, (PhraseForm)f, NULL});
    for (int f = 0; f < FORM_COUNT; f++) {
        bool possible = true;
        if (f == FORM_PRONOUN)
            possible = kinds & LIVING;
        else if (f == FORM_NAME || f == FORM_NAMES)
            possible = kinds & PERSON;
        else if (f == FORM_ROUTE)
            possible = kinds & TICKET;
        else if (f >= FORM_BARE && f <= FORM_JOB)
            possible = nouns[f];
        offered[f] = possible ? weights[f] : 0;
        open[f] = choices_have(c, marker_of((PhraseForm)f));
    }
    memset(p, 0, sizeof *p);
    p->form = (PhraseForm)choose_open(c, offered, open, FORM_COUNT);
    if (!c->dead)
        choose_form(c, p, kinds);
}

Agreement zh_en_agreement(const Phrase *p)
{
    switch (p->form) {
    case FORM_PRONOUN:
        if (p->pronoun->plural || p->pronoun->person == 2)
            return AGREES_MANY;
        return p->pronoun->person == 1 ? AGREES_I : AGREES_ONE;
    case FORM_NAMES:
    case FORM_BOTH:
    case FORM_THESE:
    case FORM_MANY:
        return AGREES_MANY;
    case FORM_COUNTED:
    case FORM_ROUTE:
        return p->number == &zh_en_numbers[0] ? AGREES_ONE : AGREES_MANY;
    default:
        return AGREES_ONE;
    }
}
