/* twin.h - the debugger's pass beside its baseline.
 *
 * Owns the baseline (app->baseline), what it is of, and the differences, which are computed when a view asks for them and kept until the
 * pass changes. What is walked is always the twin: app->pass. */
#ifndef VIEW_TWIN_H
#define VIEW_TWIN_H

#include "measure/compare.h"
#include "measure/metrics.h"
#include "view/app.h"

/* Makes app->baseline for the pass that there is now: without ablations and edits, of the text or model that a twin was opened beside; none
 * where the pass would be the same. Called wherever text, model, weights or bug change; computes nothing. */
void twin_make_baseline(App *app);
/* Called where only ablations or edits changed: the baseline stays, with what it has computed, or is made where there was none. */
void twin_pass_changed(App *app);
/* The baseline, where it is what is to be shown next: nothing is switched off or edited any more. The caller then owns it, and there is none
 * until the next twin_make_baseline or twin_keep. NULL where it is not. */
Pass *twin_hand_over(App *app);
/* Takes the plain pass that was shown until now as the baseline, unless that would hold too much memory: false. */
bool twin_keep(App *app, Pass *plain);
/* The baseline is again of this text, and of this model. */
void twin_leave_text(App *app);
void twin_leave_model(App *app);
void twin_free(App *app);

/* Opens a twin: what is shown becomes the baseline, and another text or model of the same kind and tokens is shown. The decoder of an
 * encoder-decoder is fed as before. False with the reason said. */
bool twin_set_text(App *app, const char *text);
bool twin_set_model(App *app, const char *name);

/* True where the pass is not its own baseline: something is switched off, edited, or another text or model. */
bool twin_is_open(const App *app);
/* … and where the baseline is of another text or model. */
bool twin_is_other(const App *app);
/* The differences of all stages; NULL where there is no twin, or no memory, of a heavy pass before twin_compare, and in a terminal as long as
 * twin_work is not done. */
const Comparison *twin_comparison(App *app);
/* Whether the two are still to be compared, and are small enough to be so without being asked; compares a stage more of them. */
bool twin_pending(const App *app);
void twin_work(App *app);
/* Compares all of them, seen on the way; false where that was stopped, to go on from there another time. */
bool twin_compare(App *app);
/* How stage i of the pass differs; NULL as above. */
const StageDifference *twin_difference(App *app, size_t i);
/* "no-positions, 2 edits; baseline: 我 爱 你": what was changed. */
void twin_describe(const App *app, Buffer *out);

/* The number at the cursor beside its baseline, as a line of the stage's metrics; false where there is no twin or nothing to set beside it.
 */
bool twin_metric(App *app, MetricLine *out);

/* How long a bar of `most` steps stands for a relative difference: logarithmic, over the decades that this comparison has; at least 1 for
 * any difference, `most` for an infinite one, 0 for none. */
int twin_bar(const Comparison *c, double relative, int most);
/* The powers of ten that it begins and ends with. */
void twin_scale(const Comparison *c, double *low, double *high);

/* The stage's matrix with its baseline and the difference: beside or below each other where there is room, else one of them. */
void twin_draw_matrix(App *app, Canvas *c, Rect area);
/* The next of value, baseline, difference; where all three fit: on and off. */
void twin_turn(App *app);

#endif
