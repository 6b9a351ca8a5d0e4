/* test_model_vocab.c - vocabularies: vocab.txt, the splits, ids as they are typed. */
#include "model/vocab.h"
#include "model_help.h"

/* A vocabulary of a config in which only these differ from the defaults. */
static Vocab *read_vocab(const char *text, size_t size, SplitKind split, const char *bos, int eos, int mask, int unk, Error *e)
{
    Config c = config_default();
    c.vocab_size = size;
    c.split = split;
    c.eos = eos;
    c.mask = mask;
    c.unk = unk;
    c.token_texts[TOKEN_BOS] = bos ? strdup(bos) : NULL;
    Vocab *v = vocab_read(text, strlen(text), &c, "v.txt", e);
    config_free(&c);
    return v;
}

static Vocab *vocab(const char *text, size_t size, SplitKind split, int unk)
{
    Error e = {{0}};
    Vocab *v = read_vocab(text, size, split, "<s>", 1, 2, unk, &e);
    cr_assert(v, "%s", e.text);
    return v;
}

#define SPECIALS "<s>\n</s>\n[M]\n"

static void encodes(const Vocab *v, const char *text, EncodeFor how, const char *expected)
{
    Ids ids = {0};
    Error e = {{0}};
    Buffer b = {0};
    cr_assert_eq(vocab_encode(v, text, how, &ids, &e), 0, "%s: %s", text, e.text);
    for (size_t i = 0; i < ids.len; i++)
        buffer_printf(&b, i ? " %d" : "%d", ids.data[i]);
    cr_expect_str_eq(buffer_text(&b), expected, "%s: expected %s, found %s", text, expected, buffer_text(&b));
    buffer_free(&b);
    ids_free(&ids);
}

static void refuses(const Vocab *v, const char *text, const char *part)
{
    Ids ids = {0};
    Error e = {{0}};
    cr_assert_eq(ids_add(&ids, 99, &e), 0);
    cr_assert_eq(vocab_encode(v, text, ENCODE_ENCODER, &ids, &e), -1, "%s", text);
    assert_says(e, part);
    cr_assert(ids.len == 1 && ids.data[0] == 99, "ids changed by a text that was refused");
    ids_free(&ids);
}

static void decodes(const Vocab *v, const int *ids, size_t n, const char *expected)
{
    Buffer b = {0};
    vocab_decode(v, ids, n, &b);
    cr_expect_str_eq(buffer_text(&b), expected, "expected \"%s\", found \"%s\"", expected, buffer_text(&b));
    buffer_free(&b);
}

/* ---- vocab.txt ---- */

Test(model_vocab, tokens_and_escapes)
{
    const char *text = "<s>\n</s>\n\\n\na\\tb\n\\\\\n我们";
    Vocab *v = vocab(text, 6, SPLIT_WORDS, -1);
    Buffer b = {0};
    cr_assert(vocab_size(v) == 6 && vocab_has_text(v));
    cr_assert_str_eq(vocab_token(v, 2), "\n");
    cr_assert_str_eq(vocab_token(v, 3), "a\tb");
    cr_assert_str_eq(vocab_token(v, 4), "\\");
    cr_assert_str_eq(vocab_token(v, 5), "我们");
    cr_assert_str_eq(vocab_token(v, 6), "?");
    cr_assert_str_eq(vocab_token(v, -1), "?");
    cr_assert(vocab_find(v, "\n") == 2 && vocab_find(v, "我们") == 5 && vocab_find(v, "我") == -1 && vocab_find(v, "") == -1);
    cr_assert(vocab_special(v, TOKEN_BOS) == 0 && vocab_special(v, TOKEN_EOS) == 1 && vocab_special(v, TOKEN_UNK) == -1);
    vocab_write(v, 0, &b);
    cr_assert_str_eq(buffer_text(&b), "<s>\n</s>\n\\n\na\\tb\n\\\\\n我们\n");
    buffer_free(&b);
    vocab_free(v);
}

