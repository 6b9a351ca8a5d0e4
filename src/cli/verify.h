/* verify.h - the two halves of the subcommand `verify`: stored cases, and one pass against a file. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/options.h"

/* The pass that the options say, against the file of --against. Returns the exit status. */
int verify_against(Options *o);

#endif
