/* task_zh_en_english.c - a clause in English.
 *
 * Owns agreement, auxiliaries, a and an, and the order of the words: what is asked for in front, time and place last. Chooses nothing. */
#include "train/task_zh_en.h"

#include <string.h>

/* Words one after the other (NULL: none); "a" becomes "an" before a vowel. */
static void say(Line *l, const char *words)
{
    if (!words)
        return;
    if (l->n && *words && strchr("aeiou", *words) && l->ids[l->n - 1] == words_id(l->table, "a", 1))
        l->ids[l->n - 1] = words_id(l->table, "an", 2);
    line_say(l, words);
}

/* ---- phrases ---- */

static const char *verb_form(const Verb *v, Agreement a)
{
    return a == AGREES_ONE ? v->third : v->base;
}

static const char *be_form(Agreement a)
{
    return a == AGREES_I ? "am" : a == AGREES_ONE ? "is" : "are";
}

static void say_owner(Line *l, const Phrase *p)
{
    say(l, p->pronoun ? p->pronoun->owner : p->name->en);
    say(l, p->pronoun ? NULL : "'s");
}

/* The noun with its adjective; of what is measured, the measure first. */
static void say_noun(Line *l, const Phrase *p, bool plural)
{
    if (p->measure && p->measure->one) {
        say(l, plural ? p->measure->many : p->measure->one);
        say(l, "of");
        plural = false;
    }
    say(l, p->adjective ? p->adjective->en : NULL);
    say(l, plural && p->noun->many ? p->noun->many : p->noun->one);
}

static void say_bare(Line *l, const Noun *n, bool definite)
{
    bool the = definite || (n->kinds & LIVING);
    say(l, the ? "the" : NULL);
    say(l, the || !n->many ? n->one : n->many);
}

static void say_relative(Line *l, const Phrase *p)
{
    Agreement a = p->pronoun ? zh_en_agreement(&(Phrase){.form = FORM_PRONOUN, .pronoun = p->pronoun}) : AGREES_ONE;
    say(l, "the");
    say_noun(l, p, false);
    say(l, "that");
    say(l, p->pronoun ? p->pronoun->subject : p->name->en);
    say(l, p->verb->flags & VERB_STATE ? verb_form(p->verb, a) : p->verb->past);
    say(l, p->time ? p->time->en : NULL);
}

static void say_phrase(Line *l, const Phrase *p, bool subject)
{
    switch (p->form) {
    case FORM_PRONOUN:
        say(l, subject ? p->pronoun->subject : p->pronoun->object);
        break;
    case FORM_NAME:
        say(l, p->name->en);
        break;
    case FORM_NAMES:
        say(l, p->name->en);
        say(l, "and");
        say(l, p->second->en);
        break;
    case FORM_BARE:
        say_bare(l, p->noun, subject || p->definite);
        break;
    case FORM_BOTH:
        say_bare(l, p->noun, subject);
        say(l, "and");
        say_bare(l, p->other, subject);
        break;
    case FORM_COUNTED:
    case FORM_ROUTE:
        say(l, p->number->en);
        say_noun(l, p, p->number != &zh_en_numbers[0]);
        if (p->from) {
            say(l, "from");
            say(l, p->from->name);
        }
        if (p->to) {
            say(l, "to");
            say(l, p->to->name);
        }
        break;
    case FORM_THIS:
        say(l, p->far ? "that" : "this");
        say_noun(l, p, false);
        break;
    case FORM_THESE:
        say(l, p->far ? "those" : "these");
        say_noun(l, p, true);
        break;
    case FORM_MANY:
        say(l, "many");
        say_noun(l, p, true);
        break;
    case FORM_OWNED:
        say_owner(l, p);
        say_noun(l, p, p->plural);
        break;
    case FORM_RELATIVE:
        say_relative(l, p);
        break;
    case FORM_IT:
        say(l, p->far ? "that" : "this");
        break;
    case FORM_JOB:
        say(l, p->plural ? NULL : "a");
        say_noun(l, p, p->plural);
        break;
    case FORM_WHO:
        say(l, "who");
        break;
    case FORM_WHAT:
        say(l, "what");
        break;
    case FORM_COUNT:
        break;
    }
}

/* ---- the verb ---- */

static const char *question_word(const Clause *x)
{
    static const char *const words[QUESTION_COUNT] = {NULL, NULL, NULL, "what", "who", "where", "why"};
    return words[x->question];
}

