/* verify_against.c - `verify --against`: a pass beside a file that another program wrote. */
#include "cli/verify.h"

#include "base/text.h"
#include "cli/cli.h"
#include "cli/listing.h"
#include "measure/against.h"
#include "measure/label.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What the pass was fed was said on the command line, or in the file. */
static bool is_fed(const Options *o)
{
    return o->value[OPTION_TEXT] || o->value[OPTION_TARGET] || o->value[OPTION_IDS] || o->value[OPTION_TARGET_IDS];
}

/* The ids in the file stand in for --ids and --target-ids where nothing is given. */
static int take_ids(Options *o, const SafeTensors *file, char *texts[2], Error *e)
{
    static const struct {
        const char *name;
        OptionId option;
    } tensors[] = {{"input_ids", OPTION_IDS}, {"decoder_input_ids", OPTION_TARGET_IDS}};
    if (is_fed(o))
        return 0;
    for (size_t k = 0; k < 2; k++) {
        Ids ids = {0};
        Buffer text = {0};
        int found = against_ids(file, tensors[k].name, &ids, e);
        for (size_t i = 0; i < ids.len; i++)
            buffer_printf(&text, i ? ",%d" : "%d", ids.data[i]);
        ids_free(&ids);
        if (found == 1)
            o->value[tensors[k].option] = texts[k] = text.data;
        if (found < 0 || text.failed)
            return found < 0 ? -1 : error_memory(e, file->path);
    }
    return 0;
}

static int read_tolerance(const Options *o, double *tolerance, Error *e)
{
    const char *text = o->value[OPTION_TOLERANCE];
    char *end;
    if (!text)
        return 0;
    *tolerance = strtod(text, &end);
    if (end == text || *end || !(*tolerance >= 0) || !isfinite(*tolerance))
        return error_set(e, _("--tolerance: expected a number, 0 or more, such as 1e-4, found \"%.40s\""), text);
    return 0;
}

/* What of a stage it is, behind the stage's name; "" where it is its value. */
static const char *form_name(HookForm form)
{
    switch (form) {
    case HOOK_SCALE:
        return _(", scale");
    case HOOK_NORMALIZED:
        return _(", no gain");
    case HOOK_RESULT:
        return _(", by head");
    default:
        return "";
    }
}

/* Our name of what is compared. */
static void add_ours(Buffer *out, const AgainstItem *item, const Pass *p)
{
    char name[STAGE_NAME_MAX];
    buffer_printf(out, "%s%s", stage_name(&pass_plan(p)->stages[item->stage], name), form_name(item->form));
}

/* Why there is no error to be measured; nothing where there is one. */
static void add_trouble(Buffer *out, const AgainstItem *item)
{
    if (item->shapes_differ) {
        buffer_puts(out, _("expected shape "));
        safetensors_add_shape(out, item->shape, item->rank);
        buffer_puts(out, _(", found "));
        safetensors_add_shape(out, item->tensor->shape, item->tensor->rank);
    } else if (isinf(item->error))
        buffer_puts(out, _("other places of what is hidden or not a number"));
}

static void add_item(Buffer *out, const AgainstItem *item, const Pass *p, double tolerance, int columns)
{
    Buffer ours = {0};
    add_ours(&ours, item, p);
    buffer_printf(out, "%-6s  %-*s  ", item->error <= tolerance ? "ok" : "FAILED", columns, buffer_text(&ours));
    size_t before = out->len;
    add_trouble(out, item);
    if (out->len == before)
        buffer_printf(out, "%.2e", item->error);
    if (strcmp(buffer_text(&ours), item->name) != 0)
        buffer_printf(out, "  %s", item->name);
    buffer_putc(out, '\n');
    buffer_free(&ours);
}

