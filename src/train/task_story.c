/* task_story.c - the task "story": small stories in which things have to be remembered.
 *
 * Owns the grammar. Somebody goes somewhere, sees a thing of some colour at some spot, and keeps, leaves, gives away or loses it; later the
 * story comes back to who it was (she, her), what it was, where it was, and who has it now. Those words follow from the story so far. What
 * cannot be known, the grammar chooses at random, with probabilities it knows: their entropy is the best that a model can reach. */
#include "train/task_story.h"
#include "base/text.h"

#include <pthread.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))
enum { PAD, BOS, EOS, HELD_OUT_ONE_IN = 20 };

/* ---- words ---- */

typedef struct Person {
    const char *name, *she, *her;
} Person;

static const Person people[] = {
    {"Lily", "she", "her"}, {"Anna", "she", "her"}, {"Mia", "she", "her"}, {"Lucy", "she", "her"},
    {"Emma", "she", "her"}, {"Rose", "she", "her"}, {"Tom", "he", "his"},  {"Ben", "he", "his"},
    {"Max", "he", "his"},   {"Sam", "he", "his"},   {"Leo", "he", "his"},  {"Jack", "he", "his"},
};
static const char *const days[] = {"one day", "last week", "on Sunday"};
static const char *const places[] = {"park", "beach", "forest", "garden", "market", "school", "farm", "river"};
static const char *const things[] = {"ball", "kite", "book", "doll", "hat", "key", "shell", "coin", "box", "ring"};
static const char *const colours[] = {"red", "blue", "green", "yellow", "white", "black"};
static const char *const sides[] = {"under", "behind", "near"};
static const char *const spots[] = {"bench", "tree", "rock", "wall", "fence", "bush"};
static const char *const parents[] = {"mother", "father", "sister", "brother"};
/* What the weather is, and what one wears then. */
static const struct {
    const char *is, *worn;
} weathers[] = {{"cold", "coat"}, {"rainy", "boots"}, {"sunny", "cap"}};

/* All the words that the sentences below are made of, besides those above. */
static const char frame[] =
    ". : ? , went to the came too it was so put on saw a took and did not take gave then lost there in evening asked where "
    "is said my bag has at happy sad next day back found again end";

static WordTable table;

static void build(void)
{
    words_add(&table, "<pad> <s> </s>");
    words_add(&table, frame);
    for (size_t i = 0; i < COUNT(people); i++) {
        words_add(&table, people[i].name);
        words_add(&table, people[i].she);
        words_add(&table, people[i].her);
    }
    for (size_t i = 0; i < COUNT(weathers); i++) {
        words_add(&table, weathers[i].is);
        words_add(&table, weathers[i].worn);
    }
#define ADD_ALL(words)                                                                                                                     \
    for (size_t i = 0; i < COUNT(words); i++)                                                                                              \
    words_add(&table, words[i])
    ADD_ALL(days);
    ADD_ALL(places);
    ADD_ALL(things);
    ADD_ALL(colours);
    ADD_ALL(sides);
    ADD_ALL(spots);
    ADD_ALL(parents);
#undef ADD_ALL
}

static const WordTable *words(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
    return &table;
}

/* ---- the grammar ---- */

/* One of n words, but for number `but` (n: none). */
static size_t choose_but(Choices *c, size_t n, size_t but)
{
    size_t taken = choose(c, but < n ? n - 1 : n);
    return taken + (but < n && taken >= but);
}

typedef enum Fate { KEPT, LEFT, GIVEN, LOST } Fate;

typedef struct Story {
    const Person *hero, *friend;
    const char *place, *thing, *colour, *side, *spot, *second_place;
    Fate fate;
} Story;

#define SAY(...) say_all(l, (const char *const[]){__VA_ARGS__, NULL})

static void say_all(Line *l, const char *const *texts)
{
    while (*texts)
        line_say(l, *texts++);
}

static void say_thing(Line *l, const Story *s)
{
    SAY("the", s->colour, s->thing);
}

static void tell_beginning(Choices *c, Line *l, Story *s)
{
    SAY(days[choose(c, COUNT(days))]);
    size_t hero = choose(c, COUNT(people));
    s->hero = &people[hero];
    SAY(s->hero->name, "went to the");
    s->place = places[choose(c, COUNT(places))];
    SAY(s->place, ".");
    if (choose_chance(c, 50)) {
        s->friend = &people[choose_but(c, COUNT(people), hero)];
        SAY(s->friend->name, "came too .");
    }
    if (choose_chance(c, 40)) { /* it; otherwise she or he */
        SAY("it was");
        size_t weather = choose(c, COUNT(weathers));
        SAY(weathers[weather].is, ", so", s->hero->she, "put on", s->hero->her, weathers[weather].worn, ".");
    }
}

