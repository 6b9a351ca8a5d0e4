/* hunt.c - the subcommand `hunt`: a network with a common mistake in it, and the question where; and the cards of the mistakes. */
#include "base/text.h"
#include "cli/cli.h"
#include "cli/screen.h"
#include "model/nearest.h"
#include "term/term.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PADDING = 3, SEEDS = 100000, COLUMNS = 79 };

static const OptionId taken[] = {OPTION_MODEL,      OPTION_TOKENIZER, OPTION_TEXT,   OPTION_TARGET, OPTION_IDS,
                                 OPTION_TARGET_IDS, OPTION_BUG,       OPTION_ANSWER, OPTION_CARDS,  OPTION_CARD,
                                 OPTION_SEED,       OPTION_THEME,     OPTION_RECORD, OPTION_OUTPUT, OPTION_END};

static const OptionNote notes[] = {
    {OPTION_SEED, "N", N_("which bug of the level; the same seed hides the same one")},
    {OPTION_BUG, "ID", N_("hide this bug: for teachers")},
    {OPTION_END, NULL, NULL},
};

static const CommandSpec spec = {
    .name = "hunt",
    .operands = "[LEVEL]",
    .what = N_("A bug hunt: one common mistake is put into a network, and you find the stage\n"
               "with the debugger's tools; ! names it. Level 1 can be seen in one matrix, 2\n"
               "takes a comparison, 3 shows only with padding, a cache or a close look. Without\n"
               "a terminal (in a pipe, or with -o) the same network's walk, and the question."),
    .example = "stepformer hunt 2\n"
               "stepformer hunt --bug softmax-axis --answer decoder.0.self.weights\n"
               "stepformer hunt --card stale-cache",
    .options = taken,
    .notes = notes,
};

/* ---- choosing ---- */

/* Which bug of the level; the same for the same seed and the same choice. */
static const Bug *choose(int level, uint64_t seed, const Pass *p)
{
    const Bug *fit[BUG_COUNT];
    size_t n = 0;
    for (int i = 0; i < BUG_COUNT; i++)
        if (bug_table[i].level == level && (!p || bug_applies(&bug_table[i], p)))
            fit[n++] = &bug_table[i];
    return n ? fit[seed % n] : NULL;
}

/* The ids of the model's own example, filled up with padding: "1,5,6,2,0,0,0". */
static int pad_example(const Options *o, Buffer *ids, Error *e)
{
    Model *m = cli_open_model(o, e);
    Input in = {0};
    if (!m)
        return -1;
    int status = m->config.pad < 0 ? error_set(e, "%s: expected a model with a padding token, found none; leave -m out", m->name)
                                   : input_read(&in, m, (InputText){0}, 0, e);
    const Ids *fed = m->config.kind == KIND_DECODER ? &in.target : &in.source;
    for (size_t i = 0; status == 0 && i < fed->len + PADDING; i++)
        buffer_printf(ids, i ? ",%d" : "%d", i < fed->len ? fed->data[i] : m->config.pad);
    input_free(&in);
    model_free(m);
    return status == 0 && ids->failed ? error_memory(e, "ids") : status;
}

/* The debugger with the bug in it. What nobody gave is chosen so that the bug can be found. */
static App *make_app(Options *o, const Bug *bug, uint64_t seed, Theme theme, bool color, Error *e)
{
    bool fed = o->value[OPTION_TEXT] || o->value[OPTION_IDS];
    if (!o->value[OPTION_MODEL] && !fed)
        o->value[OPTION_MODEL] = bug->model;
    if (bug_needs_padding(bug) && !fed) {
        buffer_clear(&o->joined[OPTION_IDS]);
        if (pad_example(o, &o->joined[OPTION_IDS], e) != 0)
            return NULL;
        o->value[OPTION_IDS] = buffer_text(&o->joined[OPTION_IDS]);
    }
    App *app = screen_app(o, theme, color, e);
    if (app && hunt_start(app, bug, seed, e) != 0) {
        app_free(app);
        return NULL;
    }
    return app;
}

static int read_level(const Options *o, int *level, Error *e)
{
    const char *text = o->operand_count ? o->operands[0] : "1";
    char quoted[QUOTE_SHORT];
    if (o->operand_count > 1)
        return error_set(e, "hunt: expected one level, found %d words", o->operand_count);
    if (strlen(text) != 1 || text[0] < '1' || text[0] > '0' + BUG_LEVELS)
        return error_set(e, "hunt: expected a level from 1 to %d, found %s", BUG_LEVELS, quote_short(text, strlen(text), quoted));
    *level = text[0] - '0';
    return 0;
}

