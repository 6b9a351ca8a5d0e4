/* resume.c - keeps a session that was broken off, and opens it again. */
#include "cli/resume.h"

#include "base/file.h"
#include "base/text.h"
#include "lesson/record.h"
#include "view/session.h"

#include <stdlib.h>
#include <unistd.h>

static char *path_of(Error *e)
{
    return record_file("interrupted.json", e);
}

bool resume_keep(App *app)
{
    char *path = path_of(NULL);
    bool kept = path && !app->lesson && record_make_folders(path, NULL) == 0 && session_save(app, path, NULL) == 0;
    free(path);
    return kept;
}

App *resume_open(Theme theme, bool color, bool own_theme, Error *e)
{
    char *path = path_of(e);
    App *app = NULL;
    if (path && !file_exists(path))
        error_set(e, "%s", _("--resume: expected a session that was broken off, found none; --session opens one that was saved"));
    else if (path)
        app = session_open(path, theme, color, own_theme, e);
    if (app) { /* what is saved from now on is for another file */
        free(app->take.session);
        app->take.session = NULL;
        app->unsaved = true;
    }
    free(path);
    return app;
}

void resume_forget(void)
{
    char *path = path_of(NULL);
    if (path)
        unlink(path);
    free(path);
}

void resume_remind(App *app)
{
    char *path = path_of(NULL);
    if (path && file_exists(path))
        app_say(app, ROLE_BADGE, "%s", _("a session was broken off: 'stepformer --resume' goes on with it"));
    free(path);
}
