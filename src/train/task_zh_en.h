/* task_zh_en.h - the grammar behind the task "zh-en": what a sentence means, and how each language says it.
 *
 * Owns the words of both languages and the meaning of a clause. Knows nothing of models or batches.
 *
 * A clause is chosen as a meaning first (task_zh_en_clause.c, task_zh_en_phrase.c), then said twice (task_zh_en_chinese.c,
 * task_zh_en_english.c). Chinese has no articles and few endings, so the right English is fixed by rules:
 *
 *     bare thing, object        plural, or as it is for what is not counted     我吃苹果 I eat apples, 我喝水 I drink water
 *     bare person or animal     "the", and so is a bare thing as subject        狗咬人 the dog bites the man, 书很贵 the book is expensive
 *                               or after 把                                     我把书卖了 I sold the book
 *     了, 没                    past                                            我吃了一个苹果 I ate an apple
 *     会, 将, or 明天, 明年     will                                            我明天去北京 I will go to Beijing tomorrow
 *     正在; 想; 能, 可以        is …ing; want to; can
 *     a bare verb               present                                         她看书 she reads books
 *     a verb before 的          past, but for what one feels                    我买的书 the book that I bought, 我喜欢的书 … that I like
 *
 * A statement ends in nothing or 。 and its English in nothing; a question may end in ？ or ? and its English ends in ?. */
#ifndef TRAIN_TASK_ZH_EN_H
#define TRAIN_TASK_ZH_EN_H

#include "train/task_choices.h"

/* ---- words ---- */

/* What a noun is good for, and what a verb can do with it. */
enum {
    PERSON = 1 << 0,
    ANIMAL = 1 << 1,
    KIN = 1 << 2, /* mother: always somebody's */
    FOOD = 1 << 3,
    DRINK = 1 << 4,
    READ = 1 << 5,
    WATCH = 1 << 6,
    WRITE = 1 << 7,
    GOODS = 1 << 8, /* bought, sold, owned, given */
    OPEN = 1 << 9,
    WASH = 1 << 10,
    DRAW = 1 << 11,
    TOOL = 1 << 12,
    RIDE = 1 << 13,
    DRIVE = 1 << 14,
    WEAR = 1 << 15,
    LANGUAGE = 1 << 16,
    SUBJECT = 1 << 17, /* studied */
    TICKET = 1 << 18,  /* from a city to a city */
    MONEY = 1 << 19,
    SOUND = 1 << 20,
    JOB = 1 << 21,
    SMALL = 1 << 22, /* lies on a table */
    FREE = 1 << 23,  /* nobody's: "my man" is not said */
    SOLID = 1 << 24, /* has a size and a colour */
    MADE = 1 << 25,  /* was new once */
    LIVING = PERSON | ANIMAL,
    THING = FOOD | DRINK | READ | WATCH | GOODS | OPEN | TICKET
};

typedef struct Measure {
    const char *zh;
    const char *one, *many; /* of what is not counted: "cup", "cups" */
} Measure;

typedef struct Noun {
    const char *zh;
    const Measure *measures[2]; /* what counts it; none: it cannot be counted */
    const char *one, *many;     /* many NULL: what is not counted */
    unsigned kinds;
} Noun;

typedef struct Verb {
    const char *zh, *base, *third, *past, *ing;
    unsigned subject, object; /* kinds; object 0: it has none */
    unsigned flags;
} Verb;

enum {
    VERB_STATE = 1 << 0,   /* feels or knows: always present */
    VERB_SUDDEN = 1 << 1,  /* no "is …ing" */
    VERB_HANDLES = 1 << 2, /* with 把 */
    VERB_FAVOUR = 1 << 3,  /* done for somebody: 给 */
    VERB_ORDER = 1 << 4,   /* in an order: "buy a ticket" */
    VERB_WHICH = 1 << 5    /* the object decides which verb it is: 看 */
};

typedef struct Pronoun {
    const char *zh, *subject, *object;
    const char *owner; /* NULL: owns nothing */
    int person;        /* 1, 2, 3 */
    bool plural;
    unsigned kind;
} Pronoun;