/* The same as json or csv, in place of the text. */
static int write_listed(int format, const Against *a, const Pass *p, double tolerance, size_t failed, Buffer *out, Error *e)
{
    static const char *const columns[] = {"stage", "tensor", "result", "error", "why", NULL};
    Listing list;
    listing_begin(&list, columns);
    listing_fact_count(&list, "compared", a->compared);
    listing_fact_count(&list, "failed", failed);
    listing_fact_number(&list, "tolerance", tolerance);
    for (size_t i = 0; i < a->count; i++) {
        const AgainstItem *item = &a->items[i];
        Buffer text = {0};
        if (i < a->compared) {
            add_ours(&text, item, p);
            listing_word(&list, buffer_text(&text));
        } else
            listing_nothing(&list);
        listing_word(&list, item->name);
        listing_word(&list, i >= a->compared ? "not compared" : item->error <= tolerance ? "ok" : "failed");
        listing_number(&list, i < a->compared ? item->error : NAN);
        buffer_clear(&text);
        if (i < a->compared)
            add_trouble(&text, item);
        if (text.len)
            listing_word(&list, buffer_text(&text));
        else
            listing_nothing(&list);
        buffer_free(&text);
    }
    buffer_clear(out);
    int status = listing_write(&list, (ListingFormat)format, TEXT_ANY_COLUMNS, out, e);
    listing_free(&list);
    return status;
}

/* "head 1, query 3 (cat), key 0 (The)": where two numbers are furthest apart. */
static void add_place(Buffer *out, const AgainstItem *item, const Pass *p)
{
    static const Axis by_head[STAGE_MAX_RANK] = {AXIS_TOKEN, AXIS_HEAD, AXIS_DIM};
    const Stage *s = &pass_plan(p)->stages[item->stage];
    bool heads_behind = item->form == HOOK_RESULT || (item->form != HOOK_VALUE && item->rank == 3);
    for (int k = 0; k < item->rank; k++) {
        Axis axis = heads_behind ? by_head[k] : s->axes[k];
        Buffer name = {0};
        if (item->form == HOOK_SCALE && k + 1 == item->rank)
            break;
        buffer_printf(out, "%s%s %zu", k ? ", " : "", label_axis(axis), item->index[k]);
        if (!heads_behind && (axis == AXIS_TOKEN || axis == AXIS_QUERY || axis == AXIS_KEY || axis == AXIS_VOCAB)) {
            label_index(p, s, k, item->index[k], &name);
            buffer_puts(out, " (");
            text_escape(out, buffer_text(&name), name.len, false);
            buffer_puts(out, ")");
        }
        buffer_free(&name);
    }
}

/* What two right programs disagree about at a stage all of whose inputs agree. */
static const char *suspect(StageKind kind)
{
    switch (kind) {
    case STAGE_TOKENS:
        return N_("other ids, another model's embedding, or one that is scaled");
    case STAGE_POSITIONS:
    case STAGE_SUM:
        return N_("positions that begin elsewhere, or of another kind");
    case STAGE_NORM:
    case STAGE_Q_NORM:
    case STAGE_K_NORM:
        return N_("eps, gain and bias, or LayerNorm for RMSNorm");
    case STAGE_Q:
    case STAGE_K:
    case STAGE_V:
        return N_("a matrix read the other way round, heads cut in another order, or a bias");
    case STAGE_Q_ROT:
    case STAGE_K_ROT:
        return N_("RoPE's base, its scaling, or which dimensions make a pair: halves or neighbours");
    case STAGE_SCORES:
    case STAGE_SCALED:
        return N_("the factor 1/sqrt(d_head), or which query heads share a key head");
    case STAGE_BIASED:
        return N_("ALiBi's slopes, one for each head, or the distances they are multiplied by");
    case STAGE_MASKED:
    case STAGE_WEIGHTS:
        return N_("the mask: padding, a window, or what is hidden");
    case STAGE_ACTIVATE:
        return N_("which activation: GELU exactly or by tanh, for one");
    case STAGE_LOGITS:
        return N_("the output matrix: the embedding, or one of its own");
    default:
        return NULL;
    }
}

