/* task_zh_en_lexicon.c - the words of the translator's two languages.
 *
 * Owns the tables. Knows no grammar. To add a word: a row in its table; the vocabulary follows. No word may be read into the end of one
 * Chinese word and the beginning of the next, where the longest match would find it first (the tests look for that). */
#include "train/task_zh_en.h"

#include <pthread.h>

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* ---- nouns ---- */

static const Measure ge = {"个", NULL, NULL}, ben = {"本", NULL, NULL}, zhang = {"张", NULL, NULL}, zhi = {"只", NULL, NULL},
                     tiao = {"条", NULL, NULL}, pi = {"匹", NULL, NULL}, tou = {"头", NULL, NULL}, wei = {"位", NULL, NULL},
                     feng = {"封", NULL, NULL}, bu = {"部", NULL, NULL}, tai = {"台", NULL, NULL}, liang = {"辆", NULL, NULL},
                     jian = {"件", NULL, NULL}, ba = {"把", NULL, NULL}, pen = {"支", NULL, NULL}, duo = {"朵", NULL, NULL},
                     shan = {"扇", NULL, NULL}, bei = {"杯", "cup", "cups"}, ping = {"瓶", "bottle", "bottles"},
                     wan = {"碗", "bowl", "bowls"}, kuai = {"块", "piece", "pieces"};

const Noun zh_en_nouns[] = {
    {"人", {&ge}, "man", "people", PERSON | FREE},
    {"学生", {&ge, &wei}, "student", "students", PERSON | JOB},
    {"老师", {&wei, &ge}, "teacher", "teachers", PERSON | JOB},
    {"医生", {&wei, &ge}, "doctor", "doctors", PERSON | JOB},
    {"工程师", {&wei, &ge}, "engineer", "engineers", PERSON | JOB},
    {"孩子", {&ge}, "child", "children", PERSON},
    {"男孩", {&ge}, "boy", "boys", PERSON | FREE},
    {"女孩", {&ge}, "girl", "girls", PERSON | FREE},
    {"朋友", {&ge, &wei}, "friend", "friends", PERSON},
    {"妈妈", {NULL}, "mother", NULL, KIN},
    {"爸爸", {NULL}, "father", NULL, KIN},
    {"哥哥", {NULL}, "brother", NULL, KIN},
    {"姐姐", {NULL}, "sister", NULL, KIN},
    {"狗", {&zhi, &tiao}, "dog", "dogs", ANIMAL | DRAW},
    {"猫", {&zhi}, "cat", "cats", ANIMAL | DRAW},
    {"鸟", {&zhi}, "bird", "birds", ANIMAL | DRAW},
    {"马", {&pi}, "horse", "horses", ANIMAL | DRAW | RIDE},
    {"牛", {&tou}, "cow", "cows", ANIMAL | DRAW},
    {"老虎", {&zhi}, "tiger", "tigers", ANIMAL | DRAW},
    {"大象", {&tou}, "elephant", "elephants", ANIMAL | DRAW},
    {"老鼠", {&zhi}, "mouse", "mice", ANIMAL | DRAW},
    {"苹果", {&ge}, "apple", "apples", FOOD | GOODS | WASH | SMALL | DRAW | SOLID},
    {"橙子", {&ge}, "orange", "oranges", FOOD | GOODS | WASH | SMALL | SOLID},
    {"鸡蛋", {&ge}, "egg", "eggs", FOOD | GOODS | WASH | SMALL | SOLID},
    {"鱼", {&tiao}, "fish", "fish", FOOD | GOODS | SMALL | DRAW | SOLID},
    {"米饭", {&wan}, "rice", NULL, FOOD | SMALL},
    {"面包", {&kuai}, "bread", NULL, FOOD | GOODS | SMALL},
    {"肉", {&kuai}, "meat", NULL, FOOD | GOODS | SMALL},
    {"水", {&bei, &ping}, "water", NULL, DRINK | GOODS | SMALL},
    {"茶", {&bei}, "tea", NULL, DRINK | GOODS | SMALL},
    {"咖啡", {&bei}, "coffee", NULL, DRINK | GOODS | SMALL},
    {"牛奶", {&bei, &ping}, "milk", NULL, DRINK | GOODS | SMALL},
    {"书", {&ben}, "book", "books", READ | WRITE | GOODS | SMALL | SOLID | MADE},
    {"报纸", {&zhang}, "newspaper", "newspapers", READ | GOODS | SMALL | MADE},
    {"信", {&feng}, "letter", "letters", READ | WRITE | SMALL},
    {"电影", {&bu, &ge}, "movie", "movies", WATCH | MADE},
    {"电视", {NULL}, "TV", NULL, WATCH},
    {"手机", {&bu, &ge}, "phone", "phones", GOODS | TOOL | SMALL | SOLID | MADE},
    {"电脑", {&tai}, "computer", "computers", GOODS | TOOL | SMALL | SOLID | MADE},
    {"车", {&liang}, "car", "cars", GOODS | WASH | DRIVE | SOLID | MADE},
    {"自行车", {&liang}, "bike", "bikes", GOODS | WASH | RIDE | SOLID | MADE},
    {"衬衫", {&jian}, "shirt", "shirts", GOODS | WASH | WEAR | SOLID | MADE},
    {"裙子", {&tiao}, "dress", "dresses", GOODS | WASH | WEAR | SOLID | MADE},
    {"桌子", {&zhang}, "table", "tables", GOODS | WASH | SOLID | MADE},
    {"椅子", {&ba}, "chair", "chairs", GOODS | WASH | SOLID | MADE},
    {"笔", {&pen}, "pen", "pens", GOODS | TOOL | SMALL | SOLID | MADE},
    {"雨伞", {&ba}, "umbrella", "umbrellas", GOODS | TOOL | SMALL | SOLID | MADE},
    {"刀", {&ba}, "knife", "knives", GOODS | TOOL | WASH | SMALL | SOLID | MADE},
    {"花", {&duo}, "flower", "flowers", GOODS | DRAW | SMALL | SOLID},
    {"照片", {&zhang}, "photo", "photos", GOODS | SMALL | MADE},
    {"箱子", {&ge}, "box", "boxes", GOODS | OPEN | SMALL | SOLID | MADE},
    {"门", {&shan}, "door", "doors", OPEN | SOLID},
    {"窗户", {&shan}, "window", "windows", OPEN | WASH | SOLID},
    {"票", {&zhang}, "ticket", "tickets", TICKET | GOODS},
    {"车票", {&zhang}, "ticket", "tickets", TICKET | GOODS},
    {"火车票", {&zhang}, "train ticket", "train tickets", TICKET | GOODS},
    {"机票", {&zhang}, "plane ticket", "plane tickets", TICKET | GOODS},
    {"钱", {NULL}, "money", NULL, MONEY},
    {"音乐", {NULL}, "music", NULL, SOUND},
    {"中文", {NULL}, "Chinese", NULL, LANGUAGE | SUBJECT},
    {"英文", {NULL}, "English", NULL, LANGUAGE | SUBJECT},
    {"数学", {NULL}, "math", NULL, SUBJECT},
};
const size_t zh_en_noun_count = COUNT(zh_en_nouns);

