/* test_map.c - the map and the residual stream's table: the boxes held against the plan, and what is drawn. */
#include "view/map.h"

#include "measure/metrics.h"
#include "pass/ablation.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The paper's architecture, two layers each. */
#define PAPER "kind=encoder-decoder,norm_position=post,encoder_layers=2,decoder_layers=2,activation=relu,embed_scale=true"

static App *open_app(const char *config, Ablations a)
{
    char name[512];
    Error e = {{0}};
    snprintf(name, sizeof name, "random:%s", config);
    Model *m = model_open(name, NULL, &e);
    cr_assert(m, "%s", e.text);
    bool two = m->config.kind == KIND_ENCODER_DECODER;
    App *app = app_create(m, (InputText){.ids = "3,4,5,6", .target_ids = two ? "1,7,8" : NULL}, a, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    app->view = VIEW_MAP;
    app->map_choice = (size_t)-1;
    return app;
}

static Ablations ablation(const char *names)
{
    Ablations a;
    Error e = {{0}};
    cr_assert_eq(ablations_parse(&a, names, &e), 0, "%s", e.text);
    return a;
}

static Canvas draw(App *app, int cols, int rows, bool ascii)
{
    Canvas c;
    Error e = {{0}};
    cr_assert_eq(canvas_init(&c, cols, rows, ascii, &e), 0, "%s", e.text);
    app_draw(app, &c);
    return c;
}

static void row_text(const Canvas *c, int row, Buffer *out)
{
    buffer_clear(out);
    for (int i = 0; i < c->cols; i++)
        buffer_puts(out, canvas_row(c, row)[i].text);
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
}

static bool shows(const Canvas *c, const char *text)
{
    Buffer b = {0};
    bool found = false;
    for (int r = 0; r < c->rows && !found; r++) {
        row_text(c, r, &b);
        found = strstr(buffer_text(&b), text) != NULL;
    }
    buffer_free(&b);
    return found;
}

static void press(App *app, const char *key)
{
    app_event(app, &(Event){.type = EVENT_KEY, .key = key_parse(key, strlen(key))});
}

static void go(App *app, const char *stage)
{
    int i = plan_find(pass_plan(app->pass), stage);
    cr_assert_geq(i, 0, "no stage %s", stage);
    app_go(app, (size_t)i);
}

/* The layout of a screen of that size, as app_draw gives it out. */
static Map layout(App *app, int cols, int rows)
{
    Map m;
    app->cols = cols;
    app->rows = rows;
    map_layout(app, (Rect){1, 0, cols, rows - 2}, &m);
    return m;
}

/* ---- every config ---- */

static void for_each_config(void (*check)(const char *config, Ablations a))
{
    static const char *const kinds[] = {"kind=decoder,decoder_layers=3", "kind=encoder,encoder_layers=2",
                                        "kind=encoder-decoder,encoder_layers=2,decoder_layers=3",
                                        "kind=encoder-decoder,encoder_layers=0,decoder_layers=1", "kind=decoder,decoder_layers=0",
                                        "kind=decoder,decoder_layers=2,parallel=true",
                                        "kind=encoder,encoder_layers=2,token_types=2,output_head=true,output_bias=true",
                                        "kind=encoder-decoder,encoder_layers=1,decoder_layers=2,qk_norm=true"};
    static const char *const norms[] = {"norm=layernorm,norm_position=pre", "norm=rmsnorm,norm_position=post", "norm=none"};
    static const char *const positions[] = {"none", "sinusoidal", "learned", "rope", "alibi"};
    static const char *const ffns[] = {"mlp", "gated", "none"};
    static const Ablations ablations[] = {0, NO_FFN, NO_ATTENTION, NO_FFN | NO_ATTENTION | NO_NORM,
                                          NO_RESIDUAL | NO_POSITIONS | NO_SCALE | NO_MASK | UNIFORM_ATTENTION};
    char config[256];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t n = 0; n < sizeof norms / sizeof *norms; n++)
            for (size_t p = 0; p < sizeof positions / sizeof *positions; p++)
                for (size_t f = 0; f < sizeof ffns / sizeof *ffns; f++)
                    for (size_t a = 0; a < sizeof ablations / sizeof *ablations; a++) {
                        if (strstr(kinds[k], "parallel") && (n == 1 || f == 2))
                            continue; /* contradictions */
                        snprintf(config, sizeof config, "%s,%s,position=%s,ffn=%s,d_model=4,n_heads=2,vocab_size=9", kinds[k], norms[n],
                                 positions[p], ffns[f]);
                        check(config, ablations[a]);
                    }
}