typedef struct Adjective {
    const char *zh, *en;
    unsigned before, after; /* kinds it stands before ("a red apple") and after ("the apple is red") */
    bool linked;            /* needs 的 before a noun */
} Adjective;

typedef struct Place {
    const char *zh, *at, *to; /* "at school"; "to school", NULL where nobody is said to go */
    bool inside;              /* may be followed by 里 */
    bool city;                /* then `at` is "in" and zh's city the last word */
    const char *name;         /* of a city */
} Place;

typedef struct Spot {
    const char *zh, *en; /* 桌子 上, "on the table" */
} Spot;

typedef struct Time {
    const char *zh, *en;
    unsigned tenses; /* bits of Tense */
    bool will;       /* makes a bare verb future */
} Time;

typedef struct Pair {
    const char *zh, *en;
} Pair;

extern const Noun zh_en_nouns[];
extern const Verb zh_en_verbs[], zh_en_motions[2];
extern const Pronoun zh_en_pronouns[];
extern const Adjective zh_en_adjectives[];
extern const Place zh_en_places[];
extern const Spot zh_en_spots[];
extern const Time zh_en_times[];
extern const Pair zh_en_names[], zh_en_numbers[], zh_en_vehicles[];
extern const size_t zh_en_noun_count, zh_en_verb_count, zh_en_pronoun_count, zh_en_adjective_count, zh_en_place_count, zh_en_spot_count,
    zh_en_time_count, zh_en_name_count, zh_en_number_count, zh_en_vehicle_count;
extern const Verb zh_en_have, zh_en_give, zh_en_live, zh_en_want, zh_en_do;

/* Both languages' words: special tokens first (ids as below), then Chinese, then English. */
const WordTable *zh_en_words(void);
enum { ZH_EN_PAD, ZH_EN_BOS, ZH_EN_EOS };

/* ---- meaning ---- */

typedef enum Tense { PRESENT, PAST, FUTURE, ONGOING, WANTED, ABLE, TENSE_COUNT } Tense;

typedef enum PhraseForm {
    FORM_PRONOUN,
    FORM_NAME,
    FORM_NAMES,    /* two, joined by 和 */
    FORM_BARE,     /* see the rules above */
    FORM_BOTH,     /* two bare things, joined by 和 */
    FORM_COUNTED,  /* 一 个, 两 杯 */
    FORM_ROUTE,    /* a ticket from a city to a city */
    FORM_THIS,     /* 这 本, 那 本 */
    FORM_THESE,    /* 这些, 那些 */
    FORM_MANY,     /* 很多 */
    FORM_OWNED,    /* 我 的 */
    FORM_RELATIVE, /* 我 昨天 买 的 */
    FORM_JOB,      /* 老师 in 他是老师; the forms from FORM_BARE to here have a noun */
    FORM_IT,       /* 这, 那 alone */
    FORM_WHO,
    FORM_WHAT,
    FORM_COUNT
} PhraseForm;

typedef struct Phrase {
    PhraseForm form;
    const Pronoun *pronoun; /* itself, or the owner, or who did it in a relative clause */
    const Pair *name;       /* the same where it is a name */
    const Pair *second;     /* the other one of two names */
    const Noun *noun, *other;
    const Adjective *adjective;
    bool linked; /* 的 behind the adjective */
    const Pair *number;
    const Measure *measure;
    bool far;      /* 那, not 这 */
    bool close;    /* 我妈妈, without 的 */
    bool definite; /* a bare thing is "the" */
    bool plural;   /* a job or an owned noun said of several */
    const Place *from, *to;
    const Verb *verb; /* of the relative clause */
    const Time *time; /* of the relative clause, or NULL */
} Phrase;

typedef enum Pattern {
    PATTERN_ACTION,   /* somebody does something, to something */
    PATTERN_MOVE,     /* goes or comes somewhere */
    PATTERN_IS,       /* is a teacher */
    PATTERN_QUALITY,  /* is big */
    PATTERN_AT,       /* is somewhere */
    PATTERN_THERE_IS, /* on the table is a book */
    PATTERN_HAVE,
    PATTERN_GIVE,
    PATTERN_LIVE,
    PATTERN_ORDER, /* buy a ticket */
    PATTERN_COUNT
} Pattern;

