/* record.h - recording the debugger, and playing what was recorded. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include "cli/options.h"
#include "view/app.h"

/* Makes the file of --record, which must not be there yet, before the terminal is taken. */
int record_open(const char *path, Error *e);
/* Writes the first line: the terminal's size, and the session that it begins with. */
int record_begin(const App *app, int cols, int rows, Error *e);
/* Writes what the user did. */
void record_event(const Event *event);
/* Why nothing is written any more, once; else NULL. */
const char *record_trouble(void);
/* After the terminal was given back. */
int record_close(Error *e);

/* --play: in a terminal the keys are pressed again, or the bytes shown as they were; else the bytes are written to standard output. */
int cli_play(Options *o);

#endif
