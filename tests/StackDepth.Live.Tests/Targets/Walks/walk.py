# Recursion through C, in ways that Python programs recurse; at the bottom and at some levels, a C function is called: MODE DEPTH REPEAT LIBRARY, or "-" for the library.
import functools
import sys

mode, depth, repeat, library = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
sys.setrecursionlimit(100000)
if library == "-":
    import marshal

    def leaf():
        marshal.dumps(None)
else:
    import ctypes
    import time
    native = ctypes.CDLL(library)
    leaf = native.leaf_push
    # Libraries that were opened this very moment are not known yet: stacks through them say so, and are none of these tests.
    time.sleep(0.2)


def visit(level):
    if level <= 3 or level == depth or level % (depth // 4 + 1) == 0:
        leaf()


def plain(level):
    visit(level)
    if level < depth:
        plain(level + 1)


def reduce(level):
    visit(level)
    if level < depth:
        functools.reduce(lambda _, next: reduce(next), [0, level + 1])


def sort(level):
    visit(level)
    if level < depth:
        sorted([level + 1], key=sort)
    return 0


def generator(level):
    visit(level)
    yield level
    if level < depth:
        yield from generator(level + 1)


def callback(level):
    visit(level)
    if level < depth:
        Callback(callback)(level + 1)
    return 0


if mode == "callback":
    Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
for _ in range(repeat):
    if mode == "generator":
        for _ in generator(1):
            pass
    else:
        {"plain": plain, "reduce": reduce, "sort": sort, "callback": callback}[mode](1)
