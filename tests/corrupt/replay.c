/* replay.c - feeds bad files to every parser. No framework: what crashes here, crashes here.
 *
 *     replay                    from the top folder: tests/corrupt/expect.txt, then the seeds' mutations
 *     replay KIND FILE…         files that a fuzzer found
 *
 * A row of expect.txt must be refused with a message that has the expected part in it. A seed, a valid file of
 * tests/data/model, must be accepted; cut off at any byte it must be refused where its format has a length; with any byte
 * changed, or any four or eight of its first bytes replaced by a length that a liar would write, it may be either, and
 * parser_run and the sanitizers look on. Nothing may ask for memory beyond reason. Exit 1 after a failure. */
#include "base/buffer.h"
#include "base/file.h"
#include "parsers.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TABLE "tests/corrupt/expect.txt"

static size_t failures, tried;

static void fail(const char *place, size_t number, const char *what, const char *found)
{
    failures++;
    fprintf(stderr, "%s:%zu: %s: %s\n", place, number, what, found);
}

/* A refusal for lack of memory means that a length was believed. */
static bool blames_memory(const Error *e)
{
    return strstr(e->text, "not enough memory") || strstr(e->text, "this machine's memory");
}

/* ---- expect.txt ---- */

static void add_integer(Buffer *out, long long value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        buffer_putc(out, (char)(unsigned char)((unsigned long long)value >> (8 * i)));
}

/* Adds the bytes that the text of a row stands for. */
static void expand(Buffer *out, const char *s)
{
    while (*s) {
        int used = 0;
        size_t count;
        char c;
        long long value;
        float x;
        if (*s != '\\') {
            buffer_putc(out, *s++);
        } else if (s[1] == 'n' || s[1] == 't' || s[1] == '\\') {
            buffer_putc(out, s[1] == 'n' ? '\n' : s[1] == 't' ? '\t' : '\\');
            s += 2;
        } else if (s[1] == 'x') {
            char digits[3] = {s[2], s[2] ? s[3] : '\0', '\0'};
            buffer_putc(out, (char)(unsigned char)strtoul(digits, NULL, 16));
            s += 4;
        } else if (sscanf(s, "\\r{%zu%*1[ ]%c}%n", &count, &c, &used) == 2 && used) {
            buffer_fill(out, c, count);
            s += used;
        } else if (sscanf(s, "\\i{%lld}%n", &value, &used) == 1 && used) {
            add_integer(out, value, 4);
            s += used;
        } else if (sscanf(s, "\\q{%lld}%n", &value, &used) == 1 && used) {
            add_integer(out, value, 8);
            s += used;
        } else if (sscanf(s, "\\f{%f}%n", &x, &used) == 1 && used) {
            buffer_add(out, &x, 4);
            s += used;
        } else {
            fprintf(stderr, "unknown escape in " TABLE ": %s\n", s);
            exit(2);
        }
    }
}

/* "KIND INPUT => PART" or, for a safetensors file, "KIND N INPUT => PART" with N bytes of data behind the header INPUT. */
static void run_row(const char *line, size_t number)
{
    char kind[32];
    int used = 0;
    size_t data = 0;
    const char *arrow = strstr(line, " => ");
    if (!arrow || sscanf(line, "%31s %n", kind, &used) != 1 || !parser_find(kind)) {
        fail(TABLE, number, "expected KIND INPUT => PART", line);
        return;
    }
    const char *input = line + used;
    bool header = false;
    if (sscanf(input, "header+%zu %n", &data, &used) == 1) {
        header = true;
        input += used;
    }
    char *text = input < arrow ? strndup(input, (size_t)(arrow - input)) : strdup("");
    Buffer bytes = {0}, file = {0};
    Error e;
    expand(&bytes, text);
    if (header) {
        add_integer(&file, (long long)bytes.len, 8);
        buffer_add(&file, buffer_text(&bytes), bytes.len);
        buffer_fill(&file, '\0', data);
    } else
        buffer_add(&file, buffer_text(&bytes), bytes.len);
    tried++;
    if (parser_run(parser_find(kind), (const uint8_t *)buffer_text(&file), file.len, &e) == 0)
        fail(TABLE, number, "was accepted", line);
    else if (!strstr(e.text, arrow + 4))
        fail(TABLE, number, "expected another message than", e.text);
    else if (blames_memory(&e))
        fail(TABLE, number, "believed a length", e.text);
    buffer_free(&bytes);
    buffer_free(&file);
    free(text);
}

static void run_table(void)
{
    FILE *f = fopen(TABLE, "r");
    char line[4096];
    if (!f) {
        fail(TABLE, 0, "cannot be opened", "run from the top folder");
        return;
    }
    for (size_t number = 1; fgets(line, sizeof line, f); number++) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] && line[0] != '#')
            run_row(line, number);
    }
    fclose(f);
}

