/* task_zh_en_chinese.c - a clause in Chinese.
 *
 * Owns the order of the words: time and place before the verb, a relative clause before its noun, questions as they stand. Chooses nothing.
 */
#include "train/task_zh_en.h"

/* ---- phrases ---- */

/* Words one after the other; NULL where there are none. */
static void say(Line *l, const char *words)
{
    if (words)
        line_say(l, words);
}

static void say_someone(Line *l, const Phrase *p)
{
    say(l, p->pronoun ? p->pronoun->zh : p->name->zh);
}

static void say_noun(Line *l, const Phrase *p)
{
    if (p->adjective) {
        say(l, p->adjective->zh);
        say(l, p->linked ? "的" : NULL);
    }
    say(l, p->noun->zh);
}

static void say_phrase(Line *l, const Phrase *p)
{
    switch (p->form) {
    case FORM_PRONOUN:
    case FORM_NAME:
        say_someone(l, p);
        break;
    case FORM_NAMES:
        say(l, p->name->zh);
        say(l, "和");
        say(l, p->second->zh);
        break;
    case FORM_BARE:
    case FORM_JOB:
        say(l, p->noun->zh);
        break;
    case FORM_BOTH:
        say(l, p->noun->zh);
        say(l, "和");
        say(l, p->other->zh);
        break;
    case FORM_COUNTED:
        say(l, p->number->zh);
        say(l, p->measure->zh);
        say_noun(l, p);
        break;
    case FORM_ROUTE:
        say(l, p->number->zh);
        say(l, p->measure->zh);
        if (p->from) {
            say(l, "从");
            say(l, p->from->zh);
        }
        say(l, p->from ? "到" : "去");
        say(l, p->to->zh);
        say(l, "的");
        say(l, p->noun->zh);
        break;
    case FORM_THIS:
        say(l, p->far ? "那" : "这");
        say(l, p->measure->zh);
        say_noun(l, p);
        break;
    case FORM_THESE:
        say(l, p->far ? "那些" : "这些");
        say_noun(l, p);
        break;
    case FORM_MANY:
        say(l, "很多");
        say_noun(l, p);
        break;
    case FORM_OWNED:
        say_someone(l, p);
        say(l, p->close ? NULL : "的");
        say_noun(l, p);
        break;
    case FORM_RELATIVE:
        say_someone(l, p);
        say(l, p->time ? p->time->zh : NULL);
        say(l, p->verb->zh);
        say(l, "的");
        say_noun(l, p);
        break;
    case FORM_IT:
        say(l, p->far ? "那" : "这");
        break;
    case FORM_WHO:
        say(l, "谁");
        break;
    case FORM_WHAT:
        say(l, "什么");
        break;
    case FORM_COUNT:
        break;
    }
}

/* ---- clauses ---- */

static void say_place(Line *l, const Clause *x)
{
    say(l, x->question == ASKS_WHERE ? "哪里" : x->place->zh);
    say(l, x->inside ? "里" : NULL);
}

/* Who, when, why, how often, and whether it is denied, will be, can be. */
static void say_opening(Line *l, const Clause *x)
{
    const char *time = x->time ? x->time->zh : NULL;
    say(l, x->time_first ? time : NULL);
    say_phrase(l, &x->subject);
    say(l, x->time_first ? NULL : time);
    say(l, x->question == ASKS_WHY ? "为什么" : NULL);
    say(l, x->often ? "常常" : NULL);
    if (x->negative && (x->tense == PAST || x->pattern == PATTERN_HAVE))
        say(l, x->full_negative ? "没 有" : "没");
    else if (x->negative)
        say(l, "不");
    say(l, x->modal);
    say(l, x->tense == WANTED ? "想" : x->tense == ONGOING ? "正在" : NULL);
}

static void say_verb(Line *l, const Clause *x)
{
    say(l, x->verb->zh);
    say(l, x->tense == PAST && !x->negative ? "了" : NULL);
}

static void say_action(Line *l, const Clause *x)
{
    if (x->role == WITH_PERSON) {
        say(l, "跟");
        say_phrase(l, &x->person);
    }
    if (x->place || x->question == ASKS_WHERE) {
        say(l, "在");
        say_place(l, x);
    }
    if (x->role == FOR_PERSON) {
        say(l, "给");
        say_phrase(l, &x->person);
    }
    if (x->handled) {
        say(l, "把");
        say_phrase(l, &x->object);
    }
    say_verb(l, x);
    if (x->has_object && !x->handled)
        say_phrase(l, &x->object);
}

static void say_move(Line *l, const Clause *x)
{
    if (x->role == WITH_PERSON) {
        say(l, "跟");
        say_phrase(l, &x->person);
    }
    if (x->from) {
        say(l, "从");
        say(l, x->from->zh);
    }
    if (x->vehicle) {
        say(l, "坐");
        say(l, x->vehicle->zh);
    }
    say_verb(l, x);
    say(l, x->to ? x->to->zh : "哪里");
}

static void say_give(Line *l, const Clause *x)
{
    say_verb(l, x);
    say_phrase(l, &x->person);
    say_phrase(l, &x->object);
}

static void say_order(Line *l, const Clause *x)
{
    say(l, x->politeness);
    if (x->role == TO_PERSON)
        say_give(l, x);
    else
        say_action(l, x);
}

void zh_en_say_chinese(Line *l, const Clause *x)
{
    if (x->pattern == PATTERN_ORDER) {
        say_order(l, x);
        return;
    }
    if (x->pattern == PATTERN_THERE_IS)
        say(l, x->spot->zh);
    else
        say_opening(l, x);
    switch (x->pattern) {
    case PATTERN_ACTION:
        say_action(l, x);
        break;
    case PATTERN_MOVE:
        say_move(l, x);
        break;
    case PATTERN_IS:
        say(l, "是");
        say_phrase(l, &x->object);
        break;
    case PATTERN_QUALITY:
        if (!x->negative && x->question == ASKS_NOTHING)
            say(l, x->very ? "非常" : "很");
        say(l, x->adjective->zh);
        break;
    case PATTERN_AT:
        say(l, "在");
        if (x->spot)
            say(l, x->spot->zh);
        else
            say_place(l, x);
        break;
    case PATTERN_THERE_IS:
        say(l, x->negative ? "没 有" : "有");
        say_phrase(l, &x->object);
        break;
    case PATTERN_GIVE:
        say_give(l, x);
        break;
    case PATTERN_LIVE:
        say(l, "住 在");
        say_place(l, x);
        break;
    default: /* 有 */
        say(l, x->verb->zh);
        say_phrase(l, &x->object);
        break;
    }
    say(l, x->question == ASKS_WHETHER ? "吗" : NULL);
}
