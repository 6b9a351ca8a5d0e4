/* bag.c - how much of zh-en a bag of words decides: the part of a translation that needs no word order.
 *
 *     bag [N]     measures it on N held-out sentences (1000), of the task's own mix */
#include "train/task_zh_en.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    Error e = {{0}};
    ZhEnBag bag;
    Random r = random_seeded(1);
    char *end = NULL;
    unsigned long n = argc > 1 ? strtoul(argv[1], &end, 10) : 1000;
    if (n == 0 || n > 1000000 || (end && *end)) {
        fprintf(stderr, "bag: expected a number of sentences from 1 to 1000000, found %s\n", argv[1]);
        return 2;
    }
    if (task_zh_en_bag(&r, (size_t)n, &bag, &e) != 0) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    printf("sentences            %lu\n", n);
    printf("decided by the bag   %.4f  no other sentence of the same words has another translation\n", bag.decided);
    printf("guessed from the bag %.4f  where the likeliest translation of the bag is taken\n", bag.guessed);
    return 0;
}
