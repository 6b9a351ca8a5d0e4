/* scene.c - opens what a run block names, and computes there. */
#include "lesson/scene.h"

#include "base/text.h"
#include "pass/ablation.h"
#include "train/eval.h"
#include "train/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Scene scene_new(LabRuns *labs)
{
    return (Scene){.labs = labs};
}

void scene_free(Scene *s)
{
    pass_free(s->pass);
    pass_free(s->baseline);
    input_free(&s->input);
    edits_free(&s->edits);
    ids_free(&s->targets);
    model_free(s->model);
    *s = (Scene){.labs = s->labs};
}

const Block *scene_block(const Lesson *l, size_t i)
{
    const Block *run = NULL;
    for (size_t k = 0; k <= i && k < l->count; k++)
        if (l->blocks[k].kind == BLOCK_RUN)
            run = &l->blocks[k];
    return run;
}

/* ---- opening ---- */

static const char *value_of(const Block *run, LessonKey key)
{
    return run ? block_value(run, key) : NULL;
}

/* The line of a key, else of the block. */
static int line_of(const Block *run, LessonKey key)
{
    return !run ? 0 : value_of(run, key) ? run->keys[key].line : run->line;
}

static int open_passes(Scene *s, Error *e)
{
    Ablations own = run_trained_without(s->model->path);
    if (!(s->pass = pass_create(s->model, input_ids(&s->input), s->ablations, e)) || pass_set_edits(s->pass, &s->edits, e) != 0)
        return -1;
    if ((s->ablations != own || s->edits.count) && !(s->baseline = pass_create(s->model, input_ids(&s->input), own, e)))
        return -1;
    return input_targets(&s->input, s->model, &s->targets, e);
}

/* Opens what the block says in a scene that holds nothing; *line gets which line of the block is at fault. */
static int open_scene(Scene *s, const Block *run, int *line, Error *e)
{
    const char *name = value_of(run, KEY_MODEL), *ablate = value_of(run, KEY_ABLATE);
    InputText given = {value_of(run, KEY_TEXT), value_of(run, KEY_TARGET), value_of(run, KEY_IDS), value_of(run, KEY_TARGET_IDS)};
    *line = line_of(run, KEY_MODEL);
    if (!s->model && !(s->model = model_open(name ? name : LESSON_MODEL, NULL, e)))
        return -1;
    *line = line_of(run, KEY_ABLATE);
    if (ablate && ablations_parse(&s->ablations, ablate, e) != 0)
        return -1;
    Buffer idle = {0};
    ablations_write(ablations_without_effect(s->ablations, &s->model->config), &idle);
    if (idle.len)
        error_set(e, _("expected an ablation of a part that %s has, found %s, which changes nothing"), s->model->name, idle.data);
    bool has_idle = idle.len > 0;
    buffer_free(&idle);
    if (has_idle)
        return -1;
    s->ablations |= run_trained_without(s->model->path);
    *line = line_of(run, given.text ? KEY_TEXT : KEY_IDS);
    if (input_read(&s->input, s->model, given, s->ablations, e) != 0)
        return -1;
    for (size_t i = 0; run && i < run->more.count; i++)
        if (edits_add(&s->edits, run->more.items[i].text, e) != 0) {
            *line = run->more.items[i].line;
            return -1;
        }
    *line = run && run->more.count ? run->more.items[0].line : line_of(run, KEY_TEXT);
    return open_passes(s, e);
}

int scene_run(Scene *s, const Lesson *l, const Block *run, Error *e)
{
    const char *name = value_of(run, KEY_MODEL), *had = value_of(s->run, KEY_MODEL);
    if (s->ready && s->run == run)
        return 0;
    Scene made = scene_new(s->labs);
    int line = 0;
    made.run = run;
    if (s->model && strcmp(name ? name : LESSON_MODEL, had ? had : LESSON_MODEL) == 0)
        made.model = s->model; /* not opened again */
    if (open_scene(&made, run, &line, e) != 0) {
        if (made.model == s->model)
            made.model = NULL;
        scene_free(&made);
        return run ? error_prefix(e, "%s:%d: run", block_path(l, run), line) : l ? error_prefix(e, "%s:1", l->path) : -1;
    }
    if (made.model == s->model)
        s->model = NULL;
    scene_free(s);
    *s = made;
    s->ready = true;
    return 0;
}

