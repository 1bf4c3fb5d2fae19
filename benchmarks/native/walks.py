# The Python program that the walks are measured on; takes lines as walks.c does: MODE DEPTH CALLS.
#   d: format(), a C function, is called CALLS times below a functools.reduce() that calls itself: DEPTH is ignored, the stack has about 20 frames
#   e: as d, and before each call memory is read that drives all else out of the CPU's own caches
#   v: work of many kinds, CALLS times
import functools, json, re, sys

ones, others = bytes(2 << 20), bytes(2 << 20)
data = {str(n): [n, {"name": f"item {n}", "tags": ["a", "b", str(n)]}] for n in range(20)}


def inner(mode, calls):
    call = format
    if mode == "e":
        for _ in range(calls):
            ones == others
            call("x")
    else:
        for _ in range(calls):
            call("x")


def nested(mode, calls):
    functools.reduce(lambda a, b: inner(mode, calls), (0, 0))


def varied(calls):
    for _ in range(calls):
        text = json.dumps(data, indent=1, sort_keys=True)
        json.loads(text)
        re.sub(r"(\d+)", lambda match: match.group(1) + "!", text)
        sorted(data, key=lambda name: (len(name), int(name)))
        eval(compile("[{n: (n, str(n))} for n in range(10)]", "x", "eval"))
        list(map(lambda pair: functools.reduce(lambda a, b: a + b, map(len, pair)), (("a", "bc"), ("d", "e"))))


for line in sys.stdin:
    mode, _, calls = line.split()
    varied(int(calls)) if mode == "v" else nested(mode, int(calls))
    print(flush=True)
