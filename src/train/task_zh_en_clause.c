/* task_zh_en_clause.c - what a clause can mean.
 *
 * Owns the choice of who does what, when, where and to whom, so that the parts make sense together and each language can say them in one
 * right way. Knows nothing of how they are said. */
#include "train/task_zh_en.h"

#include <string.h>

/* ---- phrases by their place in the clause ---- */

static const int subject_forms[FORM_COUNT] = {
    [FORM_PRONOUN] = 46, [FORM_NAME] = 14, [FORM_NAMES] = 6, [FORM_BARE] = 10,  [FORM_COUNTED] = 6,
    [FORM_THIS] = 6,     [FORM_THESE] = 3, [FORM_MANY] = 2,  [FORM_OWNED] = 10,
};
static const int object_forms[FORM_COUNT] = {
    [FORM_PRONOUN] = 30, [FORM_NAME] = 10, [FORM_BARE] = 16, [FORM_BOTH] = 3,   [FORM_COUNTED] = 26, [FORM_ROUTE] = 16,
    [FORM_THIS] = 10,    [FORM_THESE] = 5, [FORM_MANY] = 5,  [FORM_OWNED] = 12, [FORM_RELATIVE] = 7,
};
/* After 把: known things. */
static const int handled_forms[FORM_COUNT] = {
    [FORM_BARE] = 30, [FORM_THIS] = 30, [FORM_THESE] = 10, [FORM_OWNED] = 20, [FORM_RELATIVE] = 10,
};
static const int described_forms[FORM_COUNT] = {
    [FORM_PRONOUN] = 30, [FORM_NAME] = 12, [FORM_NAMES] = 4,  [FORM_BARE] = 16,
    [FORM_THIS] = 20,    [FORM_THESE] = 8, [FORM_OWNED] = 18, [FORM_RELATIVE] = 14,
};
static const int known_forms[FORM_COUNT] = {
    [FORM_BARE] = 30, [FORM_THIS] = 30, [FORM_THESE] = 10, [FORM_OWNED] = 30, [FORM_RELATIVE] = 10,
};
static const int someone_forms[FORM_COUNT] = {
    [FORM_PRONOUN] = 50,
    [FORM_NAME] = 25,
    [FORM_OWNED] = 25,
};
static const int ordered_forms[FORM_COUNT] = {
    [FORM_BARE] = 14, [FORM_COUNTED] = 30, [FORM_ROUTE] = 100, [FORM_THIS] = 20, [FORM_THESE] = 6, [FORM_OWNED] = 14, [FORM_RELATIVE] = 4,
};
static const int owned_forms[FORM_COUNT] = {
    [FORM_COUNTED] = 60,
    [FORM_MANY] = 15,
};
static const int given_forms[FORM_COUNT] = {
    [FORM_COUNTED] = 50, [FORM_ROUTE] = 10, [FORM_THIS] = 20, [FORM_MANY] = 5, [FORM_OWNED] = 15,
};
static const int person_forms[FORM_COUNT] = {
    [FORM_PRONOUN] = 65,
    [FORM_NAME] = 25,
    [FORM_NAMES] = 10,
};
static const int only_bare[FORM_COUNT] = {[FORM_BARE] = 1}, only_it[FORM_COUNT] = {[FORM_IT] = 1}, only_who[FORM_COUNT] = {[FORM_WHO] = 1},
                 only_what[FORM_COUNT] = {[FORM_WHAT] = 1};

/* True where two phrases are about the same one, so that English would say "myself". */
static bool same_one(const Phrase *a, const Phrase *b)
{
    if (a->form == FORM_PRONOUN && b->form == FORM_PRONOUN)
        return a->pronoun == b->pronoun || (a->pronoun->person < 3 && a->pronoun->person == b->pronoun->person);
    bool a_named = a->form == FORM_NAME || a->form == FORM_NAMES;
    return a_named && b->form == FORM_NAME && (a->name == b->name || a->second == b->name);
}

static void choose_subject(Choices *c, Clause *x, unsigned kinds)
{
    if (kinds & PERSON)
        kinds |= KIN;
    zh_en_choose_phrase(c, &x->subject, kinds, x->question == ASKS_WHO ? only_who : subject_forms);
}

