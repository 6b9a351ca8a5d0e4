/* test_task_story.c - the stories' grammar: what is remembered, and its entropy. */
#include "tasks_help.h"
#include "train/task_story.h"

#include <math.h>
#include <string.h>

/* The first choice everywhere: the probability of that story, worked out by hand. */
Test(task_story, the_probability_of_a_story)
{
    Choices c;
    Line l;
    choices_begin(&c, NULL);
    story_write(&c, &l);
    double p = 1.0 / 3 / 12 / 8 * 0.5 * 0.6 /* no friend, no weather */ / 6 / 10 / 3 / 6 * (50.0 / 75) / 7 * 0.6 /* not lost */ / 4;
    cr_assert_float_eq(c.nats, -log(p), 1e-9);
    Opened o = open_task("story");
    Buffer text = {0};
    vocab_decode(o.vocab, l.ids, l.n, &text);
    cr_assert_str_eq(buffer_text(&text),
                     "one day Lily went to the park . she saw a red ball under the bench . she took the red ball . then she went to "
                     "the beach . in the evening her mother asked : where is the red ball ? Lily said : it is in my bag . "
                     "Lily was happy . the end .");
    buffer_free(&text);
    close_task(&o);
}

/* Every choice shows in the very next word: take any other option, and the story differs from that word on. So a story's choices can be
 * read off it, and the sum of their -log p is the least that any reader can be surprised. */
Test(task_story, every_choice_of_a_story_shows_at_once)
{
    Random r = random_seeded(31);
    for (int i = 0; i < 400; i++) {
        Choices c;
        Line l;
        choices_begin(&c, &r);
        story_write(&c, &l);
        cr_assert(!l.bad && !c.dead);
        for (size_t k = 0; k < c.count; k++)
            for (unsigned short other = 0; other < c.tape[k].of; other++) {
                if (other == c.tape[k].taken)
                    continue;
                Choices d;
                Line m;
                choices_begin(&d, &r);
                memcpy(d.tape, c.tape, (k + 1) * sizeof *c.tape);
                d.tape[k].taken = other;
                d.count = k + 1;
                story_write(&d, &m);
                size_t at = 0;
                while (at < l.n && at < m.n && l.ids[at] == m.ids[at])
                    at++;
                cr_assert_eq(at, c.tape[k].place, "choice %zu of story %d", k, i);
            }
    }
}

Test(task_story, entropy_of_stories)
{
    Opened o = open_task("story");
    Random r = random_seeded(32);
    double nats = 0, words = 0;
    for (int i = 0; i < 20000; i++) {
        Choices c;
        Line l;
        choices_begin(&c, &r);
        story_write(&c, &l);
        nats += c.nats;
        words += (double)l.n + 1;
    }
    cr_assert_float_eq(o.task->entropy(), nats / words, 0.004 * nats / words);
    cr_assert(o.task->entropy() > 0.1 && o.task->entropy() < 1);
    /* the examples that are drawn are those stories */
    TaskExample x = {0};
    double drawn = 0;
    for (int i = 0; i < 20000; i++) {
        draw(&o, &r, TASK_TRAIN, 0, &x);
        drawn += (double)x.targets.len;
    }
    cr_assert_float_eq(drawn / words, 1, 0.006);
    task_example_free(&x);
    close_task(&o);
}

/* What is asked for in the evening is what was seen in the morning, and the hero keeps one pronoun. */
Test(task_story, stories_remember)
{
    Opened o = open_task("story");
    Random r = random_seeded(33);
    TaskExample x = {0};
    for (int i = 0; i < 3000; i++) {
        Buffer text = {0};
        char colour[16], thing[16], asked[16], of[16];
        draw(&o, &r, TASK_TRAIN, 0, &x);
        vocab_decode(o.vocab, x.input.data, x.input.len, &text);
        const char *saw = strstr(text.data, " saw a "), *where = strstr(text.data, "where is the ");
        cr_assert(saw && where && sscanf(saw, " saw a %15s %15s", colour, thing) == 2 &&
                  sscanf(where, "where is the %15s %15s", asked, of) == 2);
        cr_assert(strcmp(colour, asked) == 0 && strcmp(thing, of) == 0, "%s", text.data);
        bool she = strstr(text.data, " she ") || strstr(text.data, " her "), he = strstr(text.data, " he ") || strstr(text.data, " his ");
        cr_assert(she != he, "%s", text.data);
        buffer_free(&text);
    }
    task_example_free(&x);
    close_task(&o);
}
