/* config_write.c - config.json written.
 *
 * Owns the layout of the text. Knows the keys only through config_keys. */
#include "model/config.h"
#include "model/config_keys.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* The shortest decimal that reads back as x, with a point whatever the locale. */
static void write_number(Buffer *out, double x)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    for (char *p = text; *p; p++)
        if (*p == ',')
            *p = '.';
    buffer_puts(out, text);
}

static void write_string(Buffer *out, const char *s)
{
    json_t *value = json_string(s);
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    if (text)
        buffer_puts(out, text);
    else
        out->failed = true;
    free(text);
    json_decref(value);
}

static void write_ends(Buffer *out, const Config *c)
{
    buffer_printf(out, "[%d", c->eos);
    for (size_t i = 0; i < c->end_count; i++)
        buffer_printf(out, ", %d", c->ends[i]);
    buffer_putc(out, ']');
}

static void write_tokens(Buffer *out, const Config *c)
{
    Config copy = *c; /* config_token gives writable places */
    const char *before = ",\n  \"tokens\": {";
    bool any = false;
    for (int i = 0; i < TOKEN_COUNT; i++) {
        int id = *config_token(&copy, (SpecialToken)i);
        if (id < 0 && !c->token_texts[i])
            continue;
        buffer_printf(out, "%s\"%s\": ", before, config_token_name((SpecialToken)i));
        if (id < 0)
            write_string(out, c->token_texts[i]);
        else if (i == TOKEN_EOS && c->end_count)
            write_ends(out, c);
        else
            buffer_printf(out, "%d", id);
        before = ", ";
        any = true;
    }
    if (any)
        buffer_putc(out, '}');
}

static bool is_default(const Config *c, const ConfigKey *key)
{
    const Config usual = config_default();
    const char *a = (const char *)c + key->offset, *b = (const char *)&usual + key->offset;
    switch (key->type) {
    case KEY_SIZE: return *(const size_t *)(const void *)a == *(const size_t *)(const void *)b;
    case KEY_NUMBER: return *(const double *)(const void *)a == *(const double *)(const void *)b;
    case KEY_BOOL: return *(const bool *)a == *(const bool *)b;
    case KEY_SWITCH:
    case KEY_CHOICE: return memcmp(a, b, sizeof(Switch)) == 0;
    }
    return false;
}

void config_write(const Config *c, Buffer *out)
{
    const char *before = "{\n";
    for (const ConfigKey *key = config_keys; key->name; key++) {
        const char *field = (const char *)c + key->offset;
        int choice = 0;
        if (key->type == KEY_CHOICE)
            memcpy(&choice, field, sizeof choice);
        if (key->choices && !key->choices[choice])
            continue; /* told by the tokenizer's file */
        if (key->rare && is_default(c, key))
            continue;
        buffer_printf(out, "%s  \"%s\": ", before, key->name);
        before = ",\n";
        switch (key->type) {
        case KEY_SIZE:
            buffer_printf(out, "%zu", *(const size_t *)(const void *)field);
            break;
        case KEY_NUMBER:
            write_number(out, *(const double *)(const void *)field);
            break;
        case KEY_BOOL:
            buffer_puts(out, *(const bool *)field ? "true" : "false");
            break;
        case KEY_SWITCH:
            buffer_puts(out, *(const Switch *)(const void *)field == SWITCH_ON ? "true" : "false");
            break;
        case KEY_CHOICE:
            write_string(out, key->choices[choice]);
            break;
        }
    }
    write_tokens(out, c);
    if (c->example) {
        buffer_puts(out, ",\n  \"example\": ");
        write_string(out, c->example);
    }
    if (c->dim_names) {
        buffer_puts(out, ",\n  \"dimensions\": [");
        for (size_t i = 0; i < c->d_model; i++) {
            buffer_puts(out, i ? ", " : "");
            write_string(out, c->dim_names[i]);
        }
        buffer_putc(out, ']');
    }
    buffer_puts(out, "\n}\n");
}