/* ---- verbs ---- */

const Verb zh_en_verbs[] = {
    {"爱", "love", "loves", "loved", "loving", PERSON, LIVING | KIN, VERB_STATE},
    {"喜欢", "like", "likes", "liked", "liking", LIVING, LIVING | KIN | THING | SOUND | LANGUAGE | SUBJECT, VERB_STATE},
    {"认识", "know", "knows", "knew", "knowing", PERSON, PERSON | KIN, VERB_STATE},
    {"看见", "see", "sees", "saw", "seeing", LIVING, LIVING | KIN | GOODS, VERB_SUDDEN},
    {"帮助", "help", "helps", "helped", "helping", PERSON, LIVING | KIN, 0},
    {"等", "wait for", "waits for", "waited for", "waiting for", PERSON, PERSON | KIN, 0},
    {"找", "look for", "looks for", "looked for", "looking for", LIVING, LIVING | KIN | GOODS, 0},
    {"咬", "bite", "bites", "bit", "biting", LIVING, LIVING | KIN, 0},
    {"追", "chase", "chases", "chased", "chasing", LIVING, LIVING, 0},
    {"吃", "eat", "eats", "ate", "eating", LIVING, FOOD, VERB_HANDLES | VERB_ORDER},
    {"喝", "drink", "drinks", "drank", "drinking", LIVING, DRINK, VERB_HANDLES | VERB_ORDER},
    {"看", "read", "reads", "read", "reading", PERSON, READ, VERB_WHICH | VERB_ORDER},
    {"看", "watch", "watches", "watched", "watching", PERSON, WATCH, VERB_WHICH | VERB_ORDER},
    {"写", "write", "writes", "wrote", "writing", PERSON, WRITE, VERB_FAVOUR | VERB_ORDER},
    {"买", "buy", "buys", "bought", "buying", PERSON, GOODS | TICKET, VERB_FAVOUR | VERB_ORDER},
    {"卖", "sell", "sells", "sold", "selling", PERSON, GOODS, VERB_HANDLES | VERB_ORDER},
    {"洗", "wash", "washes", "washed", "washing", PERSON, WASH, VERB_HANDLES | VERB_FAVOUR | VERB_ORDER},
    {"画", "draw", "draws", "drew", "drawing", PERSON, DRAW, VERB_FAVOUR | VERB_ORDER},
    {"用", "use", "uses", "used", "using", PERSON, TOOL, VERB_ORDER},
    {"打开", "open", "opens", "opened", "opening", PERSON, OPEN, VERB_HANDLES | VERB_FAVOUR | VERB_ORDER},
    {"关上", "close", "closes", "closed", "closing", PERSON, OPEN, VERB_HANDLES | VERB_ORDER},
    {"骑", "ride", "rides", "rode", "riding", PERSON, RIDE, VERB_ORDER},
    {"开", "drive", "drives", "drove", "driving", PERSON, DRIVE, VERB_ORDER},
    {"穿", "wear", "wears", "wore", "wearing", PERSON, WEAR, VERB_ORDER},
    {"听", "listen to", "listens to", "listened to", "listening to", LIVING, SOUND, 0},
    {"说", "speak", "speaks", "spoke", "speaking", PERSON, LANGUAGE, 0},
    {"学习", "study", "studies", "studied", "studying", PERSON, SUBJECT, 0},
    {"睡觉", "sleep", "sleeps", "slept", "sleeping", LIVING, 0, 0},
    {"工作", "work", "works", "worked", "working", PERSON, 0, 0},
    {"跑步", "run", "runs", "ran", "running", LIVING, 0, 0},
    {"游泳", "swim", "swims", "swam", "swimming", LIVING, 0, 0},
    {"唱歌", "sing", "sings", "sang", "singing", PERSON, 0, 0},
    {"跳舞", "dance", "dances", "danced", "dancing", PERSON, 0, 0},
    {"哭", "cry", "cries", "cried", "crying", PERSON, 0, 0},
    {"笑", "laugh", "laughs", "laughed", "laughing", PERSON, 0, 0},
};
const size_t zh_en_verb_count = COUNT(zh_en_verbs);