Test(model_vocab, errors_name_the_line)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"a\nb", "v.txt: expected 3 lines, one for each of the config's vocab_size, found 2"},
        {"a\nb\nc\n\n", "found 4"},
        {"", "found 0"},
        {"a\n\nc\n", "v.txt: line 2: expected a token, found an empty line"},
        {"a\nb\na\n", "v.txt: line 3: expected a new token, found \"a\", which is line 1 too"},
        {"a\n\\n\n\\n", "line 3: expected a new token, found \"\\n\""},
        {"a\r\nb\r\nc\r\n", "line 1: expected lines that end in \\n, found a carriage return"},
        {"a\nb\\x\nc\n", "line 2: expected \\n, \\t or \\\\, found a backslash"},
        {"a\nb\nc\\", "line 3: expected \\n, \\t or \\\\"},
        {"a\nb\tb\nc", "line 2: expected no control character, found 0x09; a tab is written \\t"},
        {"a\n\x1b[2J\nc", "line 2: expected no control character, found 0x1B"},
        {"a\n\xe6\x88\nc", "line 2: expected UTF-8"},
        {"a\n\xed\xa0\x80\nc", "line 2: expected UTF-8"}, /* half of a surrogate pair */
        {"\xef\xbb\xbf"
         "a\nb\nc",
         "line 1: expected a token, found a byte order mark"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Error e = {{0}};
        cr_assert_null(read_vocab(rows[i].text, 3, SPLIT_WORDS, NULL, -1, -1, -1, &e), "%s", rows[i].text);
        assert_says(e, rows[i].part);
    }
    Error e = {{0}};
    cr_assert_null(read_vocab("<s>\nb\nc", 3, SPLIT_WORDS, "<S>", -1, -1, -1, &e));
    assert_says(e, "v.txt: expected the token \"<S>\", which config.json's tokens.bos names, found none; nearest: \"<s>\"");
}

Test(model_vocab, a_nul_is_a_control_character)
{
    Config c = config_default();
    Error e = {{0}};
    c.vocab_size = 1;
    cr_assert_null(vocab_read("a\0b\n", 4, &c, "v.txt", &e));
    assert_says(e, "line 1: expected no control character, found 0x00");
}

/* ---- words ---- */

Test(model_vocab, words)
{
    /*                        0 1 2           3   4   5 6 7  8   9     10   11 */
    Vocab *v = vocab(SPECIALS "I\nlove\nyou\n.\n!\n。\ne.g.\ndon't\n\\n\n", 12, SPLIT_WORDS, -1);
    encodes(v, "I love you", ENCODE_BARE, "3 4 5");
    encodes(v, "  I\tlove\u3000you ", ENCODE_BARE, "3 4 5");
    encodes(v, "I love you.", ENCODE_BARE, "3 4 5 6");
    encodes(v, "!I!! .love you。", ENCODE_BARE, "7 3 7 7 6 4 5 8");
    encodes(v, "e.g. don't! e.g..", ENCODE_BARE, "9 10 7 9 6");
    encodes(v, "...", ENCODE_BARE, "6 6 6");
    encodes(v, "I\nlove", ENCODE_BARE, "3 11 4");
    encodes(v, "[M] love </s>", ENCODE_BARE, "2 4 1");
    encodes(v, "", ENCODE_BARE, "");
    encodes(v, "I", ENCODE_DECODER, "0 3");
    encodes(v, "I", ENCODE_ENCODER, "3 1");
    encodes(v, "", ENCODE_DECODER, "0");
    refuses(v, "I lvoe you", "text: character 3: expected a word of this model's vocabulary, found \"lvoe\"; nearest: \"love\"");
    refuses(v, "I 爱 yuo!", "character 3: expected a word of this model's vocabulary, found \"爱\"; 'stepformer tokens -m MODEL'");
    refuses(v, "我I yuo!", "found \"我I\"");
    refuses(v, ".yuo!", "character 2: expected a word of this model's vocabulary, found \"yuo\"; nearest: \"you\"");
    refuses(v, "love,", "found \"love,\"; nearest: \"love\"");
    refuses(v, "\xff", "expected UTF-8");
    decodes(v, (int[]){0, 3, 4, 5, 6, 1, 1}, 7, "I love you .");
    decodes(v, (int[]){2, 99, -1}, 3, "[M] ? ?");
    decodes(v, NULL, 0, "");
    vocab_free(v);
}

Test(model_vocab, words_with_an_unknown_token)
{
    Vocab *v = vocab(SPECIALS "<unk>\nI\n.\n", 6, SPLIT_WORDS, 3);
    encodes(v, "I lvoe. I", ENCODE_DECODER, "0 4 3 5 4");
    decodes(v, (int[]){0, 4, 3, 5, 4}, 5, "I <unk> . I");
    vocab_free(v);
}

Test(model_vocab, an_encoder_alone_is_given_both_ends)
{
    Config c = config_default();
    Error e = {{0}};
    c.kind = KIND_ENCODER;
    c.vocab_size = 3;
    c.bos = 0;
    c.eos = 1;
    Vocab *v = vocab_read("a\nb\nc", 5, &c, "v.txt", &e);
    cr_assert(v, "%s", e.text);
    encodes(v, "c", ENCODE_ENCODER, "0 2 1");
    encodes(v, "c", ENCODE_BARE, "2");
    vocab_free(v);
}