static void choose_object(Choices *c, Clause *x, unsigned kinds, const int *forms)
{
    if (x->question == ASKS_WHAT)
        forms = only_what;
    else if (x->question == ASKS_WHOM)
        forms = only_who;
    x->has_object = true;
    zh_en_choose_phrase(c, &x->object, kinds, forms);
    if (!c->dead && same_one(&x->subject, &x->object))
        c->dead = true;
}

static void choose_person(Choices *c, Clause *x)
{
    zh_en_choose_phrase(c, &x->person, PERSON | KIN, someone_forms);
    if (!c->dead && (same_one(&x->subject, &x->person) || (x->has_object && same_one(&x->object, &x->person))))
        c->dead = true;
}

/* ---- tense, time, place ---- */

static void choose_tense(Choices *c, Clause *x, const int weights[TENSE_COUNT])
{
    int offered[TENSE_COUNT];
    bool open[TENSE_COUNT] = {
        [PRESENT] = true,
        [PAST] = choices_have(c, "了") || choices_have(c, "没"),
        [FUTURE] = choices_have(c, "会") || choices_have(c, "将") || choices_have(c, "明天") || choices_have(c, "明年"),
        [ONGOING] = choices_have(c, "正在"),
        [WANTED] = choices_have(c, "想"),
        [ABLE] = choices_have(c, "能") || choices_have(c, "可以"),
    };
    memcpy(offered, weights, sizeof offered);
    if (x->negative || x->question == ASKS_WHERE || x->question == ASKS_WHY || (x->verb->flags & VERB_SUDDEN))
        offered[ONGOING] = 0;
    if (x->verb->flags & VERB_STATE)
        memcpy(offered, (int[TENSE_COUNT]){[PRESENT] = 1}, sizeof offered);
    x->tense = (Tense)choose_open(c, offered, open, TENSE_COUNT);
}

static bool time_fits(const void *row, const void *context)
{
    const Time *t = row;
    const Clause *x = context;
    return t->tenses & 1u << x->tense;
}

static void choose_time(Choices *c, Clause *x, int percent)
{
    bool some = !(x->tense == PRESENT && (x->negative || (x->verb->flags & VERB_STATE)));
    if (!some || !choose_chance(c, percent))
        return;
    x->time = zh_en_choose_row(c, zh_en_times, zh_en_time_count, sizeof(Time), time_fits, x);
    if (!c->dead && x->question != ASKS_WHO)
        x->time_first = choose_chance(c, 45);
}

/* The words that make the tense, and those that deny it. */
static void choose_modal(Choices *c, Clause *x)
{
    bool free = x->time && x->time->will; /* the time alone says "will" */
    switch (x->tense) {
    case PAST:
        if (x->negative) {
            choices_use(c, "没");
            x->full_negative = choose_words(c, 40, "有");
        } else
            choices_use(c, "了");
        return;
    case FUTURE:
        if (!free || !choose_chance(c, 35))
            x->modal = choose_either(c, x->negative ? 0 : 30, "将", "会");
        break;
    case ABLE:
        x->modal = choose_either(c, 50, "能", "可以");
        break;
    case WANTED:
        choices_use(c, "想");
        break;
    case ONGOING:
        choices_use(c, "正在");
        break;
    default:
        break;
    }
    if (x->negative)
        choices_use(c, "不");
}

static void choose_place(Choices *c, Clause *x)
{
    x->place = zh_en_choose_row(c, zh_en_places, zh_en_place_count, sizeof(Place), NULL, NULL);
    x->inside = x->place->inside && choose_words(c, 50, "里");
}

/* ---- questions and denial ---- */

static void choose_question(Choices *c, Clause *x, bool statement, const int weights[QUESTION_COUNT])
{
    static const char *const markers[QUESTION_COUNT] = {NULL, "吗", "谁", "什么", "谁", "哪里", "为什么"};
    bool open[QUESTION_COUNT];
    if (statement)
        return;
    for (int i = 0; i < QUESTION_COUNT; i++)
        open[i] = choices_have(c, markers[i]);
    x->question = (Question)choose_open(c, weights, open, QUESTION_COUNT);
    if (x->question == ASKS_WHETHER || x->question == ASKS_WHERE || x->question == ASKS_WHY)
        choices_use(c, markers[x->question]); /* the others are used by their phrase */
}

