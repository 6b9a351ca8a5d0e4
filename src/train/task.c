/* task.c - the list of tasks.
 *
 * Owns their order. Knows nothing of what they teach. To add a task: its file, its name in task.h, its row here, and its
 * name in the manual page's RECIPES. Tests then ask of it what task.h promises. */
#include "train/task.h"

#include <string.h>

static const Task *const tasks[] = {&task_zh_en, &task_story, &task_induction, &task_sum, &task_mask, &task_recall};

const Task *task_find(const char *name)
{
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (strcmp(tasks[i]->name, name) == 0)
            return tasks[i];
    return NULL;
}

const Task *const *task_list(size_t *count)
{
    *count = sizeof tasks / sizeof *tasks;
    return tasks;
}

void task_example_free(TaskExample *x)
{
    ids_free(&x->source);
    ids_free(&x->input);
    ids_free(&x->targets);
}