/* Which stages may have made the difference: the one, with what is likely; a few; or where they begin and end. */
static int add_doubt(Buffer *out, const Options *o, const Against *a, size_t first, const Pass *p, Error *e)
{
    enum { FEW = 5 };
    const Plan *plan = pass_plan(p);
    StageKind kind = plan->stages[a->items[first].stage].kind;
    char name[STAGE_NAME_MAX];
    bool *in_doubt = calloc(plan->count, sizeof *in_doubt);
    if (!in_doubt)
        return error_memory(e, "verify");
    size_t count = against_in_doubt(a, first, p, in_doubt), listed = 0;
    bool first_of_all = false;
    for (size_t i = 0; i < plan->count; i++)
        first_of_all |= in_doubt[i] && plan->stages[i].kind == STAGE_TOKENS;
    if (first_of_all && !is_fed(o))
        buffer_puts(out, _("  the file does not say what it is of, and the pass read the model's example: give --ids, or put input_ids into it\n"));
    if (count == 1 && suspect(kind))
        buffer_printf(out, _("  what it is computed from agrees; suspect %s\n"), _(suspect(kind)));
    else if (count == 1)
        buffer_puts(out, _("  what it is computed from agrees: the difference is of this stage\n"));
    else
        buffer_printf(out, ngettext("  %zu stage may have made it: ", "  %zu stages may have made it: ", count), count);
    for (size_t i = 0; count > 1 && i < plan->count; i++) {
        if (!in_doubt[i])
            continue;
        listed++;
        if (count <= FEW || listed == 1 || listed == count)
            buffer_printf(out, "%s%s", listed == 1 ? "" : count <= FEW ? ", " : " … ", stage_name(&plan->stages[i], name));
    }
    buffer_puts(out, count > FEW ? _("; the more of them the file holds, the nearer\n") : count > 1 ? "\n" : "");
    free(in_doubt);
    return 0;
}

/* Says of the first tensor that differs where it does, and what that tells. */
static int add_first(Buffer *out, const Options *o, const Against *a, size_t first, Pass *p, double tolerance, Error *e)
{
    const AgainstItem *item = &a->items[first];
    Stack stack = pass_plan(p)->stages[item->stage].stack;
    size_t length = against_other_length(item, p), count;
    pass_ids(p, stack == STACK_OUTPUT ? config_last_stack(&pass_model(p)->config) : stack, &count);
    buffer_printf(out, _("first that differs: %s"), item->name);
    if (!item->shapes_differ) {
        buffer_puts(out, ": ");
        add_place(out, item, p);
        buffer_printf(out, _(": ours %.6g, theirs %.6g"), item->ours, item->theirs);
    }
    buffer_putc(out, '\n');
    bool fed_second = stack != STACK_ENCODER && config_has_stack(&pass_model(p)->config, STACK_ENCODER);
    if (length)
        buffer_printf(out, _("  tokens: theirs %zu, the pass %zu; give %s, or put %s into the file\n"), length, count,
                      fed_second ? "--target-ids" : "--ids", fed_second ? "decoder_input_ids" : "input_ids");
    else if (item->shapes_differ)
        buffer_puts(out, _("  is it of another model, or of several texts at once?\n"));
    else if (against_is_centred(item, p, tolerance))
        buffer_puts(out, _("  theirs is ours less the mean of each row: TransformerLens's from_pretrained centres the weights; take "
                           "from_pretrained_no_processing\n"));
    else
        return add_doubt(out, o, a, first, p, e);
    return 0;
}

/* Says where the file was fed something else than the pass. */
static int add_other_ids(Buffer *out, const SafeTensors *file, const Pass *p, Error *e)
{
    static const char *const names[] = {"input_ids", "decoder_input_ids"};
    const Config *c = &pass_model(p)->config;
    for (Stack s = STACK_ENCODER; s <= STACK_DECODER; s++) {
        Ids theirs = {0};
        size_t n = 0;
        const char *name = names[s == STACK_DECODER && config_has_stack(c, STACK_ENCODER)];
        const int *ours = config_has_stack(c, s) ? pass_ids(p, s, &n) : NULL;
        int found = ours ? against_ids(file, name, &theirs, e) : 0;
        if (found == 1 && (theirs.len != n || memcmp(theirs.data, ours, n * sizeof *ours) != 0)) {
            buffer_printf(out, _("the file is of other ids than the pass: %s is "), name);
            for (size_t i = 0; i < theirs.len; i++)
                buffer_printf(out, i ? ",%d" : "%d", theirs.data[i]);
            buffer_putc(out, '\n');
        }
        ids_free(&theirs);
        if (found < 0)
            return -1;
    }
    return 0;
}

