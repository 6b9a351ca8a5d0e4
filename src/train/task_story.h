/* task_story.h - the writer behind the task "story", for its tests. */
#ifndef TRAIN_TASK_STORY_H
#define TRAIN_TASK_STORY_H

#include "train/task_choices.h"

/* Writes a story, without its begin and end tokens, into l (whose table is set here). Every choice is of what the next word is, so that a
 * reader knows from each word which choice was made: the probability of a story is the product of those of its choices. */
void story_write(Choices *c, Line *l);

#endif
