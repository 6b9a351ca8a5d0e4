/* pipeline_rules_json.c - tokenizer.json's normalizer and pre_tokenizer, taken apart into rules.
 *
 * A type that is not here is refused by its name: ids that only look right would be worse. To add one: a case here, and where it needs a new
 * rule, that in rule.h. */
#include "model/pipeline_json.h"

#include "model/nearest.h"

#include <stdlib.h>
#include <string.h>

static const char SPACE[] = "\xe2\x96\x81"; /* ▁, which SentencePiece writes for a space */

/* A copy of the n bytes and a NUL; NULL with e set. */
static char *copy(const char *s, size_t n, Error *e)
{
    char *c = malloc(n + 1);
    if (!c) {
        error_memory(e, "tokenizer");
        return NULL;
    }
    memcpy(c, s, n);
    c[n] = '\0';
    return c;
}

static int add_simple(Rules *out, RuleKind kind, const char *type, Error *e)
{
    return rules_add(out, (Rule){.kind = kind, .type = type}, e);
}

/* A rule with a pattern, which is NULL where making it failed. */
static int add_pattern(Rules *out, Rule rule, Pattern *pattern, Error *e)
{
    if (!pattern) {
        free(rule.text);
        return -1;
    }
    rule.pattern = pattern;
    return rules_add(out, rule, e);
}

static int add_prepend(Rules *out, const char *type, const char *text, size_t n, bool unless, bool first, Error *e)
{
    char *c = copy(text, n, e);
    return c ? rules_add(out, (Rule){.kind = RULE_PREPEND, .type = type, .text = c, .len = n, .unless = unless, .first = first}, e) : -1;
}

/* "pattern": {"String": "…"} or {"Regex": "…"} */
static Pattern *read_pattern(const Node *n, Error *e)
{
    Node p = node_field(n, "pattern");
    const char *text = NULL;
    size_t len = 0;
    char place[NODE_PLACE];
    if (json_is_string(p.json))
        return pattern_regex(json_string_value(p.json), json_string_length(p.json), node_place(&p, place), e);
    if (!json_is_object(p.json) || (!node_has(&p, "String") && !node_has(&p, "Regex"))) {
        node_expected(&p, "{\"String\": …} or {\"Regex\": …}", e);
        return NULL;
    }
    if (node_text(&p, node_has(&p, "Regex") ? "Regex" : "String", &text, &len, e) != 0)
        return NULL;
    if (len == 0) {
        error_set(e, "%s: expected a pattern, found an empty one", node_place(&p, place));
        return NULL;
    }
    return node_has(&p, "Regex") ? pattern_regex(text, len, node_place(&p, place), e) : pattern_text(text, len, e);
}

/* {"type": "Sequence", NAME: […]} */
static int read_sequence(const Node *n, const char *name, int (*read)(const Node *, Rules *, int, Error *), Rules *out, int depth, Error *e)
{
    Node list = node_field(n, name);
    char place[NODE_PLACE];
    if (!json_is_array(list.json))
        return node_expected(&list, "an array", e);
    if (depth == JSON_MAX_DEPTH)
        return error_set(e, "%s: expected sequences at most %d deep, found a deeper one", node_place(n, place), JSON_MAX_DEPTH);
    for (size_t i = 0; i < json_array_size(list.json); i++) {
        Node item = node_item(&list, i);
        if (read(&item, out, depth + 1, e) != 0)
            return -1;
    }
    node_finish(n, (const char *const[]){name, NULL});
    return out->count > 256 ? error_set(e, "%s: expected at most 256 rules, found more", node_place(n, place)) : 0;
}

/* ---- normalizers ---- */

static int read_bert(const Node *n, Rules *out, Error *e)
{
    static const char type[] = "BertNormalizer";
    bool clean = true, chinese = true, lower = true, strip;
    if (node_bool(n, "clean_text", &clean, e) != 0 || node_bool(n, "handle_chinese_chars", &chinese, e) != 0 || node_bool(n, "lowercase", &lower, e) != 0)
        return -1;
    strip = lower; /* as BERT does */
    if (node_bool(n, "strip_accents", &strip, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"clean_text", "handle_chinese_chars", "lowercase", "strip_accents", NULL});
    if (clean && add_simple(out, RULE_CLEAN, type, e) != 0)
        return -1;
    if (chinese && add_simple(out, RULE_CHINESE, type, e) != 0)
        return -1;
    if (strip && (add_simple(out, RULE_NFD, type, e) != 0 ||
                  add_pattern(out, (Rule){.kind = RULE_REMOVE, .type = type}, pattern_class(char_is_nonspacing, e), e) != 0))
        return -1;
    return lower ? add_simple(out, RULE_LOWERCASE, type, e) : 0;
}

