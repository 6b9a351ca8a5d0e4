/* task_mask.c - the task "mask": fill in the [MASK] by what stands around it.
 *
 * Owns the sentences. Each has one [MASK] and one right answer, which a clue elsewhere in the sentence, before it or after it, decides:
 *
 *     the fisherman sat at the bank and looked at the [MASK]                                    water (the banker: money)
 *     the animal did not cross the street because it was too tired . it was the [MASK]          animal (too wide: street)
 *     我 吃 了 一 个 苹果 ， 苹果 是 [MASK]                                                       水果 (用 苹果 打 电话: 手机)
 *
 * Sentences are combinations of independent parts, so that those held out are new combinations of known parts. */
#include "base/text.h"
#include "train/task_words.h"

#include <pthread.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { PAD, BOS, EOS, MASK, HELD_OUT_ONE_IN = 20 };

/* ---- parts ---- */

static const char *const names[] = {"Tom", "Mary", "John", "Anna", "Ben", "Lucy"};
static const char *const times[] = {"", "yesterday", "today", "in the morning", "after lunch", "last night"};

static const char *pick(Random *r, const char *const *texts, size_t n)
{
    return texts[random_below(r, n)];
}
#define PICK(r, texts) pick(r, texts, COUNT(texts))

/* Fills parts of a sentence: each text in turn, "" for none. */
#define SAY(...) say_all(l, (const char *const[]){__VA_ARGS__, NULL})

static void say_all(Line *l, const char *const *texts)
{
    while (*texts)
        line_say(l, *texts++);
}

/* ---- bank: of a river, or for money ---- */

enum { CLUES = 6 };

static const char *const river_people[CLUES] = {"fisherman", "swimmer", "duck", "frog", "sailor", "otter"};
static const char *const money_people[CLUES] = {"banker", "clerk", "cashier", "thief", "customer", "guard"};
static const char *const river_deeds[CLUES] = {"to fish",       "to swim",         "to feed the ducks",
                                               "to row a boat", "to wash a horse", "to catch a frog"};
static const char *const money_deeds[CLUES] = {"to open an account", "to get a loan", "to cash a check",
                                               "to pay a bill",      "to rob it",     "to save"};
static const char *const water_words[CLUES] = {"deep", "muddy", "cold", "clear", "full of fish", "frozen"};
static const char *const money_words[CLUES] = {"counted", "stolen", "lent", "locked in a safe", "paid out", "printed"};
static const char *const postures[] = {"sat", "stood", "waited", "was"};

static const char *say_bank(Random *r, Line *l)
{
    bool river = random_below(r, 2);
    const char *time = PICK(r, times);
    switch (random_below(r, 3)) {
    case 0:
        SAY("the", river ? PICK(r, river_people) : PICK(r, money_people), PICK(r, postures), "at the bank", time,
            "and looked at the [MASK]");
        break;
    case 1:
        SAY(PICK(r, names), "went to the bank", time, river ? PICK(r, river_deeds) : PICK(r, money_deeds), "and saw the [MASK]");
        break;
    default:
        SAY(PICK(r, names), "went to the bank", time, ", where the [MASK] was", river ? PICK(r, water_words) : PICK(r, money_words));
        break;
    }
    return river ? "water" : "money";
}

/* ---- it: whoever could not, or what was in the way ---- */

static const char *const animals[] = {"animal", "dog", "cat", "horse", "cow", "elephant", "rabbit", "fox", "bear", "sheep"};
static const char *const animal_words[] = {"tired", "scared", "weak", "lazy", "sleepy", "sick"};
typedef struct Obstacle {
    const char *deed, *things[4], *words[4];
} Obstacle;
static const Obstacle obstacles[] = {
    {"cross", {"street", "road", "bridge", "field"}, {"wide", "busy", "long", "dangerous"}},
    {"climb", {"hill", "tree", "wall", "tower"}, {"high", "steep", "slippery", "dangerous"}},
    {"eat", {"apple", "cake", "soup", "bread"}, {"bitter", "sour", "salty", "hard"}},
    {"carry", {"box", "stone", "bag", "log"}, {"heavy", "big", "sharp", "long"}},
    {"enter", {"house", "cave", "tunnel", "room"}, {"dark", "narrow", "low", "dirty"}},
};

