/* found.c - what is found instead of what was expected. */
#include "model/found.h"

#include "base/text.h"
#include "model/nearest.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Not an integer, and must not look like one: 32.0. */
static void real_text(double x, char out[FOUND_MAX])
{
    snprintf(out, FOUND_MAX, "%g", x);
    if (isfinite(x) && !strpbrk(out, ".e"))
        strcat(out, ".0");
}

const char *found_describe(const json_t *value, char out[FOUND_MAX])
{
    char quoted[QUOTE_SHORT];
    if (!value)
        return _("none");
    switch (json_typeof(value)) {
    case JSON_INTEGER:
        snprintf(out, FOUND_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        real_text(json_real_value(value), out);
        break;
    case JSON_STRING:
        snprintf(out, FOUND_MAX, "%s", quote_short(json_string_value(value), json_string_length(value), quoted));
        break;
    case JSON_ARRAY:
        return _("an array");
    case JSON_OBJECT:
        return _("an object");
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
    return out;
}

/* ---- files ---- */

static const char download[] = N_("a web page or other XML, not the file itself; try to download it again");

static const struct {
    const char *begins;
    size_t n;
    const char *what;
} formats[] = {
    {"version https://git-lfs", 23, N_("a Git LFS pointer, not the file itself; try 'git lfs pull'")},
    {"<!DOCTYPE", 9, download},
    {"<!doctype", 9, download},
    {"<html", 5, download},
    {"<?xml", 5, download},
    {"GGUF", 4, N_("a GGUF file; try it with -m, alone")},
    {"PK\3\4", 4,
     N_("a ZIP archive, as torch.save writes, which is not read; try model.save_pretrained(FOLDER, safe_serialization=True) in Python")},
    {"\x80\2", 2,
     N_("a Python pickle, as torch.save wrote, which is not read; try model.save_pretrained(FOLDER, safe_serialization=True) in Python")},
    {"\x89HDF", 4,
     N_("an HDF5 file, as TensorFlow writes, which is not read; try from_pretrained(…, from_tf=True).save_pretrained(FOLDER) in Python")},
    {"\x93NUMPY", 6, N_("a NumPy array, which is not read; try safetensors.numpy.save_file in Python")},
    {"\x1f\x8b", 2, N_("a gzip archive; try gunzip or tar first")},
    {"lmgg", 4, N_("one of ggml's formats from before GGUF, which are not read; try to convert it with llama.cpp")},
    {"fmgg", 4, N_("one of ggml's formats from before GGUF, which are not read; try to convert it with llama.cpp")},
    {"tjgg", 4, N_("one of ggml's formats from before GGUF, which are not read; try to convert it with llama.cpp")},
    {"\xff\xfe", 2, N_("UTF-16; try to save it as UTF-8")},
    {"\xfe\xff", 2, N_("UTF-16; try to save it as UTF-8")},
};

static bool all_zero(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return false;
    return true;
}

const char *found_format(const void *bytes, size_t n)
{
    enum { ZEROS = 64, LENGTH = 8 };
    const unsigned char *b = bytes;
    if (n == 0)
        return _("an empty file; was it downloaded completely?");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (n >= formats[i].n && memcmp(b, formats[i].begins, formats[i].n) == 0)
            return _(formats[i].what);
    if (n >= ZEROS && all_zero(b, ZEROS))
        return _("zeros; was it downloaded completely?");
    if (n > LENGTH && b[LENGTH] == '{' && all_zero(b + 4, 4))
        return _("a safetensors file; try the folder that it is in");
    return NULL;
}

json_t *found_json(const void *bytes, size_t n, size_t flags, const char *file, Error *e)
{
    static const char mark[] = "\xef\xbb\xbf";
    const char *text = bytes;
    json_error_t where;
    size_t skipped = n >= 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    json_t *root = json_loadb(text + skipped, n - skipped, flags, &where);
    const char *format = root ? NULL : found_format(bytes, n);
    if (format)
        error_set(e, "%s: expected JSON, found %s", file, format);
    else if (!root)
        error_set(e, "%s: line %d, column %d: expected JSON: %s", file, where.line, where.column, where.text);
    return root;
}
