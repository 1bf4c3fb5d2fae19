// Recursion in plain C; built with many flags. Frames above the base: main, then one for each level.
#include <alloca.h>
#include <string.h>
#include <sys/resource.h>
#include "walk.h"

static volatile int sink;
static volatile long zero;

#define RECURSION(name) __attribute__((noipa)) static void name(int level, int depth)
#define LEVEL VISIT("main", level + 1, level, depth)
// Work after the call, so that it is no tail call.
#define NEXT(name) \
    do { \
        if (level < depth) \
            name(level + 1, depth); \
        sink++; \
    } while (0)

RECURSION(plain)
{
    LEVEL;
    NEXT(plain);
}

RECURSION(odd);
RECURSION(even)
{
    char space[40];
    memset(space, level, sizeof space);
    LEVEL;
    NEXT(odd);
    sink += space[level % 40];
}

RECURSION(odd)
{
    LEVEL;
    NEXT(even);
}

// A frame whose size is known only when it runs, so that rbp (or another register) keeps the frame.
RECURSION(vla)
{
    char space[16 + level * 24 % 512];
    memset(space, level, sizeof space);
    LEVEL;
    NEXT(vla);
    sink += space[level % 16];
}

RECURSION(alloca_some)
{
    char *space = level % 3 ? alloca(8 + level % 300) : (char *)&level;
    *space = *space;
    LEVEL;
    NEXT(alloca_some);
    sink += *space;
}

// Realigned stack with a dynamic part and arguments on the stack: the caller's frame is found through a saved register (DRAP).
__attribute__((noipa)) static int realigned(int level, int depth, int c, int d, int e, int f, int g, int h)
{
    _Alignas(64) char aligned[128];
    char *space = alloca(16 + level % 128);
    memset(aligned, c, sizeof aligned);
    *space = (char)level;
    LEVEL;
    int result = level < depth ? realigned(level + 1, depth, c + 1, d, e, f, g + 1, h + 1) : 0;
    sink += aligned[level % 128] + *space;
    return result + c + d + e + f + g + h;
}

RECURSION(drap)
{
    VISIT("main", level + 1, level, depth);
    if (level < depth)
        sink += realigned(level + 1, depth, 1, 2, 3, 4, 5, 6);
}

// Frames larger than a page.
RECURSION(large)
{
    char space[9000];
    space[level % 9000] = (char)level;
    __asm__ volatile("" : : "r"(space) : "memory");
    LEVEL;
    NEXT(large);
    sink += space[level % 9000];
}

#ifndef FRAME_POINTERS
// rbp holds a number.
RECURSION(clobber)
{
    __asm__ volatile("movabs $0x123456789abcdef,%%rbp" : : : "rbp");
    LEVEL;
    __asm__ volatile("mov $8,%%ebp" : : : "rbp");
    NEXT(clobber);
}

// rbp points at what looks like the last frame of a chain, or the next to last, on this very stack.
RECURSION(lure)
{
    volatile long chain[4] = {level % 2 ? (long)&chain[2] : 0, (long)&&here, 0, (long)&&here};
here:
    __asm__ volatile("mov %0,%%rbp" : : "r"(chain) : "rbp", "memory");
    if (walk_due(level, depth))
        HIT("main", level + 1);
    if (level < depth)
        lure(level + 1, depth);
    sink += (int)chain[zero];
}
#endif

static const struct { const char *name; void (*function)(int, int); } Modes[] = {
    {"plain", plain}, {"mutual", even}, {"vla", vla}, {"alloca", alloca_some}, {"drap", drap}, {"large", large},
#ifndef FRAME_POINTERS
    {"clobber", clobber}, {"lure", lure},
#endif
};

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    struct rlimit limit;
    getrlimit(RLIMIT_STACK, &limit);
    limit.rlim_cur = 1 << 27;
    setrlimit(RLIMIT_STACK, &limit);
    walk_open(argv[4], argv[5]);
    for (unsigned i = 0; i < sizeof Modes / sizeof *Modes; i++)
        if (!strcmp(Modes[i].name, argv[1])) {
            for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
                Modes[i].function(1, walk_number(argv[2]));
            return 0;
        }
    return 2;
}
