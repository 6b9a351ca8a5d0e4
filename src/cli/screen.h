/* screen.h - what `step` and `frame` share: the debugger as the command line asks for it. */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "cli/options.h"
#include "view/app.h"

/* True where the locale cannot show more than ASCII. */
bool screen_is_ascii(void);
/* --theme, else dark, or monochrome where there is no colour. */
int screen_theme(const Options *o, bool color, Theme *theme, Error *e);
/* The debugger's state for the model, text and ablations given. NULL with e set. */
App *screen_app(Options *o, Theme theme, bool color, Error *e);

/* An AppPicture: the writers of src/term. */
void screen_picture(const Canvas *c, Theme theme, bool color, const char *title, const char *format, Buffer *out);

/* As screen_app, or as the file of --session says; where that is not there, and need not be, it is where the session will be saved. */
App *screen_open(Options *o, Theme theme, bool color, bool must_be_there, Error *e);

/* As screen_app with the bug of --bug in it: a hunt (hunt.c). Without -m the model, and without a text the ids, are such that it can be found. */
App *screen_hunt(Options *o, Theme theme, bool color, Error *e);

/* As screen_app with a lesson in it, at its beginning or, where `keep`, where it was left; what is answered is then written down. */
App *screen_lesson(Options *o, const char *name, bool keep, Theme theme, bool color, Error *e);

/* The debugger in the terminal, on what `make` makes; where the terminal cannot move its cursor, `without`. Returns the exit status. */
int screen_debug(Options *o, App *(*make)(Options *o, Theme theme, bool color, Error *e), int (*without)(Options *o));
/* --record asks for a terminal: -1 with e set where there is none. */
int screen_check_record(const Options *o, bool terminal, Error *e);
/* Draws and takes events until the user leaves; the terminal is open, and stays so. */
int screen_run(App *app, Error *e);

#endif
