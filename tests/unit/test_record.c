/* test_record.c - the answers that are kept: what is written, what a damaged file loses, what they sum up to. */
#include "model_help.h"

#include "lesson/record.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static const RecordEntry entry = {.source = "predict",
                                  .model = "zh-en",
                                  .topic = "weights",
                                  .question = "row-sum",
                                  .mistake = "column-sum",
                                  .given = "0.25 \"≈\"\n",
                                  .result = RESULT_WRONG,
                                  .attempt = 1};

static void add(const char *path, const char *topic, Result result, const char *mistake, int attempt)
{
    RecordEntry x = entry;
    Error e = {{0}};
    x.topic = topic;
    x.result = result;
    x.mistake = mistake;
    x.attempt = attempt;
    cr_assert_eq(record_add(path, &x, &e), 0, "%s", e.text);
}

Test(record, answers_sum_up)
{
    char folder[64], path[128];
    Error e = {{0}};
    RecordSummary s;
    snprintf(path, sizeof path, "%s/a/b/answers", help_folder(folder));
    cr_assert_eq(record_summarize(path, &s, &e), 0, "a file that is not there");
    cr_assert_eq(s.answers, 0);
    record_summary_free(&s);
    add(path, "weights", RESULT_WRONG, "column-sum", 1);
    add(path, "weights", RESULT_RIGHT, "", 2);
    add(path, "weights", RESULT_RIGHT, "", 1);
    add(path, "scores", RESULT_WRONG, "symmetric", 1);
    add(path, "weights", RESULT_WRONG, "column-sum", 1);
    add(path, "scores", RESULT_SKIPPED, "", 1);
    add(path, "scores", RESULT_PARTLY, "", 1);
    cr_assert_eq(record_summarize(path, &s, &e), 0, "%s", e.text);
    cr_assert(s.answers == 6 && s.count[RESULT_RIGHT] == 2 && s.count[RESULT_WRONG] == 3 && s.count[RESULT_PARTLY] == 1 &&
              s.count[RESULT_SKIPPED] == 1 && s.first == 1);
    cr_assert_eq(s.topic_count, 2);
    cr_assert(strcmp(s.topics[0].name, "weights") == 0 && s.topics[0].count[RESULT_WRONG] == 2 && s.topics[0].first == 1);
    cr_assert_eq(s.mistake_count, 2);
    cr_assert(strcmp(s.mistakes[0].name, "column-sum") == 0 && s.mistakes[0].count == 2 && strcmp(s.mistakes[0].topic, "weights") == 0);
    cr_assert_eq(s.damaged, 0);
    record_summary_free(&s);
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600, "for the user alone");
    help_remove(folder);
}

/* A disk that is full in the middle of a line: nothing of it stays, the reason is the disk's, and later there is room again. */
Test(record, half_a_line_is_taken_back)
{
    char folder[64], path[128];
    Error e = {{0}};
    RecordSummary s;
    struct stat before, after;
    struct rlimit room;
    snprintf(path, sizeof path, "%s/answers", help_folder(folder));
    add(path, "weights", RESULT_RIGHT, "", 1);
    cr_assert_eq(stat(path, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &room);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){(rlim_t)before.st_size + 20, room.rlim_max});
    cr_assert_eq(record_add(path, &entry, &e), -1);
    assert_says(e, "No space left on device");
    cr_assert_eq(stat(path, &after), 0);
    cr_expect_eq(after.st_size, before.st_size);
    setrlimit(RLIMIT_FSIZE, &room);
    add(path, "weights", RESULT_WRONG, "", 1);
    cr_assert_eq(record_summarize(path, &s, &e), 0, "%s", e.text);
    cr_expect(s.answers == 2 && s.damaged == 0);
    record_summary_free(&s);
    help_remove(folder);
}

/* Whatever was cut off or scribbled over, the other lines are read, and what is added afterwards too. */
Test(record, damage_costs_a_line)
{
    char folder[64], path[128], text[4096];
    Error e = {{0}};
    RecordSummary s;
    snprintf(path, sizeof path, "%s/answers", help_folder(folder));
    for (int i = 0; i < 3; i++)
        add(path, "weights", RESULT_WRONG, "column-sum", 1);
    FILE *f = fopen(path, "rb");
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    for (size_t cut = 1; cut < n; cut += 7) { /* the program was killed there */
        help_write(folder, "answers", text, cut);
        add(path, "scores", RESULT_RIGHT, "", 1);
        cr_assert_eq(record_summarize(path, &s, &e), 0);
        size_t whole = 0;
        for (size_t i = 0; i < cut; i++)
            whole += text[i] == '\n';
        bool complete = cut + 1 < n ? text[cut] == '\n' : true; /* only the end of the line is missing */
        cr_assert_eq(s.answers, whole + 1 + (complete && text[cut - 1] != '\n'), "cut at %zu: %zu answers", cut, s.answers);
        cr_assert_eq(s.damaged, text[cut - 1] != '\n' && !complete);
        record_summary_free(&s);
    }
    static const char *const bad[] = {"{}\n",
                                      "null\n",
                                      "[1]\n",
                                      "{\"version\": 1, \"topic\": \"q\", \"result\": \"maybe\"}\n",
                                      "{\"version\": 0, \"topic\": \"q\", \"result\": \"right\"}\n",
                                      "\xff\xfe\n",
                                      "\x1b[31m\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char both[4200];
        int m = snprintf(both, sizeof both, "%s%.*s", bad[i], (int)n, text);
        help_write(folder, "answers", both, (size_t)m);
        cr_assert_eq(record_summarize(path, &s, &e), 0);
        cr_assert(s.answers == 3 && s.damaged == 1 && s.first_damaged == 1, "%s", bad[i]);
        record_summary_free(&s);
    }
    help_remove(folder);
}

Test(record, what_cannot_be_written_or_read_is_one_line)
{
    char folder[64], path[160];
    Error e = {{0}};
    RecordSummary s;
    help_folder(folder);
    help_write(folder, "file", "x", 1);
    snprintf(path, sizeof path, "%s/file/answers", folder);
    cr_assert_eq(record_add(path, &entry, &e), -1);
    assert_says(e, "answers are not kept");
    snprintf(path, sizeof path, "%s/folder", folder);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(record_add(path, &entry, &e), -1);
    assert_says(e, "answers are not kept");
    cr_assert_eq(record_summarize(path, &s, &e), -1);
    assert_says(e, "folder");
    help_remove(folder);
}

Test(record, where_it_is_and_forgetting)
{
    char folder[64];
    Error e = {{0}};
    bool was_there;
    help_folder(folder);
    setenv("XDG_STATE_HOME", folder, 1);
    char *path = record_path(&e);
    cr_assert(path && strncmp(path, folder, strlen(folder)) == 0 && strstr(path, "/stepformer/answers"));
    cr_assert_eq(record_forget(path, &was_there, &e), 0);
    cr_assert_not(was_there);
    add(path, "weights", RESULT_RIGHT, "", 1);
    cr_assert_eq(record_forget(path, &was_there, &e), 0);
    cr_assert(was_there && access(path, F_OK) != 0);
    free(path);
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", folder, 1);
    path = record_path(&e);
    cr_assert(path && strstr(path, "/.local/state/stepformer/answers") && strncmp(path, folder, strlen(folder)) == 0);
    free(path);
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
    cr_assert_null(record_path(&e));
    assert_says(e, "$HOME");
    help_remove(folder);
}