int scene_put_bug(Scene *s, const Bug *bug, Error *e)
{
    if (!s->ready && scene_run(s, NULL, NULL, e) != 0)
        return -1;
    s->bug = bug;
    return bug_put(bug, s->pass, e) == 0 && (!s->baseline || bug_put(bug, s->baseline, e) == 0) ? 0 : -1;
}

/* ---- computing ---- */

static int run_lab(void *context, const char *name, const char *settings, const char *row, const char *column, double *out, Error *e)
{
    Scene *s = context;
    const Lab *lab = s->labs ? labs_run(s->labs, name, settings, e) : NULL;
    if (!s->labs)
        return error_set(e, _("expected no experiment here: nothing runs them"));
    return lab ? lab_result(lab, row, column, out, e) : -1;
}

static int run_score(void *context, double *out, Error *e)
{
    Scene *s = context;
    if (s->edits.count)
        return error_set(e, _("expected a pass without edits: the score is over other texts than the edited one"));
    return s->labs ? labs_score(s->labs, s->model, s->ablations, out, e) : eval_score(s->model, s->ablations, out, e);
}

int scene_evaluate(Scene *s, const char *expression, Value *out, Error *e)
{
    ExpressionProvider provider = {s, run_score, run_lab};
    ExpressionError x;
    if (!s->ready && scene_run(s, NULL, NULL, e) != 0)
        return -1;
    ExpressionContext c = {.pass = s->pass,
                           .baseline = s->baseline ? s->baseline : s->pass,
                           .here = NO_STAGE,
                           .targets = s->targets.len ? s->targets.data : NULL,
                           .target_count = s->targets.len,
                           .provider = &provider};
    if (expression_run(expression, &c, out, &x) == 0)
        return 0;
    return error_set(e, "\"%.200s\": %s", expression, x.error.text);
}

int scene_stop(Scene *s, const Lesson *l, const Block *b, SceneStop *out, Error *e)
{
    LessonKey key = block_value(b, KEY_AT) ? KEY_AT : KEY_GRADIENT;
    const char *text = block_value(b, key);
    AddressList list = {0};
    size_t used = 0, n = strlen(text);
    *out = (SceneStop){.gradient = key == KEY_GRADIENT};
    if (!s->ready && scene_run(s, l, NULL, e) != 0)
        return -1;
    if (key == KEY_AT && strcmp(text, "loss") == 0) {
        out->loss = true;
        return 0;
    }
    if (address_read(&list, s->pass, NO_STAGE, text, n, &used, e) != 0)
        return error_prefix(e, "%s:%d: stop: %s", block_path(l, b), b->keys[key].line, text);
    int status = 0;
    if (used < n || list.items[0].is_weight)
        status = error_set(
            e, _("%s:%d: stop: expected a stage, such as decoder.0.self.weights[head=1], found \"%.100s\"; 'stepformer stages' lists them"),
            l->path, b->keys[key].line, text);
    else
        out->first = list.items[0];
    address_list_free(&list);
    return status;
}

/* A block's settings as labs_run takes them. */
static void scene_lab_settings(const Block *b, Buffer *out)
{
    for (size_t i = 0; i < b->more.count; i++)
        buffer_printf(out, i ? ", %s" : "%s", b->more.items[i].text);
}

const Lab *scene_lab(Scene *s, const Lesson *l, const Block *b, Error *e)
{
    Buffer settings = {0};
    scene_lab_settings(b, &settings);
    const Lab *lab = labs_run(s->labs, b->name, buffer_text(&settings), e);
    buffer_free(&settings);
    if (!lab)
        error_prefix(e, "%s:%d: lab %s", block_path(l, b), b->line, b->name);
    return lab;
}

/* ---- texts ---- */

void scene_write_value(const Value *v, Buffer *out)
{
    char number[QUESTION_NUMBER_MAX];
    if (v->type == VALUE_TEXT)
        buffer_puts(out, v->text);
    else if (v->rank == 0 && v->type == VALUE_TRUTH)
        buffer_puts(out, v->data[0] != 0 ? _("true") : _("false"));
    else if (v->rank == 0 && v->is_index)
        value_label(&v->of, (size_t)v->data[0], out);
    else if (v->rank == 0)
        buffer_puts(out, isnan(v->data[0]) ? "nan" : question_number(v->data[0], number));
    else if (v->rank == 1 && v->count <= 8)
        for (size_t i = 0; i < v->count; i++)
            buffer_printf(out, "%s%s", i ? ", " : "", question_number(v->data[i], number));
    else
        value_write_line(v, out);
}

