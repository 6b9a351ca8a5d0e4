/* test_translation.c - the program in Chinese: what the texts are put into holds them.
 *
 * Whether every text is translated is tests/translations.sh. The tests run from the top folder. */
#include "language_help.h"
#include "measure/metrics.h"
#include "pass/ablation.h"
#include "view/app.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char *const models[] = {
    "tiny-models/hand-wired",
    "tiny-models/zh-en",
    "random:kind=decoder,norm=rmsnorm,position=rope,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,bias=false",
    "random:kind=encoder,encoder_layers=1,position=learned",
    "random:kind=decoder,position=alibi,norm=none,ffn=none,decoder_layers=1",
    "random:kind=decoder,position=rope,rope_dims=4,parallel=true,d_ff=24,decoder_layers=2,tie_embeddings=false",
    "random:kind=encoder,encoder_layers=1,norm_position=post,position=learned,token_types=2,embed_norm=true,output_head=true,output_bias=true,eos=2",
    "random:kind=decoder,norm=rmsnorm,position=rope,qk_norm=true,ffn=gated,activation=silu,n_heads=4,n_kv_heads=2,d_head=6,bias=false",
};

static void speak_chinese(void)
{
    if (!language_speak("zh"))
        cr_skip_test("there are no translations here: no msgfmt, or no C.UTF-8");
}

static App *open_app(const char *model, const char *ablate)
{
    Error e = {{0}};
    Ablations a = 0;
    Model *m = model_open(model, NULL, &e);
    cr_assert(m, "%s", e.text);
    cr_assert_eq(ablations_parse(&a, ablate, &e), 0, "%s", e.text);
    App *app = app_create(m, (InputText){0}, a, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    return app;
}

Test(translation, texts_plurals_and_places)
{
    speak_chinese();
    cr_assert_str_eq(_("attention weights"), "注意力权重");
    cr_assert_str_eq(ngettext("%zu edit", "%zu edits", 1), "%zu 处改动");
    cr_assert_str_eq(ngettext("%zu edit", "%zu edits", 2), "%zu 处改动");
    cr_assert_str_eq(C_("head class", "next"), "后邻");
    cr_assert_str_eq(_("next"), "下一步");
    Error e = {{0}};
    cr_assert_eq(error_set(&e, "%s: cannot be opened: %s", "a", "b"), -1);
    cr_assert_str_eq(e.text, "a：打不开：b");
    error_memory(&e, "edits");
    cr_assert_str_eq(e.text, "改动：内存不足；请换小一点的模型或短一点的文本");
    language_speak("en");
    cr_assert_str_eq(C_("head class", "next"), "next");
    cr_assert_str_eq(_("attention weights"), "attention weights");
}

Test(translation, padding_counts_columns)
{
    static const struct {
        const char *text;
        int columns;
        const char *want;
    } cases[] = {{"loss", 7, "loss   "}, {"loss", -7, "   loss"}, {"损失", 7, "损失   "}, {"损失", -7, "   损失"},
                 {"损失", 4, "损失"},    {"损失", 3, "损失"},     {"", -2, "  "},         {"x", 0, "x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Buffer b = {0};
        text_pad(&b, cases[i].text, cases[i].columns);
        cr_assert_str_eq(buffer_text(&b), cases[i].want, "case %zu: '%s'", i, buffer_text(&b));
        buffer_free(&b);
    }
}

/* No label is cut, and no number is: a value that is too wide ends in … */
Test(translation, metrics_fit, .timeout = 120)
{
    static const char *const ablations[] = {"", "no-positions", "no-residual", "uniform-attention", "no-scale", "scale-by-dk", "no-mask", "no-norm"};
    speak_chinese();
    for (size_t m = 0; m < sizeof models / sizeof *models; m++)
        for (size_t k = 0; k < sizeof ablations / sizeof *ablations; k++) {
            App *app = open_app(models[m], ablations[k]);
            Pass *p = app->pass;
            for (size_t i = 0; i < pass_plan(p)->count; i++) {
                const Stage *s = &pass_plan(p)->stages[i];
                MetricLine lines[METRIC_LINES_MAX];
                char name[STAGE_NAME_MAX];
                stage_name(s, name);
                size_t n = metric_lines(p, i, 0, s->shape[s->rank - 2] - 1, lines, METRIC_LINES_MAX);
                for (size_t j = 0; j < n; j++) {
                    cr_assert(!strstr(lines[j].label, "…"), "%s, %s: label \"%s\" is cut", models[m], name, lines[j].label);
                    size_t len = strlen(lines[j].value), end = strlen("…");
                    cr_assert(len < end || strcmp(lines[j].value + len - end, "…") != 0, "%s, %s %s: \"%s\" is cut", models[m], name,
                              lines[j].label, lines[j].value);
                }
            }
            app_free(app);
        }
}

/* In every view that a key opens a wide character is whole, and the status line speaks Chinese. */
Test(translation, views_draw_whole_characters)
{
    static const char *const keys = "nsvaEVAfOYRpmSF?wDGUMzxt";
    speak_chinese();
    for (size_t m = 0; m < sizeof models / sizeof *models; m++)
        for (const char *key = keys; *key; key++) {
            Error e = {{0}};
            Canvas c = {0};
            App *app = open_app(models[m], "");
            cr_assert_eq(canvas_init(&c, 80, 24, false, &e), 0);
            app_draw(app, &c);
            app_event(app, &(Event){.type = EVENT_KEY, .key = *key});
            app_draw(app, &c);
            int wide = 0;
            for (int row = 0; row < c.rows; row++) {
                const Cell *cells = canvas_row(&c, row);
                for (int x = 0; x < c.cols; x++)
                    if (cells[x].width == 2) {
                        cr_assert(x + 1 < c.cols && cells[x + 1].width == 0, "%s, %c: half a character at %d,%d", models[m], *key, row, x);
                        wide += row == c.rows - 1;
                    }
            }
            cr_assert_gt(wide, 1, "%s, %c: the last line is not Chinese", models[m], *key);
            canvas_free(&c);
            app_free(app);
        }
}
