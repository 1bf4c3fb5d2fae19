// Stacks of known depths: `deep DEPTH CALLS` calls rec CALLS times, which calls itself until it is DEPTH levels deep.
// Without optimisation recursion stays recursion. gcc keeps frame pointers then, unless it is told not to:
//     gcc -O0 -fomit-frame-pointer -o deep samples/deep.c
#include <stdio.h>
#include <stdlib.h>

int rec(int levels)
{
    return levels > 1 ? rec(levels - 1) + 1 : 1;
}

int main(int argc, char **argv)
{
    int depth = argc > 1 ? atoi(argv[1]) : 0, calls = argc > 2 ? atoi(argv[2]) : 1;
    if (depth < 1) {
        fprintf(stderr, "usage: %s DEPTH [CALLS]\n", argv[0]);
        return 2;
    }
    while (calls-- > 0)
        rec(depth);
    return 0;
}