int scene_fill(Scene *s, const Lesson *l, int line, const char *marked, Buffer *out, Error *e)
{
    for (const char *p = marked; *p;) {
        size_t n = strcspn(p, "\005");
        buffer_add(out, p, n);
        p += n;
        if (!*p)
            break;
        size_t len = strcspn(++p, "\007");
        char *text = strndup(p, len);
        Value v = {0};
        Buffer number = {0};
        if (!text)
            return error_memory(e, l->path);
        int status = scene_evaluate(s, text, &v, e);
        free(text);
        if (status != 0)
            return error_prefix(e, "%s:%d", l->path, line);
        scene_write_value(&v, &number);
        value_free(&v);
        buffer_putc(out, MARK_NUMBER);
        for (size_t i = 0; i < number.len; i++) /* a token may be a line end */
            buffer_putc(out, (unsigned char)number.data[i] < 0x20 ? ' ' : number.data[i]);
        buffer_putc(out, MARK_END);
        buffer_free(&number);
        p += len + (p[len] != '\0');
    }
    return out->failed ? error_memory(e, l->path) : 0;
}

int scene_words(Scene *s, const Lesson *l, int line, const char *marked, Buffer *out, Error *e)
{
    Buffer filled = {0};
    int status = scene_fill(s, l, line, marked, &filled, e);
    if (status == 0)
        lesson_plain(buffer_text(&filled), out);
    buffer_free(&filled);
    return status == 0 && out->failed ? error_memory(e, l->path) : status;
}

/* ---- questions ---- */

typedef struct Asking {
    Scene *s;
    const Lesson *l;
    const Block *b;
    Question *q;
    Error *e;
} Asking;

static int words(const Asking *a, int line, const char *marked, Buffer *out)
{
    return scene_words(a->s, a->l, line, marked ? marked : "", out, a->e);
}

/* A number from its expression. */
static int number_of(const Asking *a, const Item *item, double *out)
{
    Value v = {0};
    if (scene_evaluate(a->s, item->text, &v, a->e) != 0)
        return error_prefix(a->e, "%s:%d: ask %s", block_path(a->l, a->b), item->line, a->b->name);
    int status = v.type == VALUE_TEXT || v.rank != 0 || isnan(v.data[0])
                     ? error_set(a->e, _("%s:%d: ask %s: expected a number, found what is none: \"%.100s\""), block_path(a->l, a->b),
                                 item->line, a->b->name, item->text)
                     : 0;
    if (status == 0)
        *out = v.data[0];
    value_free(&v);
    return status;
}

/* A shape as it stands, or what shape(…) comes to. */
static int shape_of(const Asking *a, const Item *item, size_t shape[QUESTION_RANK_MAX], int *rank)
{
    Value v = {0};
    if (question_read_shape(item->text, shape, rank, NULL) == 0)
        return 0;
    if (scene_evaluate(a->s, item->text, &v, a->e) != 0)
        return error_prefix(a->e, "%s:%d: ask %s", block_path(a->l, a->b), item->line, a->b->name);
    bool good = v.type == VALUE_NUMBER && v.rank == 1 && v.count >= 1 && v.count <= QUESTION_RANK_MAX;
    for (size_t i = 0; good && i < v.count; i++) {
        good = v.data[i] >= 1 && v.data[i] < 1e9;
        shape[i] = good ? (size_t)v.data[i] : 0;
    }
    *rank = (int)v.count;
    value_free(&v);
    return good ? 0
                : error_set(a->e, _("%s:%d: ask %s: expected a shape, such as 4x7x7 or shape(decoder.0.self.scores), found \"%.100s\""),
                            block_path(a->l, a->b), item->line, a->b->name, item->text);
}

static int stage_of(const Asking *a, const Item *item, char name[STAGE_NAME_MAX])
{
    Error why = {{0}};
    if (question_read_stage(pass_plan(a->s->pass), item->text, name, &why) == 0)
        return 0;
    return error_set(a->e, "%s:%d: ask %s: %s", block_path(a->l, a->b), item->line, a->b->name, why.text);
}

/* Takes a known mistake, whose belief is `belief`; *taken: it can be told from the right answer and from the earlier ones. */
static int add_mistake(const Asking *a, const Item *item, const char *name, const char *belief, bool *taken)
{
    size_t shape[QUESTION_RANK_MAX];
    char stage[STAGE_NAME_MAX];
    double x;
    int rank, status = 0;
    switch (a->b->ask) {
    case ASK_NUMBER:
        if ((status = number_of(a, item, &x)) == 0)
            *taken = question_add_number(a->q, x, name, "%s", belief);
        break;
    case ASK_SHAPE:
        if ((status = shape_of(a, item, shape, &rank)) == 0)
            *taken = question_add_shape(a->q, shape, rank, name, "%s", belief);
        break;
    case ASK_STAGE:
        if ((status = stage_of(a, item, stage)) == 0)
            *taken = question_add_stage(a->q, stage, name, "%s", belief);
        break;
    default:
        break;
    }
    return status;
}