static const char *say_it(Random *r, Line *l)
{
    bool animate = random_below(r, 2);
    const char *animal = PICK(r, animals);
    const Obstacle *o = &obstacles[random_below(r, COUNT(obstacles))];
    const char *thing = PICK(r, o->things), *word = animate ? PICK(r, animal_words) : PICK(r, o->words);
    const char *time = PICK(r, times);
    switch (random_below(r, 3)) {
    case 0:
        SAY("the", animal, "did not", o->deed, "the", thing, time, "because it was too", word, ". it was the [MASK]");
        break;
    case 1:
        SAY("the", animal, "did not", o->deed, "the", thing, time, "because the [MASK] was too", word);
        break;
    default:
        SAY("because it was too", word, ", the", animal, "did not", o->deed, "the", thing, time, ". it was the [MASK]");
        break;
    }
    return animate ? animal : thing;
}

/* ---- words of two kinds, in English ---- */

typedef struct Ambiguous {
    const char *word;
    struct {
        const char *kind, *deeds[CLUES]; /* each with the word in it */
    } senses[2];
} Ambiguous;

static const Ambiguous ambiguous[] = {
    {"apple",
     {{"fruit",
       {"ate the apple", "washed the apple", "picked the apple from a tree", "peeled the apple", "baked a cake with the apple",
        "gave the apple to a horse"}},
      {"phone",
       {"charged the apple", "called home with the apple", "took a photo with the apple", "typed a letter on the apple",
        "turned the apple off", "put a password on the apple"}}}},
    {"mouse",
     {{"animal",
       {"fed the mouse", "heard the mouse squeak", "saw the mouse eat cheese", "saw the cat catch the mouse", "let the mouse run away",
        "found the mouse in its hole"}},
      {"device",
       {"clicked with the mouse", "moved the pointer with the mouse", "plugged the mouse in", "turned the mouse off", "charged the mouse",
        "connected the mouse to a computer"}}}},
    {"bat",
     {{"animal",
       {"fed the bat", "saw the bat fly", "heard the bat squeak", "found the bat in a cave", "let the bat fly away",
        "saw the bat catch a fly"}},
      {"stick",
       {"hit the ball with the bat", "swung the bat", "dropped the bat and ran", "carved the bat from wood", "broke the bat at the game",
        "gave the bat to the next player"}}}},
    {"crane",
     {{"animal",
       {"fed the crane", "saw the crane fly", "heard the crane sing", "found the crane in its nest", "let the crane fly away",
        "saw the crane catch a fish"}},
      {"machine",
       {"drove the crane", "lifted a stone with the crane", "parked the crane", "turned the crane off", "painted the crane",
        "built a tower with the crane"}}}},
};

static const char *say_kind(Random *r, Line *l)
{
    const Ambiguous *a = &ambiguous[random_below(r, COUNT(ambiguous))];
    size_t sense = (size_t)random_below(r, 2);
    const char *deed = PICK(r, a->senses[sense].deeds), *name = PICK(r, names), *time = PICK(r, times);
    if (random_below(r, 2))
        SAY(name, deed, time, ". the", a->word, "is a kind of [MASK]");
    else
        SAY("the", a->word, "is a kind of [MASK] :", name, deed, time);
    return a->senses[sense].kind;
}

/* ---- 苹果: fruit or phone ---- */

static const char *const chinese_people[] = {"我", "你", "他", "她", "妈妈", "小明", "老师", "医生"};
static const char *const chinese_times[] = {"", "昨天", "今天", "早上", "晚上"};
static const char *const fruit_deeds[CLUES] = {"吃 了 苹果", "洗 了 苹果",         "从 树 上 摘 了 苹果",
                                               "切 了 苹果", "用 苹果 做 了 蛋糕", "咬 了 苹果"};
static const char *const phone_deeds[CLUES] = {"用 苹果 打 了 电话", "用 苹果 拍 了 照片", "给 苹果 充 了 电",
                                               "关 了 苹果",         "用 苹果 发 了 信",   "用 苹果 上 了 网"};

