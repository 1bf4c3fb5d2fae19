// Recursion that is left by exceptions, to a handler that may lie in a part of the function of its own.
#include <cstdlib>
#include "answers.h"

static int live, depth;
static volatile int sink;

struct Live {
    Live(int level) { answer("throw", ++live, level); }
    ~Live() { live--; }
};

extern "C" __attribute__((noipa)) void probed_throw(int level, int until)
{
    Live it(level);
    if (level == until)
        throw level;
    try {
        probed_throw(level + 1, until);
    } catch (int from) {
        // Some handlers recurse again, some pass it on.
        if (level % 5 == 0 && until > level + 1 && until - level < 7)
            probed_throw(level + 1, level + 2);
        if (level > 1)
            throw;
        sink = sink + from;
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    depth = atoi(argv[2]);
    answers_open(argv[3]);
    for (int round = 1; round <= 20; round++)
        probed_throw(1, 1 + round * depth / 20);
    return 0;
}
