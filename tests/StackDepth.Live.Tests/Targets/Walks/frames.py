# Calls a C function from Python frames of all sorts, and reports how many of them sys._getframe() shows at each call: LIBRARY REPORT DEPTHS MODES.
# The report has a line "TID COUNT TAG" for each call. The function is called once without the GIL (ctypes.CDLL gives it up), and once with it (ctypes.PyDLL).
import ctypes
import functools
import gc
import os
import sys
import threading
import time

library, report, depths, modes = sys.argv[1], sys.argv[2], [int(depth) for depth in sys.argv[3].split(",")], sys.argv[4].split(",")
sys.setrecursionlimit(200000)
threading.stack_size(64 << 20 if "churn" in modes else 512 << 20)
without_gil, with_gil = ctypes.CDLL(library), ctypes.PyDLL(library)
free_leaf, held_leaf = without_gil.py_leaf, with_gil.py_leaf
lines = []
failures = []
threading.excepthook = failures.append


def count(frame):
    number = 0
    while frame is not None:
        number += 1
        frame = frame.f_back
    return number


def note(number, tag):
    lines.append("%d %d %s" % (threading.get_native_id(), number, tag))


def hit(tag):
    number = count(sys._getframe())
    note(number, tag + "/free")
    free_leaf(0)
    note(number, tag + "/held")
    held_leaf(0)


def plain(level):
    if level <= 1:
        hit("plain")
    else:
        plain(level - 1)


def reduce(level):
    if level <= 1:
        hit("reduce")
    else:
        functools.reduce(lambda _, next: reduce(next), [0, level - 1])


def sort(level):
    if level <= 1:
        hit("sort")
    else:
        sorted([level - 1], key=sort)
    return 0


def generator(level):
    if level <= 1:
        hit("generator")
        yield 0
        hit("generator")
    else:
        yield from generator(level - 1)


def drive_generator(level):
    # Suspended once in the middle: then its frames are on no stack.
    running = generator(level)
    next(running)
    hit("suspended")
    for _ in running:
        pass


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)


def callback(level):
    if level <= 1:
        hit("callback")
    else:
        Callback(callback)(level - 1)
    return 0


class Slots:
    # Python code that C calls by way of types: attributes, operators, iteration, context managers.
    def __init__(self, level):
        self.level = level

    def __getattr__(self, name):
        return slots(self.level)

    def __add__(self, other):
        hit("slots")
        return self

    def __iter__(self):
        hit("slots")
        return iter(())

    def __enter__(self):
        hit("slots")

    def __exit__(self, *_):
        hit("slots")
        return True


def slots(level):
    if level <= 1:
        thing = Slots(1)
        thing + thing
        list(thing)
        with thing:
            raise ValueError
    else:
        Slots(level - 1).missing


def comprehension(level):
    if level <= 1:
        # Called by the comprehension itself, which has a frame or, since 3.12, has none.
        [(note(count(sys._getframe()), "comprehension/free"), free_leaf(0)) for _ in range(2)]
        {(note(count(sys._getframe()), "comprehension/held"), held_leaf(0)) for _ in range(2)}
        list((note(count(sys._getframe()), "expression/free"), free_leaf(0)) for _ in range(2))
        # Called by C, on behalf of this frame.
        note(count(sys._getframe()), "map/free")
        list(map(free_leaf, [0]))
    else:
        [comprehension(next) for next in [level - 1]]


def evaluate(level):
    if level <= 1:
        hit("eval")
    elif level % 2:
        eval("evaluate(level - 1)")
    else:
        exec("class Body:\n    evaluate(%d)" % (level - 1))


def exception(level):
    try:
        if level <= 1:
            raise ValueError
        exception(level - 1)
    except ValueError:
        hit("exception")
        if level % 2:
            raise
    finally:
        hit("finally")


def drive_exception(level):
    try:
        exception(level)
    except ValueError:
        hit("exception")


class Cycle:
    def __init__(self, tag):
        self.me, self.tag = self, tag

    def __del__(self):
        hit(self.tag)


def cells(level):
    a = b = c = d = level

    def inner():
        return a, b, c, d
    return inner


def drive_collector(level):
    # A collection at the first allocation of a function that has not begun: its cells', or its generator's.
    for function in (cells, generator):
        garbage = Cycle("collector")
        del garbage
        gc.set_threshold(1)
        function(level)
        gc.set_threshold(700)
    gc.collect()


def drive_cells(level):
    # Each call makes four cells before the function's frame is one that Python shows.
    def recurse(depth):
        if depth <= 1:
            for _ in range(4):
                note(count(sys._getframe()), "cells")
            cells(depth)
        else:
            recurse(depth - 1)
    recurse(level)


def drive_settle(level):
    # What was opened a moment ago is then known.
    time.sleep(0.2)