/* ---- seeds ---- */

typedef struct Seed {
    const char *kind, *path;
    bool has_length; /* every shorter file is a bad one */
} Seed;

static const Seed SEEDS[] = {
    {"safetensors", "tests/data/model/types.safetensors", true}, {"safetensors", "tests/data/model/tiny/model.safetensors", true},
    {"weights", "tests/data/model/two.safetensors", true},       {"config", "tests/data/model/tiny/config.json", false},
    {"gguf", "tests/data/model/llama.gguf", false},              {"gguf", "tests/data/model/gpt2.gguf", false},
    {"gguf", "tests/data/model/quantised.gguf", false},
    {"hf_config", "tests/data/hf_config.json", false},           {"hf_config", "tests/hf/gpt2/config.json", false},
    {"vocab", "tests/data/model/tiny/vocab.txt", false},         {"checkpoint", "tests/data/model/unshared.bin", true},
    {"tokenizer", "tests/data/model/tok280.bin", false},         {"session", "tests/data/session.json", false},
    {"tokenizer_json", "tests/data/model/tokenizer_bpe.json", true},
    {"tokenizer_json", "tests/data/model/tokenizer_wordpiece.json", true},
    {"tokenizer_json", "tests/data/model/tokenizer_unigram.json", true},
    {"merges", "tests/data/model/merges.txt", false},             {"bert", "tests/data/model/bert.txt", false},
    {"spm", "tests/data/model/spm.spm", false},
    {"lesson", "tests/data/lesson.md", false},
    {"cast", "tests/data/keys.cast", false},                     {"expression", "tests/data/pass/expression.txt", false},
    {"breakpoint", "tests/data/pass/breakpoint.txt", false},     {"edits", "tests/data/pass/edits.txt", false},
};

static int run(const Seed *seed, const uint8_t *bytes, size_t n, size_t at)
{
    Error e;
    int status = parser_run(parser_find(seed->kind), bytes, n, &e);
    tried++;
    if (status != 0 && blames_memory(&e))
        fail(seed->path, at, "believed a length", e.text);
    return status;
}

static void run_seed(const Seed *seed)
{
    static const long long lengths[] = {
        0,          1,         -1,          2,          255,       1 << 16,   1 << 24,   (1 << 24) + 1, 1LL << 30,
        2147483647, 1LL << 31, -2147483648, 4294967295, 1LL << 32, 1LL << 40, 1LL << 61, 1LL << 62,     (long long)(~0ULL >> 1)};
    static const uint8_t flips[] = {0x01, 0x20, 0x80, 0xff};
    File file;
    Error e;
    if (file_open(&file, seed->path, &e) != 0) {
        fail(seed->path, 0, "cannot be opened", e.text);
        return;
    }
    size_t n = file.size;
    uint8_t *bytes = malloc(n + 8);
    if (!bytes)
        abort();
    memcpy(bytes, file.data, n);
    if (run(seed, bytes, n, 0) != 0)
        fail(seed->path, 0, "a valid file was refused", "see above");
    for (size_t cut = 0; cut < n; cut++)
        if (run(seed, bytes, cut, cut) == 0 && seed->has_length)
            fail(seed->path, cut, "was accepted", "cut off at this byte");
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes[i] ^= flips[k];
            run(seed, bytes, n, i);
            bytes[i] ^= flips[k];
        }
    for (size_t width = 4; width <= 8; width += 4)
        for (size_t i = 0; i < 64 && i + width <= n; i++)
            for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++) {
                for (size_t b = 0; b < width; b++)
                    bytes[i + b] = (uint8_t)((unsigned long long)lengths[k] >> (8 * b));
                run(seed, bytes, n, i);
                memcpy(bytes + i, file.data + i, width);
            }
    free(bytes);
    file_close(&file);
}

/* ---- a fuzzer's finds ---- */

static int run_files(const char *kind, char **paths)
{
    const Parser *p = parser_find(kind);
    if (!p) {
        fprintf(stderr, "%s: expected one of the kinds in parsers.c\n", kind);
        return 2;
    }
    for (; *paths; paths++) {
        File file;
        Error e;
        if (file_open(&file, *paths, &e) != 0) {
            fprintf(stderr, "%s\n", e.text);
            return 2;
        }
        int status = parser_run(p, file.data, file.size, &e);
        printf("%s: %s\n", *paths, status == 0 ? "accepted" : e.text);
        file_close(&file);
    }
    return 0;
}

int main(int argc, char **argv)
{
    alarm(300); /* what hangs is killed */
    if (argc > 2)
        return run_files(argv[1], argv + 2);
    run_table();
    for (size_t i = 0; i < sizeof SEEDS / sizeof *SEEDS; i++)
        run_seed(&SEEDS[i]);
    printf("corrupt: %zu bad files, %zu failures\n", tried, failures);
    return failures != 0;
}