static int add_items(const Asking *a)
{
    const ItemList *list = &a->b->items;
    int status = 0;
    for (size_t i = 0; i < list->count && status == 0; i++) {
        const Item *item = &list->items[i];
        Buffer text = {0}, reply = {0};
        char name[QUESTION_NAME_MAX];
        bool taken = false;
        snprintf(name, sizeof name, "%.*s/%c", QUESTION_NAME_MAX - 3, a->b->name, (char)('a' + i % 26));
        status = words(a, item->line, item->reply, &reply);
        if (status == 0 && a->b->ask == ASK_CHOICE && (status = words(a, item->line, item->text, &text)) == 0) {
            taken = item->right ? question_add_right(a->q, (double)i, buffer_text(&text))
                                : question_add_wrong(a->q, (double)i, buffer_text(&text), name, "%s", buffer_text(&reply));
            if (item->right && reply.len)
                question_set_why(a->q, "%s", reply.data);
        } else if (status == 0) {
            status = add_mistake(a, item, name, buffer_text(&reply), &taken);
        }
        buffer_free(&text);
        buffer_free(&reply);
        if (status == 0 && !taken)
            status = error_set(
                a->e, _("%s:%d: ask %s: expected an answer that differs from the right one and from those above it, found \"%.100s\""),
                block_path(a->l, a->b), item->line, a->b->name, item->text);
    }
    return status;
}

static int set_number(const Asking *a)
{
    const char *given = block_value(a->b, KEY_TOLERANCE);
    double x, tolerance;
    if (number_of(a, &a->b->keys[KEY_ANSWER], &x) != 0)
        return -1;
    tolerance = fabs(x - nearbyint(x)) < 1e-9 && fabs(x) < 1e6 ? 0 : 0.01 * fabs(x);
    if (given)
        tolerance = strchr(given, '%') ? atof(given) / 100 * fabs(x) : atof(given);
    question_set_number(a->q, x, tolerance);
    if (block_value(a->b, KEY_UNIT))
        question_set_unit(a->q, block_value(a->b, KEY_UNIT));
    return 0;
}

static int set_answer(const Asking *a)
{
    const Item *answer = &a->b->keys[KEY_ANSWER];
    size_t shape[QUESTION_RANK_MAX];
    char stage[STAGE_NAME_MAX];
    int rank;
    switch (a->b->ask) {
    case ASK_NUMBER:
        return set_number(a);
    case ASK_SHAPE:
        if (shape_of(a, answer, shape, &rank) != 0)
            return -1;
        question_set_shape(a->q, shape, rank);
        return 0;
    case ASK_STAGE:
        if (stage_of(a, answer, stage) != 0)
            return -1;
        question_set_stage(a->q, stage);
        return 0;
    default:
        return 0;
    }
}

int scene_ask(Scene *s, const Lesson *l, const Block *b, Question *q, Error *e)
{
    static const QuestionKind kinds[ASK_KIND_COUNT] = {QUESTION_CHOICE, QUESTION_NUMBER, QUESTION_SHAPE, QUESTION_STAGE, QUESTION_REASON};
    Asking a = {s, l, b, q, e};
    Buffer text = {0}, why = {0};
    question_init(q, kinds[b->ask], b->name);
    int status = s->ready ? 0 : scene_run(s, l, NULL, e);
    const char *reason = b->ask == ASK_REASON ? block_value(b, KEY_ANSWER) : block_value(b, KEY_WHY);
    if (status == 0)
        status = words(&a, b->line, b->text, &text);
    if (status == 0)
        status = words(&a, b->line, reason, &why);
    if (status == 0) {
        question_set_text(q, "%s", buffer_text(&text));
        if (why.len)
            question_set_why(q, "%s", why.data);
        status = set_answer(&a);
    }
    if (status == 0)
        status = add_items(&a);
    if (status == 0 && q->failed)
        status = error_memory(e, l->path);
    buffer_free(&text);
    buffer_free(&why);
    if (status != 0)
        question_free(q);
    return status;
}