/* From every stage: the boxes of a column stand in the plan's order, and each stage of the layers shown is in exactly one. */
static void check_boxes(const char *config, Ablations a)
{
    App *app = open_app(config, a);
    const Plan *plan = pass_plan(app->pass);
    for (size_t at = 0; at < plan->count; at++) {
        app->at = at; /* nothing is drawn: no values are needed */
        Map m = layout(app, 80, 24);
        cr_assert(map_box_holds(&m.boxes[m.here], &plan->stages[at]), "%s: stage %zu", config, at);
        cr_assert(m.boxes[m.here].first <= at && at < m.boxes[m.here].end, "%s: stage %zu", config, at);
        for (size_t i = 0; i < plan->count; i++) {
            const Stage *s = &plan->stages[i];
            const MapColumn *k = &m.column[m.columns > 1 && s->stack != STACK_ENCODER];
            int boxes = 0;
            for (size_t b = 0; b < m.count; b++)
                boxes += m.boxes[b].first <= i && i < m.boxes[b].end;
            cr_assert_eq(boxes, s->layer < 0 || (size_t)s->layer == k->layer, "%s at %zu: stage %zu is in %d boxes", config, at, i, boxes);
        }
        for (size_t b = 0, end = 0; b < m.count; b++) {
            const MapBox *box = &m.boxes[b];
            bool removed = (box->kind == BOX_ATTENTION && a & NO_ATTENTION) || (box->kind == BOX_FFN && a & NO_FFN);
            if (box->kind == BOX_ATTENTION || box->kind == BOX_FFN)
                cr_assert_eq(box->first == box->end, removed, "%s", config);
            if (box->first == box->end)
                continue;
            cr_assert(b == 0 || m.boxes[b - 1].column != box->column || box->first >= end, "%s: box %zu", config, b);
            end = box->end;
            for (size_t i = box->first; i < box->end; i++)
                cr_assert(map_box_holds(box, &plan->stages[i]), "%s: box %zu", config, b);
        }
    }
    app_free(app);
}

Test(map, holds_every_stage_of_every_config)
{
    for_each_config(check_boxes);
}

static bool overlap(Rect a, Rect b)
{
    return a.row < b.row + b.rows && b.row < a.row + a.rows && a.col < b.col + b.cols && b.col < a.col + a.cols;
}

/* At 80x24 and larger all boxes are seen, none covers another, and each says its name or its sign. */
static void check_places(const char *config, Ablations a)
{
    static const int sizes[][2] = {{80, 24}, {100, 34}, {132, 45}, {200, 60}};
    App *app = open_app(config, a);
    Buffer b = {0};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        Map m = layout(app, sizes[k][0], sizes[k][1]);
        cr_assert_leq(m.rows, m.view.rows, "%s: %d rows for %d", config, m.rows, m.view.rows);
        cr_assert_leq(m.cols, m.view.cols, "%s", config);
        Canvas c = draw(app, sizes[k][0], sizes[k][1], false);
        for (size_t i = 0; i < m.count; i++) {
            const MapBox *box = &m.boxes[i];
            Rect r = box->r;
            cr_assert(r.row >= 0 && r.row + r.rows <= m.rows && r.col >= 0 && r.col + r.cols <= m.cols, "%s: box %zu", config, i);
            for (size_t j = 0; j < i; j++)
                cr_assert(!overlap(r, m.boxes[j].r), "%s: boxes %zu and %zu", config, i, j);
            cr_assert_eq(map_box_at(&m, map_row(&m, r.row), map_col(&m, r.col)), (int)i);
            cr_assert_eq(map_box_at(&m, map_row(&m, r.row + r.rows - 1), map_col(&m, r.col + r.cols - 1)), (int)i);
            bool round = box->kind == BOX_ADD || map_is_sum(box->kind), found = false;
            for (int row = r.row; row < r.row + r.rows && !found; row++) {
                buffer_clear(&b);
                for (int col = r.col; col < r.col + r.cols; col++)
                    buffer_puts(&b, canvas_row(&c, map_row(&m, row))[map_col(&m, col)].text);
                found = strstr(buffer_text(&b), round ? (map_box_is_off(box) ? "✗" : "⊕") : map_box_name(app, box)) != NULL;
            }
            cr_assert(found, "%s: %s is not written in its box: %s", config, map_box_name(app, box), buffer_text(&b));
        }
        canvas_free(&c);
    }
    buffer_free(&b);
    app_free(app);
}