App *screen_hunt(Options *o, Theme theme, bool color, Error *e)
{
    int level = 1;
    uint64_t seed = 0;
    if (o->value[OPTION_BUG]) {
        const Bug *bug = bug_find(o->value[OPTION_BUG], e);
        return bug ? make_app(o, bug, 0, theme, color, e) : NULL;
    }
    if (read_level(o, &level, e) != 0 || options_count(o, OPTION_SEED, 1, UINT64_MAX, 1 + (uint64_t)time(NULL) % SEEDS, &seed, e) != 0)
        return NULL;
    if (!o->value[OPTION_MODEL] && !o->value[OPTION_TEXT] && !o->value[OPTION_IDS])
        return make_app(o, choose(level, seed, NULL), seed, theme, color, e);
    App *app = screen_app(o, theme, color, e); /* what was given decides which can be found */
    const Bug *bug = app ? choose(level, seed, app->pass) : NULL;
    if (app && !bug)
        error_set(e, "%s: expected a model and a text that a bug of level %d can be found in; try another level, or leave -m and -t out",
                  app->model->name, level);
    if (bug && hunt_start(app, bug, seed, e) == 0)
        return app;
    app_free(app);
    return NULL;
}

/* ---- as text ---- */

/* Paragraphs of at most COLUMNS columns; a heading stands right above its paragraph, a link right below. */
static int write_lines(const HuntLine *lines, int n, Output *out, Error *e)
{
    enum { ROWS = 100 };
    Canvas c = {0};
    Buffer text = {0};
    if (canvas_init(&c, COLUMNS, ROWS, screen_is_ascii(), e) != 0)
        return -1;
    for (int i = 0; i < n; i++) {
        if (lines[i].role == ROLE_LINK) { /* in one piece, however long */
            buffer_printf(&text, "%s\n\n", lines[i].text);
            continue;
        }
        canvas_clear(&c);
        c.rows = ROWS;
        c.rows = canvas_put_wrapped(&c, 0, 0, COLUMNS, ROWS, lines[i].role, lines[i].text);
        canvas_write_text(&c, &text);
        if (lines[i].role != ROLE_HEADING && !(i + 1 < n && lines[i + 1].role == ROLE_LINK))
            buffer_putc(&text, '\n');
    }
    c.rows = ROWS;
    canvas_free(&c);
    bool failed = text.failed;
    output_emit(out, buffer_text(&text), text.len);
    buffer_free(&text);
    return failed ? error_memory(e, "hunt") : 0;
}

static int write_card(const Bug *b, Output *out, Error *e)
{
    HuntLine lines[HUNT_CARD_LINES];
    char head[96];
    snprintf(head, sizeof head, _("-- %s, level %d --"), b->id, b->level);
    HuntLine title = {ROLE_HEADING, head};
    return write_lines(&title, 1, out, e) == 0 ? write_lines(lines, hunt_card(b, lines), out, e) : -1;
}

