// Built three times, as PART 0 (frame pointers), 1 (without) and 2 (without, rbp clobbered), into one program: each level calls the next part.
#include "walk.h"

#define NAME2(part) mixed_##part
#define NAME(part) NAME2(part)

void mixed_0(int level, int depth);
void mixed_1(int level, int depth);
void mixed_2(int level, int depth);

static volatile int sink;

void NAME(PART)(int level, int depth)
{
    static void (*volatile const parts[])(int, int) = {mixed_0, mixed_1, mixed_2};
#if PART == 2
    __asm__ volatile("mov %0,%%ebp" : : "r"(level) : "rbp");
#endif
    VISIT("main", level + 1, level, depth);
    // Not in turn: every part calls every other, and itself.
    if (level < depth)
        parts[(PART + level / 2) % 3](level + 1, depth);
    sink++;
}

#if PART == 0
int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    walk_open(argv[4], argv[5]);
    for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
        mixed_0(1, walk_number(argv[2]));
    return 0;
}
#endif
