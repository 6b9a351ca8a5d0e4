/* spm.h - SentencePiece's own files (source.spm, target.spm, *.model): a protocol buffer with the pieces, their scores and how a text is
 * normalised.
 *
 * Owns the reading of the format (https://github.com/google/sentencepiece, sentencepiece_model.proto). Trusts no length in it. Knows
 * nothing of what the pieces are used for. */
#ifndef MODEL_SPM_H
#define MODEL_SPM_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum SpmType { SPM_NORMAL = 1, SPM_UNKNOWN, SPM_CONTROL, SPM_USER_DEFINED, SPM_UNUSED, SPM_BYTE } SpmType;

typedef struct SpmPiece {
    const char *text; /* [len], in the file's bytes: no NUL follows */
    size_t len;
    double score; /* its log-probability */
    SpmType type;
} SpmPiece;

/* Points into the bytes it was read from: they must stay. */
typedef struct Spm {
    SpmPiece *pieces; /* [count] by id; owned */
    size_t count;
    const unsigned char *charsmap; /* [charsmap_len] the table of replacements (charsmap.h), or none */
    size_t charsmap_len;
    bool byte_fallback;  /* unknown characters become byte pieces */
    bool dummy_prefix;   /* a space in front of every text */
    bool removes_spaces; /* those at the ends, and all but one of several */
    bool escapes_spaces; /* a space becomes ▁ */
} Spm;

/* Reads a unigram model. Every piece is UTF-8 and not empty, every score is finite. Anything that is read differently elsewhere
 * (other models, spaces behind words, user-defined pieces) is an error. `file` names it in errors. */
int spm_read(Spm *s, const unsigned char *bytes, size_t n, const char *file, Error *e);
void spm_free(Spm *s);

#endif
