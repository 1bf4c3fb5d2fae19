# Run by gdb: stops at each hit of an address and counts the physical frames, without inlined and tail-called functions. Settings come from the environment:
# TRUTH_PLACE (an expression), TRUTH_HITS (how many at most), TRUTH_OUT (a line "TID COUNT" for each; 0 where gdb has no proof).
# TRUTH_RUNS has the arguments of each run of the program, one a line; TRUTH_OUT has a line "run" before each.
import os
import gdb

place, hits, out = os.environ["TRUTH_PLACE"], int(os.environ["TRUTH_HITS"]), open(os.environ["TRUTH_OUT"], "w")
runs = os.environ["TRUTH_RUNS"].splitlines()
for setting in ("debuginfod enabled off", "pagination off", "confirm off", "startup-with-shell off", "backtrace past-main on", "backtrace past-entry on",
                "backtrace limit unlimited", "print thread-events off", "print inferior-events off"):
    gdb.execute("set " + setting)
# The program's environment as it is without gdb: an interpreter's work depends on it.
for variable in ("LINES", "COLUMNS", "TRUTH_PLACE", "TRUTH_HITS", "TRUTH_OUT", "TRUTH_RUNS"):
    gdb.execute("unset environment " + variable)
# The targets' signals are theirs; SIGTRAP is gdb's own too, and is handed on below.
for signal in ("SIGILL", "SIGSEGV", "SIGUSR1", "SIGUSR2", "SIG34"):
    gdb.execute("handle %s nostop noprint pass" % signal, to_string=True)


def count():
    """The frames; or 0 if the last of them is not proved to be the outermost, so that gdb is no witness."""
    frame, number = gdb.newest_frame(), 0
    while frame is not None:
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            number += 1
        last, frame = frame, frame.older()
    return number if last.unwind_stop_reason() == gdb.FRAME_UNWIND_OUTERMOST else 0


class Placer:
    """The breakpoint: at once, or when the library is loaded that has the place."""
    breakpoint = None
    started = False

    def run(self, arguments):
        if self.breakpoint:
            self.breakpoint.delete()
        self.breakpoint, self.started = None, False
        gdb.execute("set args " + arguments)
        gdb.execute("starti", to_string=True)
        self.started = True
        self.attempt()

    def attempt(self, _=None):
        # Before the start, addresses are not the process's.
        if self.breakpoint or not self.started:
            return
        try:
            address = int(gdb.parse_and_eval("(long)(" + place + ")"))
        except gdb.error:
            return
        self.breakpoint = gdb.Breakpoint("*" + hex(address))


placer = Placer()
stopped = []
gdb.events.stop.connect(stopped.append)
gdb.events.new_objfile.connect(placer.attempt)
for arguments in runs:
    out.write("run\n")
    placer.run(arguments)
    left = hits
    trapped = False
    while left > 0:
        del stopped[:]
        gdb.execute("signal SIGTRAP" if trapped else "continue", to_string=True)
        if not gdb.selected_inferior().pid:
            break
        # gdb makes no SignalEvent of a SIGTRAP.
        hit = any(isinstance(event, gdb.BreakpointEvent) for event in stopped)
        trapped = not hit and not any(isinstance(event, gdb.SignalEvent) for event in stopped)
        if not hit:
            continue
        out.write("%d %d\n" % (gdb.selected_thread().ptid[1], count()))
        left -= 1
    if gdb.selected_inferior().pid:
        gdb.execute("kill", to_string=True)
out.close()
gdb.execute("quit")
