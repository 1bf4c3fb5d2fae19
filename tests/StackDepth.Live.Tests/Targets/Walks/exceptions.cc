// Stacks of C++: destructors and handlers while an exception unwinds, before main and after it.
#include <cstdlib>
#include <cstring>
#include <memory>
#include "walk.h"

static volatile int sink;

struct Guard {
    int level, depth;
    // main, the levels, this.
    __attribute__((noinline)) ~Guard() { VISIT("main", level + 2, level, depth); }
};

__attribute__((noipa)) static void unwind(int level, int depth)
{
    Guard guard{level, depth};
    if (level == depth)
        throw level;
    unwind(level + 1, depth);
    sink = sink + 1;
}

// Every level catches, and throws again from the handler.
__attribute__((noipa)) static void rethrow(int level, int depth)
{
    try {
        if (level == depth)
            throw level;
        rethrow(level + 1, depth);
    } catch (int) {
        VISIT("main", level + 1, level, depth);
        throw;
    }
}

__attribute__((noipa)) static void rec(const char *tag, int level, int depth)
{
    VISIT(tag, level, level, depth);
    if (level < depth)
        rec(tag, level + 1, depth);
    sink = sink + 1;
}

struct Node {
    virtual ~Node() = default;
    virtual __attribute__((noipa)) void visit(int level, int depth)
    {
        VISIT("main", level + 1, level, depth);
        if (level < depth)
            std::make_unique<Node>()->visit(level + 1, depth);
        sink = sink + 1;
    }
};

static int exit_depth;

static void at_exit() { rec("exit", 1, exit_depth); }

// glibc passes main's arguments to constructors.
__attribute__((constructor)) static void before(int argc, char **argv, char **)
{
    if (argc != 6)
        return;
    walk_open(argv[4], argv[5]);
    exit_depth = walk_number(argv[2]);
    if (!std::strcmp(argv[1], "lifetime"))
        rec("init", 1, exit_depth);
}

__attribute__((destructor)) static void after()
{
    if (exit_depth < 0)
        rec("fini", 1, -exit_depth);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    int depth = exit_depth;
    for (int repeat = walk_number(argv[3]); repeat > 0; repeat--)
        if (!std::strcmp(argv[1], "lifetime")) {
            rec("body", 1, depth);
            if (repeat == 1) {
                std::atexit([] { exit_depth = -exit_depth; });
                std::atexit(at_exit);
            }
        } else if (!std::strcmp(argv[1], "virtual"))
            Node().visit(1, depth);
        else
            try {
                (!std::strcmp(argv[1], "unwind") ? unwind : rethrow)(1, depth);
            } catch (int) {
                HIT("main", 1);
            }
    return 0;
}