static int read_charsmap(const Node *n, Rules *out, Error *e)
{
    const char *text = NULL;
    size_t len = 0;
    char place[NODE_PLACE];
    if (node_text(n, "precompiled_charsmap", &text, &len, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"precompiled_charsmap", NULL});
    if (len == 0) /* an empty one changes nothing */
        return 0;
    Charsmap *m = charsmap_read(text, len, node_place(n, place), e);
    return m ? rules_add(out, (Rule){.kind = RULE_CHARSMAP, .type = "Precompiled", .map = m}, e) : -1;
}

static int read_replace(const Node *n, Rules *out, Error *e)
{
    const char *text = "";
    size_t len = 0;
    if (node_text(n, "content", &text, &len, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"pattern", "content", NULL});
    char *c = copy(text, len, e);
    return c ? add_pattern(out, (Rule){.kind = RULE_REPLACE, .type = "Replace", .text = c, .len = len}, read_pattern(n, e), e) : -1;
}

int read_normalizer(const Node *n, Rules *out, int depth, Error *e)
{
    static const char *const none[] = {NULL};
    static const struct {
        const char *type;
        RuleKind kind;
    } simple[] = {{"NFC", RULE_NFC},   {"NFD", RULE_NFD},   {"NFKC", RULE_NFKC},         {"NFKD", RULE_NFKD},
                  {"Nmt", RULE_NMT},   {"ByteLevel", RULE_BYTES}, {"Lowercase", RULE_LOWERCASE}};
    if (!n->json || json_is_null(n->json))
        return 0;
    const char *type = node_type(n, "a normalizer or null", e);
    if (!type)
        return -1;
    for (size_t i = 0; i < sizeof simple / sizeof *simple; i++)
        if (strcmp(type, simple[i].type) == 0) {
            node_finish(n, none);
            return add_simple(out, simple[i].kind, simple[i].type, e);
        }
    if (strcmp(type, "Sequence") == 0)
        return read_sequence(n, "normalizers", read_normalizer, out, depth, e);
    if (strcmp(type, "BertNormalizer") == 0)
        return read_bert(n, out, e);
    if (strcmp(type, "Precompiled") == 0)
        return read_charsmap(n, out, e);
    if (strcmp(type, "Replace") == 0)
        return read_replace(n, out, e);
    if (strcmp(type, "StripAccents") == 0) {
        node_finish(n, none);
        return add_pattern(out, (Rule){.kind = RULE_REMOVE, .type = "StripAccents"}, pattern_class(char_is_mark, e), e);
    }
    if (strcmp(type, "Strip") == 0) {
        Rule strip = {.kind = RULE_STRIP, .type = "Strip", .left = true, .right = true};
        if (node_bool(n, "strip_left", &strip.left, e) != 0 || node_bool(n, "strip_right", &strip.right, e) != 0)
            return -1;
        node_finish(n, (const char *const[]){"strip_left", "strip_right", NULL});
        return rules_add(out, strip, e);
    }
    if (strcmp(type, "Prepend") == 0) {
        const char *text = SPACE;
        size_t len = sizeof SPACE - 1;
        if (node_text(n, "prepend", &text, &len, e) != 0)
            return -1;
        node_finish(n, (const char *const[]){"prepend", NULL});
        return add_prepend(out, "Prepend", text, len, false, false, e);
    }
    return node_refuse(n, type,
                       "NFC, NFD, NFKC, NFKD, Nmt, Lowercase, StripAccents, Strip, Replace, Prepend, Precompiled, BertNormalizer, ByteLevel, Sequence",
                       e);
}

/* ---- pre-tokenizers ---- */

static int add_class(Rules *out, const char *type, bool (*is)(int32_t), SplitHow how, Error *e)
{
    return add_pattern(out, (Rule){.kind = RULE_SPLIT, .type = type, .how = how}, pattern_class(is, e), e);
}

static int read_byte_level(const Node *n, Rules *out, Error *e)
{
    static const char type[] = "ByteLevel";
    bool prefix = true, regex = true, trim = true;
    char place[NODE_PLACE];
    if (node_bool(n, "add_prefix_space", &prefix, e) != 0 || node_bool(n, "use_regex", &regex, e) != 0 || node_bool(n, "trim_offsets", &trim, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"add_prefix_space", "use_regex", "trim_offsets", NULL});
    if (prefix && add_prepend(out, type, " ", 1, true, false, e) != 0)
        return -1;
    if (regex && add_pattern(out, (Rule){.kind = RULE_SPLIT, .type = type, .how = SPLIT_ISOLATED},
                             pattern_regex(PATTERN_GPT2, strlen(PATTERN_GPT2), node_place(n, place), e), e) != 0)
        return -1;
    return add_simple(out, RULE_BYTES, type, e);
}

static int read_how(const Node *n, SplitHow *how, Error *e)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
    Node f = node_field(n, "behavior");
    const char *name = json_string_value(f.json);
    for (int i = 0; name && i < 5; i++)
        if (strcmp(name, names[i]) == 0) {
            *how = (SplitHow)i;
            return 0;
        }
    return node_expected(&f, "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous", e);
}