const Verb zh_en_motions[2] = {
    {"去", "go", "goes", "went", "going", PERSON, 0, VERB_SUDDEN},
    {"来", "come", "comes", "came", "coming", PERSON, 0, VERB_SUDDEN},
};
const Verb zh_en_have = {"有", "have", "has", "had", "having", PERSON, 0, VERB_STATE};
const Verb zh_en_give = {"给", "give", "gives", "gave", "giving", PERSON, 0, VERB_SUDDEN};
const Verb zh_en_live = {"住", "live", "lives", "lived", "living", PERSON, 0, VERB_STATE};
const Verb zh_en_want = {"想", "want", "wants", "wanted", "wanting", PERSON, 0, VERB_STATE};
const Verb zh_en_do = {"", "do", "does", "did", "doing", 0, 0, 0};

/* ---- the others ---- */

const Pronoun zh_en_pronouns[] = {
    {"我", "I", "me", "my", 1, false, PERSON},       {"你", "you", "you", "your", 2, false, PERSON},
    {"他", "he", "him", "his", 3, false, PERSON},    {"她", "she", "her", "her", 3, false, PERSON},
    {"它", "it", "it", NULL, 3, false, ANIMAL},      {"我们", "we", "us", "our", 1, true, PERSON},
    {"你们", "you", "you", "your", 2, true, PERSON}, {"他们", "they", "them", "their", 3, true, PERSON},
};
const size_t zh_en_pronoun_count = COUNT(zh_en_pronouns);

const Pair zh_en_names[] = {
    {"小明", "Xiaoming"}, {"小红", "Xiaohong"}, {"汤姆", "Tom"}, {"玛丽", "Mary"}, {"约翰", "John"}, {"安娜", "Anna"},
};
const size_t zh_en_name_count = COUNT(zh_en_names);

