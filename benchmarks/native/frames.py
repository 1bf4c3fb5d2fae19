# The Python program that the count of Python frames is measured on; takes lines: MODE DEPTH CALLS. format(), a C function, is called CALLS times below DEPTH frames.
#   p: of one function that calls itself
#   g: of generators, each within the one before
#   i: of 64 functions in turn
import sys

sys.setrecursionlimit(100000)
names = ["turn%d" % number for number in range(64)]
for number, name in enumerate(names):
    exec("def %s(level, calls):\n    a = b = c = level\n    call(calls) if level <= 1 else %s(level - 1, calls)" % (name, names[(number + 1) % 64]))


def call(calls):
    function = format
    for _ in range(calls):
        function("x")


def plain(level, calls):
    a = b = c = level
    call(calls) if level <= 1 else plain(level - 1, calls)


def generate(level, calls):
    if level <= 1:
        call(calls)
        yield 0
    else:
        yield from generate(level - 1, calls)


def serve():
    for line in sys.stdin:
        mode, depth, calls = line.split()
        if mode == "g":
            list(generate(int(depth), int(calls)))
        else:
            (plain if mode == "p" else turn0)(int(depth), int(calls))
        print(flush=True)


serve()