Test(map, shows_every_box_of_every_config)
{
    for_each_config(check_places);
}

/* However small the screen, the chosen box is on it. */
static void check_small(const char *config, Ablations a)
{
    static const int sizes[][2] = {{40, 12}, {60, 13}, {79, 15}};
    App *app = open_app(config, a);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        Map m = layout(app, sizes[k][0], sizes[k][1]);
        for (size_t i = 0; i < m.count; i++) {
            app->map_choice = i;
            Map at = layout(app, sizes[k][0], sizes[k][1]);
            Rect r = at.boxes[i].r;
            cr_assert_eq(map_box_at(&at, map_row(&at, r.row + r.rows / 2), map_col(&at, r.col + r.cols / 2)), (int)i,
                         "%s: box %zu at %dx%d", config, i, sizes[k][0], sizes[k][1]);
            cr_assert(map_col(&at, r.col) >= 0 && map_col(&at, r.col + r.cols) <= sizes[k][0]);
            cr_assert(map_row(&at, r.row) >= 1 && map_row(&at, r.row + r.rows) <= sizes[k][1] - 2);
        }
    }
    app_free(app);
}

Test(map, scrolls_to_the_chosen_box)
{
    for_each_config(check_small);
}

/* ---- whole pictures ---- */

static void check_picture(App *app, bool ascii, const char *const *rows, int n)
{
    Canvas c = draw(app, 80, n + 2, ascii);
    Buffer b = {0};
    for (int r = 0; r < n; r++) {
        row_text(&c, r + 1, &b);
        cr_expect_str_eq(buffer_text(&b), rows[r], "row %d:\n%s\nexpected\n%s", r + 1, buffer_text(&b), rows[r]);
    }
    buffer_free(&b);
    canvas_free(&c);
}

Test(map, draws_the_paper)
{
    static const char *const rows[] = {
        "                                                  output probabilities",
        "     ▶   you are here                         (          softmax          )",
        "     [ ] computed                             (          linear           )",
        "     ( ) not reached yet                    ┌─ decoder 2× ──▴── layer 2 of 2 ──┐",
        "     ✗   switched off by an ablation        │ (        layer norm         )    │",
        "                                            │               ⊕ ◂──────────────┐ │",
        "                   ┌── memory ───────────┐  │ (       feed-forward        )  │ │",
        "┌─ encoder 2× ─────▴───────────────┐     │  │               ├────────────────┘ │",
        "│    [        layer norm         ] │     │  │ (        layer norm         )    │",
        "│ ┌──────────────▸ ⊕               │     │  │               ⊕ ◂──────────────┐ │",
        "│ │  [       feed-forward        ] │     └───▸▸▶ cross-attention › weights◂  │ │",
        "│ └────────────────┤               │        │               ├────────────────┘ │",
        "│    [        layer norm         ] │        │ [        layer norm         ]    │",
        "│ ┌──────────────▸ ⊕               │        │               ⊕ ◂──────────────┐ │",
        "│ │  [      self-attention       ] │        │ [   masked self-attention   ]  │ │",
        "│ └────────────────┤               │        │               ├────────────────┘ │",
        "└──────────────────▴───────────────┘        └───────────────▴──────────────────┘",
        " [∿ positions ]──▸ ⊕                                        ⊕ ◂──[∿ positions ]",
        "     [      token embedding      ]            [      token embedding      ]",
        "          inputs: #3 #4 #5 #6                   outputs so far: #1 #7 #8",
        "",
        " decoder.1.cross  q k v scores scaled masked weights heads concat out [3,16]",
    };
    App *app = open_app(PAPER, 0);
    go(app, "decoder.1.cross.weights");
    check_picture(app, false, rows, sizeof rows / sizeof *rows);
    app_free(app);
}