typedef enum Question { ASKS_NOTHING, ASKS_WHETHER, ASKS_WHO, ASKS_WHAT, ASKS_WHOM, ASKS_WHERE, ASKS_WHY, QUESTION_COUNT } Question;

typedef struct Clause {
    Pattern pattern;
    const Verb *verb;
    bool reversible; /* the verb's object may be somebody: 我爱你, 你爱我 */
    Tense tense;
    bool negative;
    Question question;
    Phrase subject, object;
    bool has_object;
    Phrase person; /* whom it is given to, for whom or with whom it is done */
    enum { NOBODY, FOR_PERSON, WITH_PERSON, TO_PERSON } role;
    const char *modal;  /* 会, 将; 能, 可以; NULL: none */
    bool full_negative; /* 没有 rather than 没 */
    const Time *time;
    bool time_first; /* before the subject */
    bool often;
    const Place *place, *from, *to;
    bool inside; /* 里 behind the place */
    const Spot *spot;
    const Pair *vehicle;
    const Adjective *adjective;
    bool very;              /* 非常, not 很 */
    bool handled;           /* 把 */
    const char *politeness; /* 请, 别; NULL: none */
} Clause;

/* Which English verb form a phrase asks for as a subject. */
typedef enum Agreement { AGREES_I, AGREES_ONE, AGREES_MANY } Agreement;
Agreement zh_en_agreement(const Phrase *p);

/* Choose a meaning; c->dead where that was not possible. `statement`: no question and no order. */
void zh_en_choose_clause(Choices *c, Clause *x, bool statement);
/* Of these kinds of nouns and in one of these forms, given by weight (a form with 0 is not on offer). */
void zh_en_choose_phrase(Choices *c, Phrase *p, unsigned kinds, const int weights[FORM_COUNT]);
/* One of n lexicon rows of `size` bytes, each of which begins with its Chinese, of those that `fits` (NULL: all) and the bag allow; uses
 * its words. */
const void *zh_en_choose_row(Choices *c, const void *rows, size_t n, size_t size, bool (*fits)(const void *row, const void *context),
                             const void *context);

/* Say it. English without the question mark. */
void zh_en_say_chinese(Line *l, const Clause *x);
void zh_en_say_english(Line *l, const Clause *x);

/* ---- sentences ---- */

/* A clause, or several joined by ， or ，但是. */
typedef struct ZhEnSentence {
    Line zh; /* without its last mark */
    Line en; /* with its question mark */
    bool question;
    size_t clauses;
    double nats; /* -log of the probability of its choices */
} ZhEnSentence;

enum { ZH_EN_LENGTH = 14, ZH_EN_LONGEST = 100 }; /* Chinese words of the longest sentence in training, and of the longest there can be */

typedef enum ZhEnKind { ZH_EN_CLAUSE, ZH_EN_STATEMENT, ZH_EN_TWO_STATEMENTS } ZhEnKind;

/* Writes a sentence; c->dead where that came to nothing. */
void zh_en_write(Choices *c, ZhEnKind kind, ZhEnSentence *s);

/* Calls `visit` for every derivation of a sentence whose Chinese is made of exactly these words, in any order, until it returns false.
 * -1 where the search had to give up. */
int zh_en_search(const int *ids, size_t n, ZhEnKind kind, bool (*visit)(void *context, const ZhEnSentence *s), void *context);

/* The grammar's own translation of a Chinese sentence; an error where it is none of the grammar's. Found by searching, clause by clause. */
int task_zh_en_translate(const char *source, Buffer *out, Error *e);

/* What can be known of a translation from the bag of Chinese words alone. */
typedef struct ZhEnBag {
    double decided; /* share of sentences that it decides: no sentence of the grammar that is made of the same words in another order
                       has another translation */
    double guessed; /* share that is right where the likeliest translation of the bag is taken: no model without positions does better,
                       but by luck or by knowing which sentences are held out */
} ZhEnBag;

/* Measures both on n held-out sentences drawn from r. For each, the grammar is searched for all sentences of the same words, with their
 * probabilities; nothing is estimated. Some hundred sentences a second. */
int task_zh_en_bag(Random *r, size_t n, ZhEnBag *out, Error *e);

#endif