static void choose_negative(Choices *c, Clause *x, int percent)
{
    if (x->question == ASKS_WHAT || x->question == ASKS_WHOM || x->question == ASKS_WHERE)
        return;
    bool left = choices_have(c, "不") || choices_have(c, "没");
    x->negative = choose_open(c, (int[]){100 - percent, percent}, (bool[]){true, left}, 2) == 1;
}

/* ---- patterns ---- */

/* True for a verb that the clause's question can be asked about. */
static bool verb_fits(const void *row, const void *context)
{
    const Verb *v = row;
    const Clause *x = context;
    if (x->reversible != ((v->object & PERSON) != 0))
        return false;
    switch (x->question) {
    case ASKS_WHAT: /* not 看什么: reading, or watching? */
        return !(v->flags & VERB_WHICH) && (v->object & ~(unsigned)(LIVING | KIN));
    case ASKS_WHERE:
        return !(v->flags & VERB_STATE);
    default:
        return true;
    }
}

static void choose_action(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {76, 12, 4, 4, 2, 2, 2};
    static const int tenses[TENSE_COUNT] = {28, 34, 14, 12, 7, 6};
    choose_question(c, x, statement, questions);
    x->reversible = x->question == ASKS_WHOM || choose_chance(c, 40);
    x->verb = zh_en_choose_row(c, zh_en_verbs, zh_en_verb_count, sizeof(Verb), verb_fits, x);
    choose_negative(c, x, 16);
    choose_tense(c, x, tenses);
    choose_subject(c, x, x->verb->subject);
    if (c->dead)
        return;
    bool calm = !(x->verb->flags & VERB_STATE);
    if (x->verb->object) {
        bool plain = x->tense == PAST && !x->negative && (x->question == ASKS_NOTHING || x->question == ASKS_WHETHER);
        x->handled = plain && (x->verb->flags & VERB_HANDLES) && choose_words(c, 25, "把");
        choose_object(c, x, x->verb->object, x->handled ? handled_forms : object_forms);
        x->object.definite = x->handled;
    }
    if (!c->dead && calm && x->question == ASKS_NOTHING && !x->handled) {
        if ((x->verb->flags & VERB_FAVOUR) && choose_words(c, 20, "给"))
            x->role = FOR_PERSON;
        else if (!x->verb->object && choose_words(c, 15, "跟"))
            x->role = WITH_PERSON;
        if (x->role != NOBODY)
            choose_person(c, x);
    }
    if (c->dead)
        return;
    if (x->question == ASKS_WHERE)
        choices_use(c, "在");
    else if (calm && x->tense != ONGOING && x->question != ASKS_WHY && choose_words(c, 14, "在"))
        choose_place(c, x);
    if (calm && x->tense == PRESENT && !x->negative && x->question != ASKS_WHERE)
        x->often = choose_words(c, 12, "常常");
    if (!x->often)
        choose_time(c, x, x->tense == FUTURE || x->tense == PAST ? 45 : 30);
    choose_modal(c, x);
}

static bool is_city(const void *row, const void *context)
{
    const Place *p = row;
    return p->city && p != context;
}

static bool is_reached(const void *row, const void *context)
{
    const Place *p = row;
    (void)context;
    return p->to;
}

static void choose_move(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {74, 12, 4, 0, 0, 6, 3};
    static const int tenses[TENSE_COUNT] = {20, 34, 24, 0, 12, 8};
    choose_question(c, x, statement, questions);
    if (x->question == ASKS_WHERE) {
        x->verb = &zh_en_motions[0];
        choices_use(c, x->verb->zh);
    } else
        x->verb = zh_en_choose_row(c, zh_en_motions, 2, sizeof(Verb), NULL, NULL);
    choose_negative(c, x, 14);
    choose_tense(c, x, tenses);
    choose_subject(c, x, PERSON);
    if (c->dead)
        return;
    bool going = x->verb == &zh_en_motions[0];
    if (x->question != ASKS_WHERE)
        x->to = zh_en_choose_row(c, zh_en_places, zh_en_place_count, sizeof(Place), is_reached, NULL);
    if (x->question == ASKS_NOTHING || x->question == ASKS_WHETHER) {
        if (going && x->to->city && choose_words(c, 35, "从"))
            x->from = zh_en_choose_row(c, zh_en_places, zh_en_place_count, sizeof(Place), is_city, x->to);
        if (choose_words(c, 25, "坐"))
            x->vehicle = zh_en_choose_row(c, zh_en_vehicles, zh_en_vehicle_count, sizeof(Pair), NULL, NULL);
        if (choose_words(c, 12, "跟")) {
            x->role = WITH_PERSON;
            choose_person(c, x);
        }
    }
    if (c->dead)
        return;
    if (x->tense == PRESENT && !x->negative && x->question != ASKS_WHERE)
        x->often = choose_words(c, 20, "常常");
    if (!x->often)
        choose_time(c, x, 45);
    choose_modal(c, x);
}