Test(map, draws_ablations_and_pre_norm_in_ascii)
{
    static const char *const rows[] = {
        "         output probabilities",
        "     (          softmax          )   probs [4,23]",
        "     (          linear           )   logits [4,23]",
        "     (      final RMS norm       )   final_norm [4,16]",
        "+- decoder 4x -----^ layer 3 of 4 -+",
        "| +--------------> x               | taken out by no-ffn",
        "| |  x---------------------------x |",
        "| |  :   x gated feed-forward    : | gated feed-forward  taken out by no-ffn",
        "| |  x---------------------------x |",
        "| |  x     RMS norm  no-ffn      x | taken out by no-ffn",
        "| +----------------+               |",
        "| +x no-residual.> x               | xresidual [4,16]  no-residual",
        "| :  +---------------------------+ | masked self-attention  q k v xq_rot",
        "| :  |> x self-attention > k_rot | | xk_rot scores scaled masked weights heads",
        "| :  +---------------------------+ | concat out [4,16]",
        "| :  >         RMS norm          < | norm [4,16]",
        "| +................+               |",
        "+------------------^---------------+",
        "     [      token embedding      ]   tokens [4,16]",
        "          inputs: #3 #4 #5 #6",
        "",
        " decoder.2.self  RMS norm  norm [4,16]                         Enter goes there",
    };
    App *app =
        open_app("kind=decoder,norm=rmsnorm,position=rope,ffn=gated,activation=silu,decoder_layers=4", NO_RESIDUAL | NO_FFN | NO_POSITIONS);
    go(app, "decoder.2.self.k_rot");
    press(app, "Down");
    check_picture(app, true, rows, sizeof rows / sizeof *rows);
    app_free(app);
}

/* ---- signs ---- */

/* A column shows the layer that runs; one not reached its first, one that is done its last. */
Test(map, shows_the_layer_that_runs)
{
    static const struct {
        const char *stage;
        size_t encoder, decoder;
    } cases[] = {
        {"encoder.embed.sum", 0, 0},   {"encoder.1.ffn.norm", 1, 0},    {"decoder.embed.tokens", 1, 0},
        {"decoder.0.cross.out", 1, 0}, {"decoder.1.self.scores", 1, 1}, {"output.probs", 1, 1},
    };
    App *app = open_app(PAPER, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        go(app, cases[i].stage);
        Map m = layout(app, 80, 24);
        cr_expect_eq(m.column[0].layer, cases[i].encoder, "%s", cases[i].stage);
        cr_expect_eq(m.column[1].layer, cases[i].decoder, "%s", cases[i].stage);
    }
    app_free(app);
}

Test(map, does_not_call_masked_what_is_not)
{
    App *app = open_app("kind=decoder", 0);
    Canvas c = draw(app, 80, 24, false);
    cr_expect(shows(&c, "masked self-attention"));
    canvas_free(&c);
    app_set_ablations(app, NO_MASK);
    c = draw(app, 80, 24, false);
    cr_expect(!shows(&c, "masked self-attention"));
    cr_expect(shows(&c, "✗ self-attention  no-mask"));
    canvas_free(&c);
    app_free(app);
}

Test(map, names_the_layer_while_it_is_in_one)
{
    App *app = open_app("kind=decoder,decoder_layers=12,ffn=none", 0);
    go(app, "decoder.8.self.q");
    Canvas c = draw(app, 120, 40, false);
    cr_expect(shows(&c, "decoder 12×"));
    cr_expect(shows(&c, "layer 9 of 12"));
    canvas_free(&c);
    go(app, "output.logits");
    c = draw(app, 120, 40, false);
    cr_expect(!shows(&c, " of 12"));
    canvas_free(&c);
    app_free(app);
}

