/* resume.h - a debugger's session that was broken off: by a connection that was lost, or a signal.
 *
 * Owns its file, $XDG_STATE_HOME/stepformer/interrupted.json, a session (view/session.h). A lesson's place is kept as it goes
 * (lesson/progress.h). */
#ifndef CLI_RESUME_H
#define CLI_RESUME_H

#include "view/app.h"

/* Keeps the session for another day; false where it cannot. Fit for the moment in which the terminal is gone: says nothing. */
bool resume_keep(App *app);
/* Opens what was kept, which stays until resume_forget; NULL with e set where nothing was. */
App *resume_open(Theme theme, bool color, bool own_theme, Error *e);
void resume_forget(void);
/* Says that there is something to go on with. */
void resume_remind(App *app);

#endif