static void choose_is(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {66, 18, 0, 6, 6, 0, 0};
    static const int things[FORM_COUNT] = {[FORM_COUNTED] = 50, [FORM_OWNED] = 30, [FORM_RELATIVE] = 20};
    static const int people[FORM_COUNT] = {[FORM_JOB] = 60, [FORM_OWNED] = 40};
    choices_use(c, "是");
    choose_question(c, x, statement, questions);
    if (x->question == ASKS_NOTHING || x->question == ASKS_WHETHER)
        x->negative = choose_words(c, 16, "不");
    bool it = x->question == ASKS_WHAT || (x->question != ASKS_WHOM && choose_chance(c, 40));
    zh_en_choose_phrase(c, &x->subject, PERSON, it ? only_it : person_forms);
    choose_object(c, x, it ? THING | ANIMAL : PERSON, it ? things : people);
    if (c->dead)
        return;
    Agreement subject = zh_en_agreement(&x->subject), object = zh_en_agreement(&x->object);
    x->object.plural = subject == AGREES_MANY && !(x->subject.form == FORM_PRONOUN && !x->subject.pronoun->plural);
    if (it && object == AGREES_MANY) /* this is two books */
        c->dead = true;
}

static void choose_quality(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {80, 20, 0, 0, 0, 0, 0};
    choose_question(c, x, statement, questions);
    x->adjective = zh_en_choose_row(c, zh_en_adjectives, zh_en_adjective_count, sizeof(Adjective), NULL, NULL);
    x->negative = choose_words(c, 20, "不");
    if (!x->negative && x->question == ASKS_NOTHING) {
        x->very = choose_words(c, 25, "非常");
        choices_use(c, x->very ? NULL : "很");
    }
    if (!c->dead)
        zh_en_choose_phrase(c, &x->subject, x->adjective->after, described_forms);
}

static void choose_at(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {66, 16, 4, 0, 0, 14, 0};
    choices_use(c, "在");
    choose_question(c, x, statement, questions);
    x->negative = x->question != ASKS_WHERE && x->question != ASKS_WHO && choose_words(c, 16, "不");
    bool thing = x->question != ASKS_WHO && choose_chance(c, 45);
    if (thing)
        zh_en_choose_phrase(c, &x->subject, SMALL, known_forms);
    else
        choose_subject(c, x, LIVING);
    if (c->dead || x->question == ASKS_WHERE)
        return;
    if (thing)
        x->spot = zh_en_choose_row(c, zh_en_spots, zh_en_spot_count, sizeof(Spot), NULL, NULL);
    else
        choose_place(c, x);
}

static void choose_there_is(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {76, 16, 0, 8, 0, 0, 0};
    choices_use(c, "有");
    choose_question(c, x, statement, questions);
    x->spot = zh_en_choose_row(c, zh_en_spots, zh_en_spot_count, sizeof(Spot), NULL, NULL);
    x->negative = x->question == ASKS_NOTHING && choose_words(c, 20, "没");
    if (x->negative || choose_chance(c, x->question == ASKS_WHETHER ? 50 : 15))
        choose_object(c, x, SMALL, only_bare);
    else
        choose_object(c, x, SMALL | ANIMAL, owned_forms);
}

static void choose_have(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {72, 18, 5, 5, 0, 0, 0};
    choices_use(c, "有");
    choose_question(c, x, statement, questions);
    x->verb = &zh_en_have;
    choose_subject(c, x, PERSON);
    x->negative = x->question == ASKS_NOTHING && choose_words(c, 25, "没");
    if (c->dead)
        return;
    if (x->negative || choose_chance(c, x->question == ASKS_WHETHER ? 50 : 15))
        choose_object(c, x, GOODS | MONEY, only_bare);
    else
        choose_object(c, x, GOODS | ANIMAL, owned_forms);
}