Test(map, writes_what_is_inside_attention)
{
    static const struct {
        const char *config, *ablations, *text;
    } cases[] = {
        {"kind=decoder,position=rope", "", "RoPE  ÷√dₖ  mask  softmax"},
        {"kind=decoder,position=rope", "no-positions", "✗RoPE  ÷√dₖ  mask  softmax"},
        {"kind=decoder,position=alibi", "", "÷√dₖ  ALiBi  mask  softmax"},
        {"kind=decoder,position=alibi", "no-scale,uniform-attention", "✗÷√dₖ  ALiBi  mask  ✗softmax"},
        {"kind=decoder", "no-mask,scale-by-dk", "✗÷dₖ  ✗mask  softmax"},
        {"kind=encoder,encoder_layers=1", "", " ÷√dₖ  softmax"},
        {"kind=decoder,ffn=gated,activation=silu", "", "gate  W₁  silu  ×  W₂"},
        {"kind=decoder,ffn=mlp,activation=relu", "", "W₁  relu  W₂"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        App *app = open_app(cases[i].config, ablation(cases[i].ablations));
        Canvas c = draw(app, 100, 50, false);
        cr_expect(shows(&c, cases[i].text), "%s %s", cases[i].config, cases[i].ablations);
        canvas_free(&c);
        app_free(app);
    }
}

/* No state is told by its colour alone. */
Test(map, has_a_sign_for_every_state)
{
    App *app = open_app("kind=decoder", NO_RESIDUAL | NO_NORM);
    go(app, "decoder.0.self.scores");
    for (int ascii = 0; ascii < 2; ascii++) {
        Canvas c = draw(app, 80, 19, ascii);
        cr_expect(shows(&c, ascii ? "> masked self-attention" : "▶ masked self-attention") ||
                  shows(&c, ascii ? "> self-attention" : "▶ self-attention"));
        cr_expect(shows(&c, "[      token embedding"), "computed");
        cr_expect(shows(&c, "(          softmax"), "not reached");
        cr_expect(shows(&c, ascii ? "x    layer norm  no-norm" : "╳    layer norm  no-norm"), "switched off");
        cr_expect(shows(&c, ascii ? "x no-residual" : "✗ no-residual"), "residual cut");
        for (int r = 0; ascii && r < c.rows; r++)
            for (int k = 0; k < c.cols; k++)
                cr_assert(!((unsigned char)canvas_row(&c, r)[k].text[0] & 0x80), "row %d column %d", r, k);
        canvas_free(&c);
    }
    app_free(app);
}

Test(map, shows_what_comes_out_at_the_end)
{
    App *app = open_app("kind=decoder", 0);
    Canvas c = draw(app, 80, 24, false);
    cr_expect(shows(&c, "output probabilities"));
    canvas_free(&c);
    cr_expect_eq(pass_done(app->pass), 1, "drawing the map computed %zu stages", pass_done(app->pass));
    app_go(app, pass_plan(app->pass)->count - 1);
    TokenProb top;
    top_tokens(app->pass, 3, 1, &top);
    char text[64];
    snprintf(text, sizeof text, "next: #%d %.3f", top.id, top.probability);
    c = draw(app, 80, 24, false);
    cr_expect(shows(&c, text), "%s", text);
    canvas_free(&c);
    app_free(app);
}

/* The memory's arrow ends at the cross-attention, wherever both are. */
Test(map, leads_memory_into_cross_attention)
{
    static const char *const configs[] = {PAPER, "kind=encoder-decoder,encoder_layers=1",
                                          "kind=encoder-decoder,encoder_layers=1,norm=none,ffn=none",
                                          "kind=encoder-decoder,encoder_layers=0,norm=none"};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++)
        for (int removed = 0; removed < 2; removed++) {
            App *app = open_app(configs[i], removed ? NO_ATTENTION : 0);
            Canvas c = draw(app, 100, 50, false);
            Map m = layout(app, 100, 50);
            size_t cross = 0;
            while (m.boxes[cross].sub != SUB_CROSS || m.boxes[cross].kind != BOX_ATTENTION)
                cross++;
            Rect r = m.boxes[cross].r;
            const Cell *row = canvas_row(&c, map_row(&m, r.row + (r.rows - 1) / 2));
            int col = map_col(&m, r.col);
            cr_expect_str_eq(row[col - 1].text, removed ? "✗" : "▸", "%s", configs[i]);
            cr_expect_str_eq(row[col - 3].text, "─", "%s", configs[i]);
            cr_expect(shows(&c, "memory"));
            canvas_free(&c);
            app_free(app);
        }
}

/* ---- keys and clicks ---- */

Test(map, walks_over_all_boxes)
{
    static const char *const configs[] = {PAPER, "kind=decoder", "kind=encoder,encoder_layers=1,norm=none,position=rope"};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        App *app = open_app(configs[i], 0);
        Map m = layout(app, 80, 24);
        bool seen[MAP_BOXES] = {false};
        for (int column = 0; column < m.columns; column++) {
            press(app, column ? "Right" : "Home");
            press(app, "Home");
            for (size_t steps = 0; steps < m.count; steps++) {
                m = layout(app, 80, 24);
                seen[m.choice] = true;
                if (m.boxes[m.choice].kind == BOX_SUM) {
                    press(app, column ? "Right" : "Left");
                    m = layout(app, 80, 24);
                    cr_expect_eq(m.boxes[m.choice].kind, BOX_POSITIONS);
                    seen[m.choice] = true;
                    press(app, column ? "Left" : "Right");
                }
                size_t before = layout(app, 80, 24).choice;
                press(app, "Up");
                Map after = layout(app, 80, 24);
                cr_expect_eq(after.boxes[after.choice].column, column);
                if (after.choice == before)
                    break;
                press(app, "Down");
                cr_expect_eq(layout(app, 80, 24).choice, before);
                press(app, "Up");
            }
        }
        for (size_t b = 0; b < m.count; b++)
            cr_expect(seen[b], "%s: box %zu was not reached", configs[i], b);
        app_free(app);
    }
}