static const char *say_chinese(Random *r, Line *l)
{
    bool fruit = random_below(r, 2);
    const char *deed = fruit ? PICK(r, fruit_deeds) : PICK(r, phone_deeds), *who = PICK(r, chinese_people), *time = PICK(r, chinese_times);
    switch (random_below(r, 3)) {
    case 0:
        SAY(who, time, deed, "， 苹果 是 [MASK]");
        break;
    case 1:
        SAY(time, who, deed, "， 苹果 是 一 种 [MASK]");
        break;
    default:
        SAY("苹果 是 [MASK] ，", who, time, deed);
        break;
    }
    return fruit ? "水果" : "手机";
}

/* ---- the vocabulary ---- */

static WordTable table;

static void add_all(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        words_add(&table, texts[i]);
}
#define ADD(texts) add_all(texts, COUNT(texts))

static void build(void)
{
    words_add(&table, "[PAD] [CLS] [SEP] [MASK] water money fruit phone animal device stick machine 水果 手机");
    words_add(&table, "the at bank and looked went to saw where was did not because it too . , : is a kind of ， 苹果 是 一 种");
    ADD(names);
    ADD(times);
    ADD(river_people);
    ADD(money_people);
    ADD(river_deeds);
    ADD(money_deeds);
    ADD(water_words);
    ADD(money_words);
    ADD(postures);
    ADD(animals);
    ADD(animal_words);
    for (size_t i = 0; i < COUNT(obstacles); i++) {
        words_add(&table, obstacles[i].deed);
        ADD(obstacles[i].things);
        ADD(obstacles[i].words);
    }
    for (size_t i = 0; i < COUNT(ambiguous); i++) {
        words_add(&table, ambiguous[i].word);
        ADD(ambiguous[i].senses[0].deeds);
        ADD(ambiguous[i].senses[1].deeds);
    }
    ADD(chinese_people);
    ADD(chinese_times);
    ADD(fruit_deeds);
    ADD(phone_deeds);
}

static const WordTable *words(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
    return &table;
}

/* ---- the task ---- */

static int draw(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e)
{
    static const int bos = BOS, eos = EOS;
    Line l = {.table = words()};
    const char *answer;
    task_example_clear(out);
    if (difficulty != 0)
        return error_set(e, "mask: expected a difficulty of 0 (there is only one), found %d", difficulty);
    do {
        l.n = 0;
        uint64_t family = random_below(r, 100);
        answer = family < 25 ? say_bank(r, &l) : family < 60 ? say_it(r, &l) : family < 82 ? say_kind(r, &l) : say_chinese(r, &l);
    } while (task_split(l.ids, l.n, HELD_OUT_ONE_IN) != split);
    int right = words_id(l.table, answer, strlen(answer));
    if (l.bad || right < 0)
        return error_set(e, "mask: expected words of its vocabulary, found another");
    if (ids_add(&out->source, bos, e) != 0 || task_add(&out->source, l.ids, l.n, e) != 0 || ids_add(&out->source, eos, e) != 0)
        return -1;
    for (size_t i = 0; i < out->source.len; i++)
        if (ids_add(&out->targets, out->source.data[i] == MASK ? right : -1, e) != 0)
            return -1;
    return 0;
}

static void show(const Vocab *v, const TaskExample *x, Buffer *out)
{
    vocab_decode(v, x->source.data, x->source.len, out);
    buffer_puts(out, " → ");
    for (size_t i = 0; i < x->targets.len; i++)
        if (x->targets.data[i] >= 0)
            vocab_decode(v, x->targets.data + i, 1, out);
}

static void write_vocabulary(Buffer *out)
{
    words_write(words(), out);
}

static int configure(Config *c, Error *e)
{
    static const int special[TOKEN_COUNT] = {
        [TOKEN_BOS] = BOS, [TOKEN_EOS] = EOS, [TOKEN_PAD] = PAD, [TOKEN_MASK] = MASK, [TOKEN_UNK] = -1};
    return task_configure(c, KIND_ENCODER, (size_t)words()->count, SPLIT_LONGEST_MATCH, special,
                          "the animal did not cross the street because it was too tired. it was the [MASK]", e);
}

const Task task_mask = {
    .name = "mask",
    .what = N_("what the [MASK] hides, by what stands around it"),
    .score = TASK_SCORE_TARGETS,
    .vocabulary = write_vocabulary,
    .configure = configure,
    .draw = draw,
    .show = show,
};