static void choose_give(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {76, 12, 6, 6, 0, 0, 0};
    static const int tenses[TENSE_COUNT] = {20, 46, 22, 0, 12, 0};
    choices_use(c, "给");
    choose_question(c, x, statement, questions);
    x->verb = &zh_en_give;
    x->role = TO_PERSON;
    choose_negative(c, x, 14);
    choose_tense(c, x, tenses);
    choose_subject(c, x, PERSON);
    if (c->dead)
        return;
    choose_person(c, x);
    choose_object(c, x, GOODS, given_forms);
    choose_time(c, x, 35);
    choose_modal(c, x);
}

static void choose_live(Choices *c, Clause *x, bool statement)
{
    static const int questions[QUESTION_COUNT] = {60, 14, 6, 0, 0, 20, 0};
    choices_use(c, "住 在");
    choose_question(c, x, statement, questions);
    x->verb = &zh_en_live;
    x->negative = x->question != ASKS_WHERE && choose_words(c, 20, "不");
    choose_subject(c, x, PERSON);
    if (x->question != ASKS_WHERE)
        x->place = zh_en_choose_row(c, zh_en_places, zh_en_place_count, sizeof(Place), is_city, NULL);
}

static bool can_be_ordered(const void *row, const void *context)
{
    const Verb *v = row;
    (void)context;
    return v->flags & VERB_ORDER;
}

static void choose_order(Choices *c, Clause *x)
{
    static const Pronoun *const you = &zh_en_pronouns[1];
    x->politeness = choose_words(c, 30, "请") ? "请" : choose_words(c, 20, "别") ? "别" : NULL;
    x->subject = (Phrase){.form = FORM_PRONOUN, .pronoun = you}; /* not said; nothing is done to "you" */
    bool given = (!x->politeness || strcmp(x->politeness, "请") == 0) && choose_words(c, 15, "给");
    if (given) {
        x->verb = &zh_en_give;
        x->role = TO_PERSON;
        choose_person(c, x);
        if (!c->dead)
            choose_object(c, x, GOODS, given_forms);
        return;
    }
    x->verb = zh_en_choose_row(c, zh_en_verbs, zh_en_verb_count, sizeof(Verb), can_be_ordered, NULL);
    if (!c->dead && (x->verb->flags & VERB_FAVOUR) && choose_words(c, 20, "给")) {
        x->role = FOR_PERSON;
        choose_person(c, x);
    }
    if (!c->dead)
        choose_object(c, x, x->verb->object, ordered_forms);
}

void zh_en_choose_clause(Choices *c, Clause *x, bool statement)
{
    static const int weights[PATTERN_COUNT] = {46, 9, 6, 9, 6, 6, 5, 5, 2, 6};
    static const char *const markers[PATTERN_COUNT] = {NULL, NULL, "是", NULL, "在", "有", "有", "给", "住 在", NULL};
    bool open[PATTERN_COUNT];
    for (int i = 0; i < PATTERN_COUNT; i++)
        open[i] = choices_have(c, markers[i]);
    memset(x, 0, sizeof *x);
    x->pattern = (Pattern)choose_open(c, weights, open, statement ? PATTERN_ORDER : PATTERN_COUNT);
    switch (x->pattern) {
    case PATTERN_ACTION:
        choose_action(c, x, statement);
        break;
    case PATTERN_MOVE:
        choose_move(c, x, statement);
        break;
    case PATTERN_IS:
        choose_is(c, x, statement);
        break;
    case PATTERN_QUALITY:
        choose_quality(c, x, statement);
        break;
    case PATTERN_AT:
        choose_at(c, x, statement);
        break;
    case PATTERN_THERE_IS:
        choose_there_is(c, x, statement);
        break;
    case PATTERN_HAVE:
        choose_have(c, x, statement);
        break;
    case PATTERN_GIVE:
        choose_give(c, x, statement);
        break;
    case PATTERN_LIVE:
        choose_live(c, x, statement);
        break;
    case PATTERN_ORDER:
        choose_order(c, x);
        break;
    case PATTERN_COUNT:
        break;
    }
}
