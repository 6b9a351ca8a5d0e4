/* ffn.h - what the parts of the experiment `ffn` share. */
#ifndef LAB_FFN_H
#define LAB_FFN_H

#include "lab/lab.h"

/* Adds the table of addition and copying with the FFN, with it switched off, and trained without it; trains for the parameter `steps`. */
int ffn_train_without(Lab *lab, Error *e);

#endif
