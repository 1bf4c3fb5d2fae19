// Code that comes and goes: two libraries of the same source and different frames, opened and closed in turn, likely at the same address.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>
#include <unistd.h>
#include "walk.h"

static volatile int sink;
static int depth;
static const char *tag;

// The library's levels call this one: every second frame is the program's.
__attribute__((noipa)) static void visit(int level, void (*next)(int, void *), void *self)
{
    VISIT(tag, 2 * level + 1, level, depth);
    if (level < depth)
        next(level + 1, self);
    sink++;
}

int main(int argc, char **argv)
{
    if (argc != 8)
        return 2;
    walk_open(argv[6], argv[7]);
    depth = walk_number(argv[4]);
    for (int repeat = walk_number(argv[5]); repeat > 0; repeat--)
        for (int i = 1; i <= 2; i++) {
            void *library = dlopen(argv[i], RTLD_NOW);
            if (!library)
                return 3;
            void (*function)(int, void *) = (void (*)(int, void *))dlsym(library, "level");
            // At once, when a walk may not know the library yet (and must say so), and a moment later, when it should.
            tag = "?fresh";
            function(1, (void *)visit);
            usleep(200000);
            tag = "main";
            function(1, (void *)visit);
            dlclose(library);
        }
    return 0;
}