def drive_import(level):
    folder = report + ".modules"
    os.makedirs(folder, exist_ok=True)
    sys.path.insert(0, folder)
    for number in range(min(level, 20)):
        with open(os.path.join(folder, "frames_%d.py" % number), "w") as module:
            module.write("import __main__\n__main__.hit('import')\n" + ("import frames_%d\n" % (number - 1) if number else ""))
    __import__("frames_%d" % (min(level, 20) - 1))
    for number in range(min(level, 20)):
        del sys.modules["frames_%d" % number]
    sys.path.pop(0)


def drive_asyncio(level):
    import asyncio

    async def nested(depth):
        if depth <= 1:
            hit("asyncio")
            await asyncio.sleep(0)
            hit("asyncio")
        else:
            await nested(depth - 1)

    async def main():
        await asyncio.gather(nested(level), asyncio.ensure_future(nested(level)))
    asyncio.run(main())


def drive_signal(level):
    import signal

    def handler(*_):
        hit("signal")

    def recurse(depth):
        if depth <= 1:
            os.kill(os.getpid(), signal.SIGUSR1)
        else:
            recurse(depth - 1)
    signal.signal(signal.SIGUSR1, handler)
    recurse(level)


def in_thread(target, *arguments):
    thread = threading.Thread(target=target, args=arguments)
    thread.start()
    thread.join()


def drive_threads(level):
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        for _ in range(5):
            plain(level + number)
            reduce(max(1, level // 10) + number)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drive_churn(level):
    # Threads come and go while others are counted.
    def work():
        for _ in range(15):
            in_thread(plain, 2)
            plain(level)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def drive_foreign(level):
    # A thread of C's: it has no state of Python's before and after.
    def entered(_):
        note(0, "foreign/before")
        plain(level)
        sorted([1], key=lambda _: hit("foreign"))
        note(0, "foreign/after")
        return 0
    without_gil.run_in_thread(Callback(entered), 0)


def drive_trace(level):
    def tracer(frame, event, _):
        if event == "call" and frame.f_code.co_name == "plain":
            hit("trace")
        return None
    sys.settrace(tracer)
    plain(level)
    sys.settrace(None)


def drive_interpreters(level):
    # The new interpreter's frames only, as sys._getframe() shows them there.
    try:
        import _interpreters as interpreters
        identity, run = interpreters.create("legacy"), interpreters.exec
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters
            identity = interpreters.create(isolated=False)
            run = interpreters.run_string
        except TypeError:
            identity, run = interpreters.create(), interpreters.run_string
    # What it reports goes through a file: interpreters share nothing.
    run(identity, """
import sys
def count(frame):
    number = 0
    while frame is not None:
        number += 1
        frame = frame.f_back
    return number
import ctypes, os, threading
free_leaf, held_leaf = ctypes.CDLL({0!r}).py_leaf, ctypes.PyDLL({0!r}).py_leaf
def recurse(level):
    if level <= 1:
        with open({1!r}, "a") as file:
            file.write("%d %d ?interpreter/free\\n" % (threading.get_native_id(), count(sys._getframe())))
            file.write("%d %d interpreter/held\\n" % (threading.get_native_id(), count(sys._getframe())))
        free_leaf(0)
        held_leaf(0)
    else:
        recurse(level - 1)
sys.setrecursionlimit(100000)
recurse({2})
""".format(library, report + ".inner", level))
    with open(report + ".inner") as file:
        lines.extend(file.read().splitlines())
    os.remove(report + ".inner")
    interpreters.destroy(identity)
    hit("interpreters")


def drive_marshal(level):
    import marshal

    def recurse(depth):
        if depth <= 1:
            note(count(sys._getframe()), "marshal")
            marshal.dumps(None)
        else:
            functools.reduce(lambda _, next: recurse(next), [0, depth - 1])
    recurse(level)


def drive_wait(level):
    # Once for each line that comes in.
    for _ in sys.stdin:
        plain(level)
        print("done", flush=True)


def drive_fork(level):
    # The child hits, then becomes another Python, which hits too.
    child = os.fork()
    if child == 0:
        del lines[:]
        plain(level)
        finish()
        os.execv(os.environ["OTHER_PYTHON"], [os.environ["OTHER_PYTHON"], "-I", "-S", "-B", sys.argv[0], library, report, str(level), "plain,reduce"])
    os.waitpid(child, 0)
    hit("parent")


def finish():
    with open(report, "a") as file:
        file.write("".join(line + "\n" for line in lines))


for mode in modes:
    for depth in depths:
        # Each in a thread with a stack for deep recursion, but for what belongs to the first thread.
        work = globals().get("drive_" + mode) or globals()[mode]
        if mode in ("signal", "interpreters", "fork"):
            work(depth)
        else:
            in_thread(work, depth)
finish()
if failures:
    raise SystemExit("failed: %r" % failures)