/* ---- characters, longest match ---- */

Test(model_vocab, characters)
{
    Vocab *v = vocab(SPECIALS "3\n+\n我\n<\ns\n>\n", 9, SPLIT_CHARACTERS, -1);
    encodes(v, "3+我", ENCODE_DECODER, "0 3 4 5");
    encodes(v, "3 + 3\n", ENCODE_BARE, "3 4 3");
    encodes(v, "[M]+3", ENCODE_BARE, "2 4 3");
    encodes(v, "<s>", ENCODE_BARE, "6 7 8"); /* a text cannot forge a special token */
    refuses(v, "3我4", "text: character 3: expected a character of this model's vocabulary, found \"4\"");
    decodes(v, (int[]){0, 3, 4, 5, 1}, 5, "3+我");
    vocab_free(v);
}

Test(model_vocab, longest_match)
{
    /*                        3   4    5     6   7  8   9      10 */
    Vocab *v = vocab(SPECIALS "我\n我们\n我们爱\n爱\na\nab\nabcd\n!\n", 11, SPLIT_LONGEST_MATCH, -1);
    encodes(v, "我我们我们爱爱", ENCODE_DECODER, "0 3 4 5 6");
    encodes(v, "ab abcd aba", ENCODE_BARE, "8 9 8 7");
    encodes(v, "我[M] 爱!", ENCODE_BARE, "3 2 6 10");
    refuses(v, "我abc", "text: character 2: expected a token of this model's vocabulary, found \"abc\"; nearest: \"ab\", \"abcd\"");
    refuses(v, "我我ABCD我", "text: character 3: expected a token of this model's vocabulary, found \"ABCD\"; nearest: \"abcd\"");
    refuses(v, "我 <s>", "character 3: expected a token of this model's vocabulary, found \"<\"; nearest: \"<s>\"");
    decodes(v, (int[]){0, 3, 4, 2, 1}, 5, "我我们[M]");
    vocab_free(v);
    v = vocab(SPECIALS "a\nab\nabcd\n?\n", 7, SPLIT_LONGEST_MATCH, 6);
    encodes(v, "abc d", ENCODE_BARE, "4 6 6");
    encodes(v, "?", ENCODE_BARE, "6");
    vocab_free(v);
}

Test(model_vocab, longest_match_is_read_with_spaces)
{
    /*                        3  4   5    6  7   8  9  10 11    12 */
    Vocab *v = vocab(SPECIALS "I\nate\nTom\n's\n?\n我\n吃\n？\napple\n苹果\n", 13, SPLIT_LONGEST_MATCH, -1);
    decodes(v, (int[]){0, 3, 4, 5, 6, 11, 7, 1}, 8, "I ate Tom's apple?");
    encodes(v, "I ate Tom's apple?", ENCODE_BARE, "3 4 5 6 11 7");
    decodes(v, (int[]){8, 9, 12, 10}, 4, "我吃苹果？");
    decodes(v, (int[]){8, 9, 11, 3, 12, 7}, 6, "我吃apple I苹果?");
    decodes(v, (int[]){99, 11}, 2, "? apple");
    vocab_free(v);
}

/* A long text of long near misses takes no more than a moment. */
Test(model_vocab, longest_match_of_a_long_text, .timeout = 20)
{
    enum { LEN = 1000000 };
    Buffer tokens = {0}, text = {0};
    buffer_puts(&tokens, SPECIALS "a\n");
    buffer_fill(&tokens, 'a', 200);
    buffer_puts(&tokens, "b\n");
    buffer_fill(&text, 'a', LEN);
    Vocab *v = vocab(tokens.data, 5, SPLIT_LONGEST_MATCH, -1);
    Ids ids = {0};
    Error e;
    cr_assert_eq(vocab_encode(v, text.data, ENCODE_BARE, &ids, &e), 0);
    cr_assert_eq(ids.len, LEN);
    ids_free(&ids);
    buffer_free(&tokens);
    buffer_free(&text);
    vocab_free(v);
}

/* ---- others ---- */

Test(model_vocab, numbered)
{
    Error e = {{0}};
    Vocab *v = vocab_numbered(12, &e);
    Buffer b = {0};
    cr_assert(v && vocab_size(v) == 12 && !vocab_has_text(v));
    cr_assert_str_eq(vocab_token(v, 11), "#11");
    cr_assert_str_eq(vocab_token(v, 12), "?");
    cr_assert_eq(vocab_find(v, "#3"), 3);
    refuses(v, "#3", "text: expected ids, because this model has no vocabulary");
    decodes(v, (int[]){0, 11, 12}, 3, "#0 #11 ?");
    vocab_write(v, 0, &b);
    cr_assert_eq(b.len, 0);
    vocab_free(v);
}

