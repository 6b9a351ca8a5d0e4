/* rule.h - the rules that change and cut a text before its pieces are looked up: what tokenizer.json calls normalizers and pre-tokenizers,
 * taken apart into simple ones.
 *
 * Owns what each rule does. Knows nothing of JSON (pipeline_rules_json.c reads it) nor of tokens. */
#ifndef MODEL_RULE_H
#define MODEL_RULE_H

#include "model/charsmap.h"
#include "model/pattern.h"
#include "model/pieces.h"

typedef enum RuleKind {
    RULE_NFC,
    RULE_NFD,
    RULE_NFKC,
    RULE_NFKD,
    RULE_LOWERCASE,
    RULE_REMOVE,   /* characters of the pattern */
    RULE_CLEAN,    /* BERT's: control characters away, white space becomes a space */
    RULE_CHINESE,  /* BERT's: spaces around each Chinese character */
    RULE_NMT,      /* SentencePiece's: the same, as it counts them */
    RULE_STRIP,    /* white space at the ends */
    RULE_REPLACE,  /* each match of the pattern by the text */
    RULE_PREPEND,  /* the text in front */
    RULE_CHARSMAP, /* SentencePiece's table */
    RULE_BYTES,    /* each byte becomes the letter that stands for it in byte-level vocabularies */
    RULE_SPLIT,    /* cuts at the matches of the pattern */
    RULE_KIND_COUNT
} RuleKind;

/* What becomes of the matches of a RULE_SPLIT. */
typedef enum SplitHow { SPLIT_REMOVED, SPLIT_ISOLATED, SPLIT_WITH_PREVIOUS, SPLIT_WITH_NEXT, SPLIT_CONTIGUOUS } SplitHow;

typedef struct Rule {
    RuleKind kind;
    const char *type; /* the type in tokenizer.json that it is, or is a part of: "BertNormalizer" */
    Pattern *pattern;
    Charsmap *map;
    char *text; /* owned */
    size_t len;
    SplitHow how;
    bool invert;      /* RULE_SPLIT: what lies between the matches counts as the matches */
    bool left, right; /* RULE_STRIP: which ends */
    bool unless;      /* RULE_PREPEND: not where the piece begins with the text */
    bool first;       /* RULE_PREPEND: only to the piece at the beginning of the text */
    bool longest;     /* RULE_CHARSMAP: the longest entry at each place, as SentencePiece has it; else tokenizer.json's way */
} Rule;

typedef struct Rules {
    Rule *items;
    size_t count;
} Rules;

void rules_free(Rules *r);
/* Adds one; takes its pattern, map and text, also where it fails. */
int rules_add(Rules *r, Rule rule, Error *e);

/* Appends to out (empty) what the rule makes of in; pieces that are added tokens stay as they are. */
int rule_apply(const Rule *r, const TextPieces *in, TextPieces *out, Error *e);
/* Appends what it does, in a few words, translated: "letters to lower case", "every \" \" becomes \"▁\"". */
void rule_say(const Rule *r, Buffer *out);

/* The letter that stands for a byte (GPT-2's bytes_to_unicode), and the byte that a letter stands for, or -1. */
int32_t byte_letter(unsigned char byte);
int letter_byte(int32_t c);

#endif
