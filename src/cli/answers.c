/* answers.c - the subcommand `answers`: what the answers a learner gave sum up to. */
#include "base/text.h"
#include "cli/cli.h"
#include "lesson/record.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const OptionId taken[] = {OPTION_FORGET, OPTION_FORMAT, OPTION_OUTPUT, OPTION_END};

static const CommandSpec spec = {
    .name = "answers",
    .what = N_("Sums up the answers given to the debugger's questions (P, e, --predict) and to\n"
               "lessons: by kind of stage, and which mistakes were made how often. They are kept\n"
               "in $XDG_STATE_HOME/stepformer/answers (~/.local/state), for you alone."),
    .formats = "text|json",
    .example = "stepformer answers\n"
               "stepformer answers --forget",
    .options = taken,
};

static double share(size_t part, size_t all)
{
    return all ? 100 * (double)part / (double)all : 0;
}

static void write_text(const RecordSummary *s, Buffer *out)
{
    if (!s->answers && !s->count[RESULT_SKIPPED]) {
        buffer_puts(out, _("no answers yet: press P in the debugger, or start it with --predict\n"));
        return;
    }
    size_t right = s->count[RESULT_RIGHT];
    buffer_printf(out, ngettext("%zu answer: %zu right (%.0f%%), %zu of them the first time; skipped: %zu\n\n",
                                "%zu answers: %zu right (%.0f%%), %zu of them the first time; skipped: %zu\n\n", s->answers), s->answers, right,
                  share(right, s->answers), s->first, s->count[RESULT_SKIPPED]);
    const char *const titles[] = {_("right"), _("partly"), _("wrong"), _("skipped"), _("1st time")};
    buffer_puts(out, "  ");
    text_pad(out, _("about"), 14);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        text_pad(out, titles[i], -9);
    buffer_putc(out, '\n');
    for (size_t i = 0; i < s->topic_count; i++) {
        const RecordTopic *t = &s->topics[i];
        Buffer name = {0};
        text_escape(&name, t->name, strlen(t->name), false);
        buffer_puts(out, "  ");
        text_pad(out, buffer_text(&name), 14);
        buffer_printf(out, " %8zu %8zu %8zu %8zu %8zu\n", t->count[RESULT_RIGHT], t->count[RESULT_PARTLY],
                      t->count[RESULT_WRONG], t->count[RESULT_SKIPPED], t->first);
        buffer_free(&name);
    }
    if (s->mistake_count)
        buffer_puts(out, _("\nmistakes, the most frequent first\n"));
    for (size_t i = 0; i < s->mistake_count; i++) {
        buffer_printf(out, "  %4zu  ", s->mistakes[i].count);
        text_escape(out, s->mistakes[i].name, strlen(s->mistakes[i].name), false);
        buffer_puts(out, " (");
        text_escape(out, s->mistakes[i].topic, strlen(s->mistakes[i].topic), false);
        buffer_puts(out, ")\n");
    }
}

static json_t *counts(const size_t count[RESULT_COUNT], size_t first)
{
    json_t *o = json_object();
    for (int i = 0; i < RESULT_COUNT; i++)
        json_object_set_new(o, result_name((Result)i), json_integer((json_int_t)count[i]));
    json_object_set_new(o, "first_time", json_integer((json_int_t)first));
    return o;
}

static void write_json(const RecordSummary *s, Buffer *out)
{
    json_t *root = counts(s->count, s->first), *topics = json_object(), *mistakes = json_array();
    json_object_set_new(root, "answers", json_integer((json_int_t)s->answers));
    for (size_t i = 0; i < s->topic_count; i++)
        json_object_set_new(topics, s->topics[i].name, counts(s->topics[i].count, s->topics[i].first));
    for (size_t i = 0; i < s->mistake_count; i++)
        json_array_append_new(mistakes, json_pack("{s:s, s:s, s:I}", "mistake", s->mistakes[i].name, "about", s->mistakes[i].topic, "count",
                                                  (json_int_t)s->mistakes[i].count));
    json_object_set_new(root, "about", topics);
    json_object_set_new(root, "mistakes", mistakes);
    json_object_set_new(root, "damaged_lines", json_integer((json_int_t)s->damaged));
    char *text = root ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : NULL;
    if (text)
        buffer_printf(out, "%s\n", text);
    else
        out->failed = true;
    free(text);
    json_decref(root);
}

static int summarize(const Options *o, const char *path, Error *e)
{
    RecordSummary s;
    Buffer text = {0};
    int format = options_format(o, e);
    if (format < 0 || record_summarize(path, &s, e) != 0)
        return -1;
    if (s.damaged == 1)
        cli_say(_("%s: line %zu is not an answer, and is left out"), path, s.first_damaged);
    else if (s.damaged)
        cli_say(_("%s: line %zu and %zu more are not answers, and are left out"), path, s.first_damaged, s.damaged - 1);
    if (format == 1)
        write_json(&s, &text);
    else
        write_text(&s, &text);
    record_summary_free(&s);
    int status = text.failed ? error_memory(e, "answers") : 0;
    Output out = output_open(o);
    if (status == 0) {
        output_emit(&out, buffer_text(&text), text.len);
        status = output_close(&out, e);
    }
    buffer_free(&text);
    return status;
}

static int forget(const char *path, Error *e)
{
    bool was_there;
    if (record_forget(path, &was_there, e) != 0)
        return -1;
    cli_say(was_there ? _("%s: forgotten") : _("%s: there was nothing to forget"), path);
    return 0;
}

int cli_answers(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    char *path = record_path(&e);
    status = !path ? -1 : o.value[OPTION_FORGET] ? forget(path, &e) : summarize(&o, path, &e);
    free(path);
    options_free(&o);
    return status == 0 ? CLI_DONE : cli_wrong(&e);
}