Test(map, crosses_to_the_box_at_the_same_height)
{
    App *app = open_app(PAPER, 0);
    Map m = layout(app, 80, 24);
    for (size_t i = 0; i < m.count; i++) {
        app->map_choice = i;
        if (m.boxes[i].column != 0 || m.boxes[i].kind == BOX_POSITIONS)
            continue;
        press(app, "Right");
        Map right = layout(app, 80, 24);
        if (m.boxes[i].kind == BOX_SUM) /* its positions are at the left */
            cr_expect_eq(right.boxes[right.choice].kind, BOX_SUM);
        cr_expect_eq(right.boxes[right.choice].column, 1);
        cr_expect_leq(abs(right.boxes[right.choice].r.row - m.boxes[i].r.row), 1, "box %zu", i);
    }
    app_free(app);
}

Test(map, enter_goes_to_the_box_in_the_layer_shown)
{
    App *app = open_app(PAPER, NO_FFN);
    go(app, "decoder.1.self.weights");
    press(app, "Up"); /* the add */
    press(app, "Up"); /* its norm */
    press(app, "Up"); /* cross-attention */
    press(app, "Enter");
    char name[STAGE_NAME_MAX];
    cr_expect_str_eq(stage_name(app_stage(app), name), "decoder.1.cross.q");
    cr_expect_eq(app->view, VIEW_STEP);
    press(app, "Backspace");
    cr_expect_str_eq(stage_name(app_stage(app), name), "decoder.1.self.weights");

    app->view = VIEW_MAP; /* what was taken out cannot be gone to */
    Map m = layout(app, 80, 24);
    for (size_t i = 0; i < m.count; i++)
        if (m.boxes[i].kind == BOX_FFN) {
            app->map_choice = i;
            press(app, "Enter");
            cr_expect_str_eq(stage_name(app_stage(app), name), "decoder.1.self.weights");
            cr_expect_eq(app->view, VIEW_MAP);
            cr_expect(strstr(app->message, "feed-forward"), "%s", app->message);
        }
    app_free(app);
}

Test(map, follows_the_steps)
{
    App *app = open_app("kind=decoder", 0);
    press(app, "Up");
    press(app, "Up");
    for (size_t i = 1; i < pass_plan(app->pass)->count; i++) {
        press(app, "n");
        cr_assert_eq(app->at, i);
        cr_assert_eq(app->view, VIEW_MAP);
        Map m = layout(app, 80, 24);
        cr_assert_eq(m.choice, m.here);
    }
    press(app, "b");
    cr_expect_eq(app->at, pass_plan(app->pass)->count - 2);
    press(app, "Esc");
    cr_expect_eq(app->view, VIEW_STEP);
    app_free(app);
}

Test(map, takes_clicks)
{
    App *app = open_app(PAPER, 0);
    go(app, "decoder.0.self.q");
    Canvas c = draw(app, 80, 24, false);
    Map m = layout(app, 80, 24);
    for (size_t i = 0; i < m.count; i++) {
        Rect r = m.boxes[i].r;
        Event click = {.type = EVENT_MOUSE, .action = MOUSE_CLICK, .row = map_row(&m, r.row), .col = map_col(&m, r.col + r.cols / 2)};
        app_event(app, &click);
        cr_expect_eq(app->map_choice, i);
        cr_expect_eq(app->view, VIEW_MAP);
    }
    size_t ffn = 0;
    while (m.boxes[ffn].kind != BOX_FFN || m.boxes[ffn].column != 1)
        ffn++;
    Rect r = m.boxes[ffn].r;
    app_event(app, &(Event){.type = EVENT_MOUSE, .action = MOUSE_DOUBLE, .row = map_row(&m, r.row), .col = map_col(&m, r.col)});
    char name[STAGE_NAME_MAX];
    cr_expect_str_eq(stage_name(app_stage(app), name), "decoder.0.ffn.expand");
    app->view = VIEW_MAP;
    size_t choice = app->map_choice;
    cr_expect_not(map_click(app, 0, 0, MOUSE_CLICK));
    cr_expect_eq(app->map_choice, choice);
    canvas_free(&c);
    app_free(app);
}

