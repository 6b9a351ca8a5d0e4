/* test_cast.c - what is recorded is JSON that says what the terminal was sent, however it was cut into pieces. */
#include "base/file.h"
#include "base/random.h"
#include "base/text.h"
#include "term/cast.h"
#include "term/keys.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* What the "o" events of a recording say together; every line is parsed by itself. */
static void output_of(const Buffer *lines, Buffer *out)
{
    const char *p = buffer_text(lines);
    for (size_t number = 0; *p; number++) {
        size_t n = strcspn(p, "\n");
        json_error_t where;
        cr_assert_eq(p[n], '\n', "every line is whole");
        json_t *line = json_loadb(p, n, JSON_ALLOW_NUL, &where);
        cr_assert(line, "%s: %.*s", where.text, (int)n, p);
        if (number == 0)
            cr_assert(json_is_object(line));
        else
            buffer_add(out, json_string_value(json_array_get(line, 2)), json_string_length(json_array_get(line, 2)));
        json_decref(line);
        p += n + 1;
    }
}

Test(cast, any_text_cut_anywhere_reads_back)
{
    static const char *const parts[] = {"a", "\"", "\\", "\x1b[1;31m", "\x0f", "é", "我", "𝕏", "\r\n", "\t", "\x7f", " ", "e\xcc\x81", "∞"};
    Random r = random_seeded(3);
    for (int round = 0; round < 300; round++) {
        Buffer text = {0}, lines = {0}, out = {0};
        CastTail tail = {.len = 0};
        int64_t us = 0;
        for (size_t n = 1 + random_below(&r, 60); n; n--) {
            if (random_below(&r, 40) == 0)
                buffer_putc(&text, '\0');
            else
                buffer_puts(&text, parts[random_below(&r, sizeof parts / sizeof *parts)]);
        }
        cast_add_header(&lines, 80, 24, 1, "a \"title\"", "xterm", "{\n  \"a\": \"b \\n c\"\n}\n");
        for (size_t at = 0; at < text.len;) {
            size_t n = 1 + random_below(&r, 5);
            n = n < text.len - at ? n : text.len - at;
            cast_add_event(&lines, us += 1234567, 'o', text.data + at, n, &tail);
            at += n;
        }
        output_of(&lines, &out);
        cr_assert_eq(out.len, text.len);
        cr_assert_eq(memcmp(out.data, text.data, out.len), 0);
        Cast c;
        Error e = {{0}};
        cr_assert_eq(cast_read(&c, lines.data, lines.len, "input", &e), 0, "%s", e.text);
        cr_assert_eq(c.cols, 80);
        cr_assert_eq(c.rows, 24);
        cr_assert_str_eq(c.session, "{\"a\":\"b \\n c\"}");
        for (size_t i = 0; i + 1 < c.count; i++)
            cr_assert_lt(c.events[i].us, c.events[i + 1].us);
        cr_assert_eq(c.events[0].us % 1234567, 0, "a time is kept to the microsecond: %lld", (long long)c.events[0].us);
        cast_free(&c);
        buffer_free(&text);
        buffer_free(&lines);
        buffer_free(&out);
    }
}

/* Bytes that are no UTF-8 become U+FFFD, and the lines stay JSON. */
Test(cast, any_bytes_are_json)
{
    Random r = random_seeded(4);
    for (int round = 0; round < 300; round++) {
        Buffer lines = {0}, out = {0};
        CastTail tail = {.len = 0};
        cast_add_header(&lines, 1, 1, 0, NULL, NULL, NULL);
        for (int i = 0; i < 8; i++) {
            char bytes[16];
            for (size_t k = 0; k < sizeof bytes; k++)
                bytes[k] = (char)(unsigned char)random_below(&r, 256);
            cast_add_event(&lines, i, 'o', bytes, random_below(&r, sizeof bytes), &tail);
        }
        output_of(&lines, &out);
        cr_assert(text_is_valid(buffer_text(&out), out.len));
        buffer_free(&lines);
        buffer_free(&out);
    }
}

Test(cast, the_stored_recording)
{
    File f;
    Cast c;
    Error e = {{0}};
    size_t keys = 0;
    cr_assert_eq(file_open(&f, "tests/data/keys.cast", &e), 0, "%s", e.text);
    cr_assert_eq(cast_read(&c, (const char *)f.data, f.size, "input", &e), 0, "%s", e.text);
    file_close(&f);
    for (size_t i = 0; i < c.count; i++)
        keys += c.events[i].kind == 'i';
    cr_assert_eq(keys, 7);
    cr_assert_eq(c.events[c.count - 3].cols, 100);
    cr_assert_eq(c.events[c.count - 3].rows, 30);
    cr_assert_eq(c.events[c.count - 1].len, 11); /* with a zero in it */
    cast_free(&c);
}

Test(cast, every_key_is_read_back_from_its_bytes)
{
    KeyTable none = {0};
    int checked = 0;
    for (int32_t k = 0; k < K_CTRL + 128; k++) {
        if (k == 0x110000)
            k = K_UP;
        if (k == K_F12 + 1)
            k = K_CTRL + ' ';
        if (k < 0x20 || (k >= 0x7f && k < 0xa0) || (k >= 0xd800 && k < 0xe000) || k == 0xfffd)
            continue;
        if (k > K_CTRL && (k & 0x7f) < ' ')
            continue;
        Event in = {.type = EVENT_KEY, .key = k}, out;
        Buffer bytes = {0};
        keys_encode(&in, &bytes);
        cr_assert_gt(bytes.len, 0, "%x", (unsigned)k);
        size_t used = keys_decode(&none, bytes.data, bytes.len, true, &out);
        if (k == (K_CTRL | 0x7f)) {
            buffer_free(&bytes);
            continue;
        }
        cr_assert(used == bytes.len && out.type == EVENT_KEY && out.key == k, "%x: %zu of %zu bytes, %x", (unsigned)k, used, bytes.len,
                  (unsigned)out.key);
        buffer_free(&bytes);
        checked++;
    }
    cr_assert_gt(checked, 1000000);
    for (int action = MOUSE_CLICK; action <= MOUSE_WHEEL_DOWN; action++) {
        Event in = {.type = EVENT_MOUSE, .action = (MouseAction)action, .row = 20, .col = 199}, out;
        Buffer bytes = {0};
        keys_encode(&in, &bytes);
        size_t used = keys_decode(&none, bytes.data, bytes.len, true, &out);
        cr_assert_eq(used, action == MOUSE_DOUBLE ? bytes.len / 2 : bytes.len);
        cr_assert(out.type == EVENT_MOUSE && out.row == 20 && out.col == 199 &&
                  out.action == (action == MOUSE_DOUBLE ? MOUSE_CLICK : (MouseAction)action));
        buffer_free(&bytes);
    }
}