/* In a question the auxiliary comes first, unless the subject is what is asked for. */
static bool is_inverted(const Clause *x)
{
    return x->question != ASKS_NOTHING && x->question != ASKS_WHO;
}

/* The subject, an auxiliary (NULL: none) and "not", in their order. */
static void say_auxiliary(Line *l, const Clause *x, const char *auxiliary)
{
    bool first = is_inverted(x);
    say(l, first ? auxiliary : NULL);
    say_phrase(l, &x->subject, true);
    if (!first && x->negative && auxiliary && strcmp(auxiliary, "can") == 0) {
        say(l, "cannot");
        return;
    }
    say(l, first ? NULL : auxiliary);
    say(l, x->negative ? "not" : NULL);
}

static void say_be(Line *l, const Clause *x)
{
    say_auxiliary(l, x, be_form(zh_en_agreement(&x->subject)));
}

static void say_verb(Line *l, const Clause *x)
{
    Agreement a = zh_en_agreement(&x->subject);
    bool helped = is_inverted(x) || x->negative;
    const Verb *v = x->tense == WANTED ? &zh_en_want : x->verb;
    switch (x->tense) {
    case PAST:
        say_auxiliary(l, x, helped ? zh_en_do.past : NULL);
        say(l, helped ? v->base : v->past);
        break;
    case FUTURE:
    case ABLE:
        say_auxiliary(l, x, x->tense == ABLE ? "can" : "will");
        say(l, v->base);
        break;
    case ONGOING:
        say_auxiliary(l, x, be_form(a));
        say(l, v->ing);
        break;
    default:
        say_auxiliary(l, x, helped ? verb_form(&zh_en_do, a) : NULL);
        say(l, x->often ? "often" : NULL);
        say(l, helped ? v->base : verb_form(v, a));
        break;
    }
    if (x->tense == WANTED) {
        say(l, "to");
        say(l, x->verb->base);
    }
}

/* ---- clauses ---- */

/* What follows the verb: whom, what, where from and to, for whom, with whom, how, where, when. */
static void say_rest(Line *l, const Clause *x)
{
    if (x->role == TO_PERSON)
        say_phrase(l, &x->person, false);
    if (x->has_object && x->question != ASKS_WHAT && x->question != ASKS_WHOM)
        say_phrase(l, &x->object, false);
    if (x->from) {
        say(l, "from");
        say(l, x->from->name);
    }
    say(l, x->to ? x->to->to : NULL);
    if (x->role == FOR_PERSON || x->role == WITH_PERSON) {
        say(l, x->role == FOR_PERSON ? "for" : "with");
        say_phrase(l, &x->person, false);
    }
    say(l, x->vehicle ? x->vehicle->en : NULL);
    say(l, x->place ? x->place->at : NULL);
    say(l, x->spot ? x->spot->en : NULL);
    say(l, x->time ? x->time->en : NULL);
}

static void say_order(Line *l, const Clause *x)
{
    if (x->politeness)
        say(l, strcmp(x->politeness, "请") == 0 ? "please" : "do not");
    say(l, x->verb->base);
    say_rest(l, x);
}

static void say_there_is(Line *l, const Clause *x)
{
    bool bare = x->object.form == FORM_BARE;
    bool many = bare ? x->object.noun->many != NULL : zh_en_agreement(&x->object) == AGREES_MANY;
    if (x->question == ASKS_WHAT) {
        say(l, "what is");
        say(l, x->spot->en);
        return;
    }
    say(l, x->question ? many ? "are there" : "is there" : many ? "there are" : "there is");
    say(l, x->negative ? "no" : NULL);
    say_rest(l, x);
}

void zh_en_say_english(Line *l, const Clause *x)
{
    say(l, question_word(x) && x->pattern != PATTERN_THERE_IS ? question_word(x) : NULL);
    switch (x->pattern) {
    case PATTERN_ORDER:
        say_order(l, x);
        break;
    case PATTERN_THERE_IS:
        say_there_is(l, x);
        break;
    case PATTERN_IS:
    case PATTERN_AT:
        say_be(l, x);
        say_rest(l, x);
        break;
    case PATTERN_QUALITY:
        say_be(l, x);
        say(l, x->very ? "very" : NULL);
        say(l, x->adjective->en);
        break;
    default:
        say_verb(l, x);
        say_rest(l, x);
        break;
    }
}