const Adjective zh_en_adjectives[] = {
    {"大", "big", ANIMAL | SOLID, ANIMAL | SOLID, false},
    {"小", "small", ANIMAL | SOLID, ANIMAL | SOLID, false},
    {"新", "new", MADE, MADE, false},
    {"旧", "old", MADE, MADE, false},
    {"好", "good", PERSON | GOODS | READ | WATCH, PERSON | KIN | GOODS | READ | WATCH, false},
    {"红", "red", SOLID, SOLID, false},
    {"白", "white", ANIMAL | SOLID, ANIMAL | SOLID, false},
    {"黑", "black", ANIMAL | SOLID, ANIMAL | SOLID, false},
    {"热", "hot", DRINK, DRINK, false},
    {"冷", "cold", DRINK, DRINK, false},
    {"贵", "expensive", GOODS, GOODS, true},
    {"便宜", "cheap", GOODS, GOODS, true},
    {"漂亮", "beautiful", LIVING | SOLID, LIVING | KIN | SOLID, true},
    {"有趣", "interesting", PERSON | READ | WATCH, PERSON | KIN | READ | WATCH, true},
    {"聪明", "clever", LIVING, LIVING | KIN, true},
    {"高", "tall", PERSON, PERSON | KIN, false},
    {"高兴", "happy", PERSON, PERSON | KIN, true},
    {"累", "tired", PERSON, LIVING | KIN, true},
    {"忙", "busy", PERSON, PERSON | KIN, true},
    {"饿", "hungry", LIVING, LIVING | KIN, true},
};
const size_t zh_en_adjective_count = COUNT(zh_en_adjectives);

const Place zh_en_places[] = {
    {"北京", "in Beijing", "to Beijing", false, true, "Beijing"},
    {"上海", "in Shanghai", "to Shanghai", false, true, "Shanghai"},
    {"广州", "in Guangzhou", "to Guangzhou", false, true, "Guangzhou"},
    {"南京", "in Nanjing", "to Nanjing", false, true, "Nanjing"},
    {"东京", "in Tokyo", "to Tokyo", false, true, "Tokyo"},
    {"巴黎", "in Paris", "to Paris", false, true, "Paris"},
    {"伦敦", "in London", "to London", false, true, "London"},
    {"中国", "in China", "to China", false, false, NULL},
    {"美国", "in America", "to America", false, false, NULL},
    {"学校", "at school", "to school", false, false, NULL},
    {"家", "at home", NULL, false, false, NULL},
    {"公园", "in the park", "to the park", true, false, NULL},
    {"图书馆", "in the library", "to the library", true, false, NULL},
    {"商店", "in the shop", "to the shop", true, false, NULL},
    {"医院", "in the hospital", "to the hospital", true, false, NULL},
    {"办公室", "in the office", "to the office", true, false, NULL},
    {"车站", "at the station", "to the station", false, false, NULL},
    {"机场", "at the airport", "to the airport", false, false, NULL},
};
const size_t zh_en_place_count = COUNT(zh_en_places);

const Spot zh_en_spots[] = {
    {"桌子 上", "on the table"},  {"椅子 上", "on the chair"}, {"床 上", "on the bed"},   {"桌子 下面", "under the table"},
    {"床 下面", "under the bed"}, {"房间 里", "in the room"},  {"箱子 里", "in the box"}, {"车 里", "in the car"},
};
const size_t zh_en_spot_count = COUNT(zh_en_spots);

#define IN(tense) (1u << (tense))
const Time zh_en_times[] = {
    {"昨天", "yesterday", IN(PAST), false},
    {"昨天 晚上", "yesterday evening", IN(PAST), false},
    {"去年", "last year", IN(PAST), false},
    {"今天", "today", IN(PAST) | IN(FUTURE) | IN(WANTED) | IN(ABLE), false},
    {"明天", "tomorrow", IN(FUTURE) | IN(WANTED) | IN(ABLE), true},
    {"明天 早上", "tomorrow morning", IN(FUTURE) | IN(WANTED) | IN(ABLE), true},
    {"明年", "next year", IN(FUTURE) | IN(WANTED), true},
    {"现在", "now", IN(ONGOING), false},
    {"每天", "every day", IN(PRESENT), false},
    {"每天 早上", "every morning", IN(PRESENT), false},
    {"每天 晚上", "every evening", IN(PRESENT), false},
};
const size_t zh_en_time_count = COUNT(zh_en_times);

const Pair zh_en_numbers[] = {
    {"一", "a"}, {"两", "two"}, {"三", "three"}, {"四", "four"}, {"五", "five"}, {"十", "ten"},
};
const size_t zh_en_number_count = COUNT(zh_en_numbers);