static void tell_finding(Choices *c, Line *l, Story *s)
{
    SAY(s->hero->she, "saw a");
    s->colour = colours[choose(c, COUNT(colours))];
    SAY(s->colour);
    s->thing = things[choose(c, COUNT(things))];
    SAY(s->thing);
    s->side = sides[choose(c, COUNT(sides))];
    SAY(s->side, "the");
    s->spot = spots[choose(c, COUNT(spots))];
    SAY(s->spot, ".", s->hero->she);
    /* took, did not take, or gave it to the friend */
    static const Fate fates[] = {KEPT, LEFT, GIVEN};
    s->fate = fates[choose_weighted(c, (int[]){50, 25, s->friend ? 25 : 0}, 3)];
    if (s->fate == KEPT)
        SAY("took the", s->colour, s->thing, ".");
    else if (s->fate == LEFT)
        SAY("did not take the", s->colour, s->thing, ".");
    else
        SAY("gave the", s->colour, s->thing, "to", s->friend->name, ".");
}

/* On the way home; always told, so that the second place is there to be confused with the first. */
static void tell_way(Choices *c, Line *l, Story *s)
{
    size_t first = 0;
    while (places[first] != s->place)
        first++;
    SAY("then", s->hero->she, "went to the");
    s->second_place = places[choose_but(c, COUNT(places), first)];
    SAY(s->second_place);
    if (s->fate == KEPT && choose_chance(c, 40)) { /* and, or the end of the sentence */
        s->fate = LOST;
        SAY("and lost the", s->colour, s->thing, "there");
    }
    SAY(".");
}

static void tell_evening(Choices *c, Line *l, const Story *s)
{
    SAY("in the evening", s->hero->her);
    SAY(parents[choose(c, COUNT(parents))], "asked : where is");
    say_thing(l, s);
    SAY("?", s->hero->name, "said :");
    switch (s->fate) {
    case KEPT:
        SAY("it is in my bag .", s->hero->name, "was happy .");
        break;
    case LEFT:
        SAY("it is at the", s->place, s->side, "the", s->spot, ".");
        break;
    case GIVEN:
        SAY(s->friend->name, "has it .");
        break;
    case LOST:
        SAY("it is at the", s->second_place, ".", s->hero->name, "was sad .");
        break;
    }
}

static void tell_end(Choices *c, Line *l, const Story *s)
{
    SAY("the");
    if ((s->fate == LEFT || s->fate == LOST) && choose_chance(c, 60)) { /* next day, or end */
        SAY("next day", s->hero->she, "went back to the", s->fate == LEFT ? s->place : s->second_place, "and found");
        say_thing(l, s);
        SAY("again . the");
    }
    SAY("end .");
}

void story_write(Choices *c, Line *l)
{
    Story s = {0};
    l->table = words();
    l->n = 0;
    l->bad = false;
    c->line = l;
    tell_beginning(c, l, &s);
    tell_finding(c, l, &s);
    tell_way(c, l, &s);
    tell_evening(c, l, &s);
    tell_end(c, l, &s);
}

/* ---- the task ---- */

static int draw(Random *r, TaskSplit split, int difficulty, TaskExample *out, Error *e)
{
    static const int bos = BOS, eos = EOS;
    Choices c;
    Line l;
    task_example_clear(out);
    if (difficulty != 0)
        return error_set(e, "story: expected a difficulty of 0 (there is only one), found %d", difficulty);
    do {
        choices_begin(&c, r);
        story_write(&c, &l);
        if (l.bad || c.dead)
            return error_set(e, "story: expected words of its vocabulary, found another");
    } while (task_split(l.ids, l.n, HELD_OUT_ONE_IN) != split);
    if (ids_add(&out->input, bos, e) != 0 || task_add(&out->input, l.ids, l.n, e) != 0)
        return -1;
    return task_add(&out->targets, l.ids, l.n, e) != 0 ? -1 : ids_add(&out->targets, eos, e);
}

/* The mean of -log p over many stories, each the sum over its choices, for each of their words and their end, which follows from the rest.
 * The error of so many is less than one part in a thousand. */
static double entropy(void)
{
    enum { STORIES = 20000 };
    Random r = random_seeded(1);
    double nats = 0, counted = 0;
    for (int i = 0; i < STORIES; i++) {
        Choices c;
        Line l;
        choices_begin(&c, &r);
        story_write(&c, &l);
        nats += c.nats;
        counted += (double)l.n + 1;
    }
    return nats / counted;
}

static void write_vocabulary(Buffer *out)
{
    words_write(words(), out);
}

static int configure(Config *c, Error *e)
{
    static const int special[TOKEN_COUNT] = {[TOKEN_BOS] = BOS, [TOKEN_EOS] = EOS, [TOKEN_PAD] = PAD, [TOKEN_MASK] = -1, [TOKEN_UNK] = -1};
    return task_configure(c, KIND_DECODER, (size_t)words()->count, SPLIT_WORDS, special,
                          "one day Lily went to the park . she saw a red ball under the tree . she took the red ball .", e);
}

const Task task_story = {
    .name = "story",
    .what = N_("small stories with names, places and things to be remembered"),
    .score = TASK_SCORE_PERPLEXITY,
    .vocabulary = write_vocabulary,
    .configure = configure,
    .draw = draw,
    .entropy = entropy,
};