/* ---- the residual stream ---- */

/* At every stage: exactly the points reached have numbers, those that metrics gives, and nothing further was computed. */
Test(stream, shows_what_was_reached)
{
    App *app = open_app(PAPER, 0);
    const Plan *plan = pass_plan(app->pass);
    app->view = VIEW_STREAM;
    for (size_t at = 0; at < plan->count; at++) {
        app_go(app, at);
        Canvas c = draw(app, 80, 24, false);
        cr_assert_eq(pass_done(app->pass), at + 1, "at %zu", at);
        Buffer b = {0};
        for (int r = 5; r < 23; r++) {
            row_text(&c, r, &b);
            char name[STAGE_NAME_MAX] = "", norm[64], cosine[64];
            const char *text = buffer_text(&b);
            if (sscanf(text + strspn(text, " ▶"), "%47s", name) != 1)
                continue;
            int i = plan_find(plan, name);
            cr_assert_geq(i, 0, "%s", text);
            if (!is_stream_point(plan, (size_t)i)) {
                cr_expect_eq((size_t)i, at);
                continue;
            }
            if ((size_t)i > at) {
                cr_expect(strstr(text, "not reached yet"), "%s", text);
                continue;
            }
            StreamPoint p = stream_point(app->pass, (size_t)i);
            snprintf(norm, sizeof norm, " %.3f ", p.norm);
            snprintf(cosine, sizeof cosine, " %.3f ", p.cosine);
            cr_expect(strstr(text, norm), "%s: norm%s", text, norm);
            cr_expect(strstr(text, cosine), "%s: cosine%s", text, cosine);
            cr_expect_eq(strstr(text, "▶") != NULL, (size_t)i == at, "%s", text);
        }
        buffer_free(&b);
        canvas_free(&c);
    }
    app_free(app);
}

Test(stream, scrolls_around_the_place)
{
    App *app = open_app("kind=decoder,decoder_layers=30", 0);
    app->view = VIEW_STREAM;
    go(app, "decoder.15.self.weights");
    Canvas c = draw(app, 80, 24, false);
    cr_expect(shows(&c, "▶ decoder.15.self.weights"));
    cr_expect(!shows(&c, "decoder.embed.sum"));
    canvas_free(&c);
    press(app, "Home");
    c = draw(app, 80, 24, false);
    cr_expect(shows(&c, "decoder.embed.sum"));
    canvas_free(&c);
    for (int i = 0; i < 3; i++) /* beyond the end, and back at once */
        press(app, "End");
    c = draw(app, 80, 24, false);
    cr_expect(shows(&c, "decoder.final_norm"));
    canvas_free(&c);
    press(app, "Up");
    c = draw(app, 80, 24, false);
    cr_expect(!shows(&c, "decoder.final_norm"));
    canvas_free(&c);
    press(app, "Esc");
    cr_expect_eq(app->view, VIEW_STEP);
    app_free(app);
}

Test(stream, has_no_cosine_for_one_token)
{
    Error e = {{0}};
    App *app = app_create(model_open("random:kind=decoder", NULL, &e), (InputText){.ids = "3"}, 0, THEME_DARK, true, &e);
    cr_assert(app, "%s", e.text);
    app->view = VIEW_STREAM;
    app_go(app, pass_plan(app->pass)->count - 1);
    Canvas c = draw(app, 80, 24, false);
    cr_expect(shows(&c, " –"));
    cr_expect(!shows(&c, "nan"));
    canvas_free(&c);
    app_free(app);
}

Test(stream, is_drawn_at_every_size)
{
    App *app = open_app(PAPER, NO_RESIDUAL);
    app->view = VIEW_STREAM;
    go(app, "decoder.1.cross.residual");
    for (int cols = 40; cols < 200; cols += 7)
        for (int rows = 12; rows < 50; rows += 5)
            for (int ascii = 0; ascii < 2; ascii++) {
                Canvas c = draw(app, cols, rows, ascii);
                cr_expect(shows(&c, "norm"), "%dx%d", cols, rows);
                cr_expect(shows(&c, "decoder.1.cross"), "%dx%d", cols, rows);
                canvas_free(&c);
            }
    app_free(app);
}