static int cards(const Options *o)
{
    Error e = {{0}};
    const Bug *one = o->value[OPTION_CARD] ? bug_find(o->value[OPTION_CARD], &e) : NULL;
    if (o->value[OPTION_CARD] && !one)
        return cli_wrong(&e);
    Output out = output_open(o);
    int status = 0;
    for (int i = 0; i < BUG_COUNT && status == 0; i++)
        if (!one || one == &bug_table[i])
            status = write_card(&bug_table[i], &out, &e);
    return status == 0 && output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

static App *plain_app(Options *o, Error *e)
{
    Theme theme;
    return screen_theme(o, false, &theme, e) == 0 ? screen_hunt(o, theme, false, e) : NULL;
}

/* The walk through the network with the bug, and the question. */
static int walk(Options *o)
{
    Error e = {{0}};
    App *app = plain_app(o, &e);
    if (!app)
        return cli_wrong(&e);
    Output out = output_open(o);
    char seed[64];
    snprintf(seed, sizeof seed, app->hunt.seed ? _("%d --seed %llu") : "%d", app->hunt.bug->level, (unsigned long long)app->hunt.seed);
    char how[256];
    snprintf(how, sizeof how,
             _("Answer with: stepformer hunt %s --answer STAGE (and the same -m and -t). Hints: stepformer hunt, in a terminal."), seed);
    const HuntLine question[] = {
        {ROLE_HEADING, _("A bug hunt")},
        {ROLE_TEXT, _("Somebody made one common mistake in writing this network. One kind of stage, or two that belong together, compute "
                      "or read something else than they should. Which?")},
        {ROLE_TEXT, bug_is_of_cache(app->hunt.bug) ? _("The mistake is in decoding with the key/value cache: the decoder's rows are what "
                                                       "was computed for each token when it was fed, alone.")
                                                   : NULL},
        {ROLE_TEXT, app->hunt.seed ? how : NULL},
    };
    int status = 0;
    bool go_on = walk_text(app->pass, 3, output_columns(&out), screen_is_ascii(), output_emit, &out);
    for (size_t i = 0; go_on && status == 0 && i < sizeof question / sizeof *question; i++)
        if (question[i].text)
            status = write_lines(&question[i], 1, &out, &e);
    app_free(app);
    return status == 0 && output_close(&out, &e) == 0 ? CLI_DONE : cli_wrong(&e);
}

/* The stage of that name, or the first whose name ends in it: "weights", "self.weights". One that the bug touches is taken before others.
 * NO_STAGE with e set where there is none. */
static int find_stage(const App *app, const char *name, Error *e)
{
    const Plan *plan = pass_plan(app->pass);
    int found = plan_find(plan, name);
    char have[STAGE_NAME_MAX], dotted[2 * STAGE_NAME_MAX], quoted[QUOTE_SHORT];
    snprintf(dotted, sizeof dotted, ".%s", name);
    for (size_t i = 0; i < plan->count && plan_find(plan, name) == NO_STAGE; i++)
        if (name_ends_with(stage_name(&plan->stages[i], have), dotted) && (found == NO_STAGE || bug_touches(app->hunt.bug, app->pass, i))) {
            found = (int)i;
            if (bug_touches(app->hunt.bug, app->pass, i))
                break;
        }
    if (found == NO_STAGE)
        error_set(e, "--answer: expected a stage of this network, or the end of its name, found %s; 'stepformer stages' lists the names",
                  quote_short(name, strlen(name), quoted));
    return found;
}

static int answer(Options *o)
{
    Error e = {{0}};
    if (!o->value[OPTION_BUG] && !o->value[OPTION_SEED]) {
        error_set(&e, "--answer: expected --seed N or --bug ID beside it: which hunt is meant?");
        return cli_wrong(&e);
    }
    App *app = plain_app(o, &e);
    int at = app ? find_stage(app, o->value[OPTION_ANSWER], &e) : NO_STAGE;
    if (at == NO_STAGE) {
        app_free(app);
        return cli_wrong(&e);
    }
    Output out = output_open(o);
    app->view = VIEW_STEP;
    app_go(app, (size_t)at);
    hunt_accuse(app);
    bool right = app->hunt.solved;
    int status;
    if (right) {
        const HuntLine found = {ROLE_TEXT, _("Found!")};
        status = write_lines(&found, 1, &out, &e) == 0 ? write_card(app->hunt.bug, &out, &e) : -1;
    } else {
        const HuntLine said[] = {{ROLE_TEXT, _("Not here.")}, {ROLE_TEXT, app->hunt.said}, {ROLE_TEXT, _(app->hunt.bug->hints[0])}};
        status = write_lines(said, 3, &out, &e);
    }
    app_free(app);
    if (status != 0 || output_close(&out, &e) != 0)
        return cli_wrong(&e);
    return right ? CLI_DONE : CLI_FAILED;
}

int cli_hunt(int argc, char **argv)
{
    Options o;
    Error e = {{0}};
    int status;
    if (!options_read(&o, &spec, argc, argv, &status))
        return status;
    bool terminal = isatty(STDOUT_FILENO) && !o.value[OPTION_OUTPUT];
    if (screen_is_ascii())
        cli_speak_ascii();
    if (o.value[OPTION_CARDS] || o.value[OPTION_CARD])
        status = cards(&o);
    else if (o.value[OPTION_ANSWER])
        status = answer(&o);
    else if (screen_check_record(&o, terminal, &e) != 0)
        status = cli_wrong(&e);
    else if (terminal)
        status = screen_debug(&o, screen_hunt, walk);
    else
        status = walk(&o);
    options_free(&o);
    return status;
}