/* True where a program that computes in the weights' own half precision would be as far off. */
static bool may_be_rounding(const AgainstItem *worst, const Pass *p)
{
    const Weights *w = &pass_model(p)->weights;
    bool half = false;
    for (size_t i = 0; i < w->count && !half; i++)
        half = w->items[i].values.dtype == DTYPE_BF16 || w->items[i].values.dtype == DTYPE_F16;
    return half && worst->error <= AGAINST_TOLERANCE_HALF;
}

/* The table, and below it what it comes to. *failed gets how many are too far off. */
static int write_table(const Options *o, const Against *a, Pass *p, double tolerance, Buffer *out, size_t *failed, Error *e)
{
    const AgainstItem *worst = &a->items[0];
    size_t first = a->compared;
    int widest = 0;
    *failed = 0;
    for (size_t i = 0; i < a->compared; i++) {
        Buffer ours = {0};
        add_ours(&ours, &a->items[i], p);
        int n = text_width(buffer_text(&ours));
        widest = n > widest ? n : widest;
        buffer_free(&ours);
    }
    for (size_t i = 0; i < a->compared; i++) {
        const AgainstItem *item = &a->items[i];
        add_item(out, item, p, tolerance, widest);
        if (item->error > worst->error)
            worst = item;
        if (!(item->error <= tolerance) && (*failed)++ == 0)
            first = i;
    }
    for (size_t i = a->compared; i < a->count; i++)
        if (strcmp(a->items[i].name, "input_ids") != 0 && strcmp(a->items[i].name, "decoder_input_ids") != 0)
            buffer_printf(out, _("not compared: %s: no stage of this pass is called so\n"), a->items[i].name);
    if (*failed && add_first(out, o, a, first, p, tolerance, e) != 0)
        return -1;
    if (*failed && may_be_rounding(worst, p))
        buffer_printf(out, _("  the weights are of half precision: a program that also computes in it is this far off; if theirs did, --tolerance %g\n"),
                      AGAINST_TOLERANCE_HALF);
    buffer_printf(out,
                  ngettext("%zu tensor compared, %zu beyond %.0e; largest error %.2e (%s)\n",
                           "%zu tensors compared, %zu beyond %.0e; largest error %.2e (%s)\n", a->compared),
                  a->compared, *failed, tolerance, worst->error, worst->name);
    return 0;
}

static int compare(Options *o, const SafeTensors *file, int *status, Error *e)
{
    char *texts[2] = {NULL, NULL};
    Work w;
    Against a = {.count = 0};
    Buffer text = {0};
    size_t failed = 0;
    int format = options_format(o, e);
    int good = take_ids(o, file, texts, e) == 0 ? work_open(&w, o, e) : -1;
    if (good != 0) {
        if ((texts[0] || texts[1]) && (strncmp(e->text, "--ids", 5) == 0 || strncmp(e->text, "--target-ids", 12) == 0))
            error_prefix(e, "%s", file->path); /* they are the file's */
        free(texts[0]);
        free(texts[1]);
        return -1;
    }
    Pass *p = work_pass(&w, e);
    good = p ? against_compare(&a, p, file, e) : -1;
    double tolerance = a.tolerance;
    if (good == 0)
        good = read_tolerance(o, &tolerance, e);
    if (good == 0)
        good = add_other_ids(&text, file, p, e);
    if (good == 0)
        good = write_table(o, &a, p, tolerance, &text, &failed, e);
    if (good == 0 && format > 0)
        good = write_listed(format, &a, p, tolerance, failed, &text, e);
    if (good == 0) {
        Output out = output_open(o);
        *status = failed ? CLI_FAILED : CLI_DONE;
        output_result(&out, format == 0, &text);
        good = output_close(&out, e);
    }
    against_free(&a);
    buffer_free(&text);
    pass_free(p);
    work_free(&w);
    free(texts[0]);
    free(texts[1]);
    return good;
}

int verify_against(Options *o)
{
    SafeTensors file;
    Error e = {{0}};
    int status = CLI_DONE;
    if (safetensors_open(&file, o->value[OPTION_AGAINST], &e) != 0)
        return cli_wrong(&e);
    int good = compare(o, &file, &status, &e);
    safetensors_close(&file);
    return good == 0 ? status : cli_wrong(&e);
}