const Pair zh_en_vehicles[] = {
    {"火车", "by train"},
    {"飞机", "by plane"},
    {"公共汽车", "by bus"},
    {"船", "by boat"},
};
const size_t zh_en_vehicle_count = COUNT(zh_en_vehicles);

/* ---- the vocabulary ---- */

static WordTable table;

static void add_measures(const Noun *n)
{
    for (size_t i = 0; i < COUNT(n->measures) && n->measures[i]; i++)
        words_add(&table, n->measures[i]->zh);
}

static void add_chinese(void)
{
    for (size_t i = 0; i < COUNT(zh_en_pronouns); i++)
        words_add(&table, zh_en_pronouns[i].zh);
    words_add(
        &table,
        "谁 什么 哪里 为什么 这 那 这些 那些 很多 的 了 不 没 会 将 能 可以 想 正在 常常 是 有 在 给 跟 从 到 去 来 坐 住 把 很 非常 和 "
        "但是 请 别 吗 里 ， 。 ？");
    for (size_t i = 0; i < COUNT(zh_en_names); i++)
        words_add(&table, zh_en_names[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_numbers); i++)
        words_add(&table, zh_en_numbers[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_nouns); i++)
        add_measures(&zh_en_nouns[i]);
    for (size_t i = 0; i < COUNT(zh_en_nouns); i++)
        words_add(&table, zh_en_nouns[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_verbs); i++)
        words_add(&table, zh_en_verbs[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_adjectives); i++)
        words_add(&table, zh_en_adjectives[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_places); i++)
        words_add(&table, zh_en_places[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_spots); i++)
        words_add(&table, zh_en_spots[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_times); i++)
        words_add(&table, zh_en_times[i].zh);
    for (size_t i = 0; i < COUNT(zh_en_vehicles); i++)
        words_add(&table, zh_en_vehicles[i].zh);
}

static void add_verb(const Verb *v)
{
    words_add(&table, v->base);
    words_add(&table, v->third);
    if (!(v->flags & VERB_STATE))
        words_add(&table, v->past);
    if (!(v->flags & (VERB_STATE | VERB_SUDDEN)))
        words_add(&table, v->ing);
}

static void add_english(void)
{
    for (size_t i = 0; i < COUNT(zh_en_pronouns); i++) {
        words_add(&table, zh_en_pronouns[i].subject);
        words_add(&table, zh_en_pronouns[i].object);
        if (zh_en_pronouns[i].owner)
            words_add(&table, zh_en_pronouns[i].owner);
    }
    words_add(&table,
              "who what where why am is are will can cannot not often a an the this that these those many of there no to for with from "
              "please and but very 's ?");
    for (size_t i = 0; i < COUNT(zh_en_names); i++)
        words_add(&table, zh_en_names[i].en);
    for (size_t i = 0; i < COUNT(zh_en_numbers); i++)
        words_add(&table, zh_en_numbers[i].en);
    for (size_t i = 0; i < COUNT(zh_en_nouns); i++) {
        const Noun *n = &zh_en_nouns[i];
        words_add(&table, n->one);
        if (n->many)
            words_add(&table, n->many);
        for (size_t k = 0; k < COUNT(n->measures) && n->measures[k] && n->measures[k]->one; k++) {
            words_add(&table, n->measures[k]->one);
            words_add(&table, n->measures[k]->many);
        }
    }
    for (size_t i = 0; i < COUNT(zh_en_verbs); i++)
        add_verb(&zh_en_verbs[i]);
    for (size_t i = 0; i < COUNT(zh_en_motions); i++)
        add_verb(&zh_en_motions[i]);
    add_verb(&zh_en_have);
    add_verb(&zh_en_give);
    add_verb(&zh_en_live);
    add_verb(&zh_en_want);
    words_add(&table, "do does did");
    for (size_t i = 0; i < COUNT(zh_en_adjectives); i++)
        words_add(&table, zh_en_adjectives[i].en);
    for (size_t i = 0; i < COUNT(zh_en_places); i++)
        words_add(&table, zh_en_places[i].at);
    for (size_t i = 0; i < COUNT(zh_en_spots); i++)
        words_add(&table, zh_en_spots[i].en);
    for (size_t i = 0; i < COUNT(zh_en_times); i++)
        words_add(&table, zh_en_times[i].en);
    for (size_t i = 0; i < COUNT(zh_en_vehicles); i++)
        words_add(&table, zh_en_vehicles[i].en);
}

static void build(void)
{
    words_add(&table, "<pad> <s> </s>");
    add_chinese();
    add_english();
}

const WordTable *zh_en_words(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, build);
    return &table;
}
