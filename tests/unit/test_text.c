/* test_text.c - lines that are wider than a terminal. */
#include "base/text.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

typedef struct FoldCase {
    int line, columns;
    const char *text, *expected;
} FoldCase;

static const FoldCase folds[] = {
    {__LINE__, 10, "short\nlines\n", "short\nlines\n"},
    {__LINE__, 10, "one two three four\n", "one two\nthree four\n"},
    {__LINE__, 10, "no end in it", "no end in\nit"},
    {__LINE__, 10, "  one two three\n", "  one two\n  three\n"},
    {__LINE__, 10, "# one two three\nx\n", "# one two\n# three\nx\n"},
    {__LINE__, 20, "loss   0.1234  nats, mean over all\n", "loss   0.1234  nats,\n       mean over all\n"},
    {__LINE__, 20, "a far and long label  gap behind the middle\n", "a far and long label\ngap behind the\nmiddle\n"},
    {__LINE__, 8, "unbreakable is longer\n", "unbreakable\nis\nlonger\n"},
    {__LINE__, 8, "我昨天在上海买了\n", "我昨天在\n上海买了\n"},
    {__LINE__, 12, "得分  我昨天在上海买了\n", "得分  我昨天\n      在上海\n      买了\n"},
    {__LINE__, 10, "\n\n", "\n\n"},
    {__LINE__, TEXT_ANY_COLUMNS, "a line of any length stays as it is, and so do its   blanks   \n",
     "a line of any length stays as it is, and so do its   blanks   \n"},
};

Test(text, lines_are_folded)
{
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++) {
        Buffer out = {0};
        text_fold(&out, folds[i].text, folds[i].columns);
        cr_expect_str_eq(buffer_text(&out), folds[i].expected, "test_text.c:%d: found \"%s\"", folds[i].line, buffer_text(&out));
        buffer_free(&out);
    }
}

Test(text, what_is_wrapped_stands_below_its_beginning)
{
    Buffer out = {0};
    buffer_puts(&out, "name  ");
    text_wrap(&out, "what it is, in words", 6, 18);
    cr_expect_str_eq(buffer_text(&out), "name  what it is,\n      in words");
    buffer_free(&out);
}
