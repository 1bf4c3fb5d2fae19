// A library that is opened late, and is on stacks soon after. As a command: late LIBRARY DEPTH, which calls twice, DEPTH and 1 levels deep. Without arguments it reads lines: "open LIBRARY" and "call DEPTH".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile int sink;
static int depth;
static void (*level)(int, void *);

__attribute__((noipa)) void late_leaf(void)
{
    sink++;
}

// The library's levels (library.c) call this one: every second frame is the program's.
__attribute__((noipa)) static void visit(int number, void (*next)(int, void *), void *self)
{
    if (number < depth)
        next(number + 1, self);
    else
        late_leaf();
    sink++;
}

static int load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    level = library ? (void (*)(int, void *))dlsym(library, "level") : 0;
    return level != 0;
}

static void call(const char *levels)
{
    depth = atoi(levels);
    level(1, (void *)visit);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        if (!load(argv[1]))
            return 3;
        usleep(200000);
        call(argv[2]);
        call("1");
        return 0;
    }
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        if (!strncmp(line, "open ", 5) && !load(line + 5))
            return 3;
        if (!strncmp(line, "call ", 5))
            call(line + 5);
        puts("ok");
        fflush(stdout);
    }
    return 0;
}