/* A name is made when it is asked for, stays where it is, and is the number's. */
Test(model_vocab, names_of_many_numbers)
{
    enum { MANY = 1000003 };
    Error e = {{0}};
    Vocab *v = vocab_numbered(MANY, &e);
    cr_assert(v);
    const char *first = vocab_token(v, 17), *last = vocab_token(v, MANY - 1);
    for (int id = 0; id < 5000; id++) {
        char text[16];
        snprintf(text, sizeof text, "#%d", id);
        cr_assert_str_eq(vocab_token(v, id), text);
    }
    cr_assert(vocab_token(v, 17) == first && vocab_token(v, MANY - 1) == last);
    cr_assert_str_eq(first, "#17");
    cr_assert_str_eq(last, "#1000002");
    cr_assert_str_eq(vocab_token(v, MANY), "?");
    vocab_free(v);
}

typedef struct Found {
    char text[64];
    int left;
} Found;

static bool keep(void *context, const char *token)
{
    Found *f = context;
    strcat(strcat(f->text, token), " ");
    return --f->left > 0;
}

Test(model_vocab, completion)
{
    Vocab *v = vocab(SPECIALS "love\nlo\nlive\nloves\n爱\n", 8, SPLIT_WORDS, -1);
    Found f = {"", 9};
    vocab_complete(v, "lo", keep, &f);
    cr_assert_str_eq(f.text, "lo love loves ");
    f = (Found){"", 2};
    vocab_complete(v, "l", keep, &f);
    cr_assert_str_eq(f.text, "live lo ");
    f = (Found){"", 9};
    vocab_complete(v, "lx", keep, &f);
    cr_assert_str_eq(f.text, "");
    f = (Found){"", 9};
    vocab_complete(v, "", keep, &f);
    cr_assert_str_eq(f.text, "</s> <s> [M] live lo love loves 爱 ");
    vocab_free(v);
}

/* ---- ids ---- */

static void parses(const char *text, bool uncounted, const char *expected)
{
    Ids ids = {0};
    Error e = {{0}};
    Buffer b = {0};
    cr_assert_eq(ids_parse(&ids, text, "--ids", 23, uncounted, &e), 0, "%s: %s", text, e.text);
    for (size_t i = 0; i < ids.len; i++)
        buffer_printf(&b, i ? " %d" : "%d", ids.data[i]);
    cr_assert_str_eq(buffer_text(&b), expected);
    buffer_free(&b);
    ids_free(&ids);
}

Test(model_ids, parsed)
{
    parses("3,14,15", false, "3 14 15");
    parses(" 3 , 14 ,\t15 \n", false, "3 14 15");
    parses("", false, "");
    parses("  ", false, "");
    parses("0", false, "0");
    parses("022", false, "22");
    parses("1,-1,22", true, "1 -1 22");
}

Test(model_ids, refused)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"1,23", "--ids: number 2: expected an id from 0 to 22, found \"23\""},
        {"-1", "number 1: expected an id from 0 to 22, found \"-1\""},
        {"1,,2", "number 2: expected an id from 0 to 22, found \"\""},
        {"1,2,", "number 3"},
        {",", "number 1"},
        {"x", "found \"x\""},
        {"1 2", "found \"1 2\""},
        {"0x1", "found \"0x1\""},
        {"1.0", "found \"1.0\""},
        {"--1", "found \"--1\""},
        {"-", "found \"-\""},
        {"+1", "found \"+1\""},
        {"4294967296", "number 1"},
        {"99999999999999999999", "number 1"},
        {"000000000000000000000000000000000001", "number 1"},
        {"1;2", "number 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Ids ids = {0};
        Error e = {{0}};
        cr_assert_eq(ids_parse(&ids, rows[i].text, "--ids", 23, false, &e), -1, "%s", rows[i].text);
        assert_says(e, rows[i].part);
        cr_assert_eq(ids.len, 0);
        ids_free(&ids);
    }
    Ids ids = {0};
    Error e = {{0}};
    cr_assert_eq(ids_parse(&ids, "1,-2", "--targets", 23, true, &e), -1);
    assert_says(e, "--targets: number 2: expected an id from 0 to 22 (or -1: not counted), found \"-2\"");
    ids_free(&ids);
}
