# Run by gdb, attached to a process: counts the physical frames of each thread, without inlined and tail-called functions, into TRUTH_OUT: "TID COUNT", 0 where gdb has no proof.
import os
import gdb

for setting in ("debuginfod enabled off", "pagination off", "confirm off", "backtrace past-main on", "backtrace past-entry on", "backtrace limit unlimited"):
    gdb.execute("set " + setting)
with open(os.environ["TRUTH_OUT"], "w") as out:
    for thread in gdb.selected_inferior().threads():
        thread.switch()
        frame, number = gdb.newest_frame(), 0
        while frame is not None:
            if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
                number += 1
            last, frame = frame, frame.older()
        out.write("%d %d\n" % (thread.ptid[1] or thread.ptid[0], number if last.unwind_stop_reason() == gdb.FRAME_UNWIND_OUTERMOST else 0))
gdb.execute("detach")
gdb.execute("quit")