static int read_split(const Node *n, Rules *out, Error *e)
{
    Rule rule = {.kind = RULE_SPLIT, .type = "Split"};
    if (read_how(n, &rule.how, e) != 0 || node_bool(n, "invert", &rule.invert, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"pattern", "behavior", "invert", NULL});
    return add_pattern(out, rule, read_pattern(n, e), e);
}

static int read_metaspace(const Node *n, Rules *out, Error *e)
{
    static const char type[] = "Metaspace";
    const char *mark = SPACE, *scheme = NULL;
    size_t len = sizeof SPACE - 1, scheme_len = 0;
    bool prefix = true, split = true;
    char place[NODE_PLACE];
    if (node_text(n, "replacement", &mark, &len, e) != 0 || node_text(n, "prepend_scheme", &scheme, &scheme_len, e) != 0 ||
        node_bool(n, "add_prefix_space", &prefix, e) != 0 || node_bool(n, "split", &split, e) != 0)
        return -1;
    node_finish(n, (const char *const[]){"replacement", "prepend_scheme", "add_prefix_space", "split", "str_rep", NULL});
    if (!scheme)
        scheme = prefix ? "always" : "never";
    bool never = strcmp(scheme, "never") == 0, first = strcmp(scheme, "first") == 0;
    if (!never && !first && strcmp(scheme, "always") != 0) {
        Node f = node_field(n, "prepend_scheme");
        return node_expected(&f, "always, first or never", e);
    }
    if (len == 0)
        return error_set(e, "%s: replacement: expected a character, found none", node_place(n, place));
    char *c = copy(mark, len, e);
    if (!c || add_pattern(out, (Rule){.kind = RULE_REPLACE, .type = type, .text = c, .len = len}, pattern_text(" ", 1, e), e) != 0)
        return -1;
    if (!never && add_prepend(out, type, mark, len, true, first, e) != 0)
        return -1;
    return split ? add_pattern(out, (Rule){.kind = RULE_SPLIT, .type = type, .how = SPLIT_WITH_NEXT}, pattern_text(mark, len, e), e) : 0;
}

int read_pre_tokenizer(const Node *n, Rules *out, int depth, Error *e)
{
    static const char *const none[] = {NULL};
    char place[NODE_PLACE];
    if (!n->json || json_is_null(n->json))
        return 0;
    const char *type = node_type(n, "a pre-tokenizer or null", e);
    if (!type)
        return -1;
    if (strcmp(type, "Sequence") == 0)
        return read_sequence(n, "pretokenizers", read_pre_tokenizer, out, depth, e);
    if (strcmp(type, "ByteLevel") == 0)
        return read_byte_level(n, out, e);
    if (strcmp(type, "Split") == 0)
        return read_split(n, out, e);
    if (strcmp(type, "Metaspace") == 0)
        return read_metaspace(n, out, e);
    if (strcmp(type, "Digits") == 0) {
        bool each = false;
        if (node_bool(n, "individual_digits", &each, e) != 0)
            return -1;
        node_finish(n, (const char *const[]){"individual_digits", NULL});
        return add_class(out, "Digits", char_is_numeric, each ? SPLIT_ISOLATED : SPLIT_CONTIGUOUS, e);
    }
    if (strcmp(type, "Punctuation") == 0) {
        SplitHow how = SPLIT_ISOLATED;
        if (node_has(n, "behavior") && read_how(n, &how, e) != 0)
            return -1;
        node_finish(n, (const char *const[]){"behavior", NULL});
        return add_class(out, "Punctuation", char_is_punctuation, how, e);
    }
    if (strcmp(type, "CharDelimiterSplit") == 0) {
        const char *mark = NULL;
        size_t len = 0;
        if (node_text(n, "delimiter", &mark, &len, e) != 0)
            return -1;
        node_finish(n, (const char *const[]){"delimiter", NULL});
        if (len == 0)
            return error_set(e, "%s: delimiter: expected a character, found none", node_place(n, place));
        return add_pattern(out, (Rule){.kind = RULE_SPLIT, .type = "CharDelimiterSplit", .how = SPLIT_REMOVED}, pattern_text(mark, len, e), e);
    }
    node_finish(n, none);
    if (strcmp(type, "WhitespaceSplit") == 0)
        return add_class(out, "WhitespaceSplit", char_is_space, SPLIT_REMOVED, e);
    if (strcmp(type, "BertPreTokenizer") == 0)
        return add_class(out, "BertPreTokenizer", char_is_space, SPLIT_REMOVED, e) == 0
                   ? add_class(out, "BertPreTokenizer", char_is_punctuation, SPLIT_ISOLATED, e)
                   : -1;
    if (strcmp(type, "Whitespace") == 0)
        return add_pattern(out, (Rule){.kind = RULE_SPLIT, .type = "Whitespace", .how = SPLIT_REMOVED, .invert = true},
                           pattern_regex("\\w+|[^\\w\\s]+", 12, node_place(n, place), e), e);
    return node_refuse(n, type,
                       "ByteLevel, Split, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, Sequence",
                       e);
}
