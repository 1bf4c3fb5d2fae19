using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Btf;
using StackDepth.Native.Usdt;

namespace StackDepth.Core.Tests.Golden;

/// <summary>The queries whose IR and bytecode are kept: each differs from the others in one thing.</summary>
internal static class GoldenQueries
{
    private static readonly ProcessScope Others = new ProcessScope.AllBut(4242);

    internal static ProbeSource<EntryContext> Source { get; } = Probe.UProbe("python3", "*");

    /// <summary>The same target on every machine.</summary>
    internal static CompileTarget Target { get; } = new(Others, StackWalk.Kernel, MaxStackFrames: 127, RingBytes: 1 << 20, MaxKeys: 16_384);

    /// <summary>Where the kernel's fields lie, the same on every machine. Those of no one kernel: programs with them are read and interpreted, not loaded.</summary>
    internal static KernelOffsets Fields { get; } = new()
    {
        TaskMemory = 2336,
        TaskProcessId = 2468,
        TaskLeader = 2528,
        TaskStarted = 2664,
        TaskExecId = 2992,
        TaskSignal = 2880,
        TaskUprobes = 4520,
        SignalLive = 4,
        ReturnInstances = 64,
        ReturnAddress = 24,
        ReturnNext = 48,
        ReturnStack = 16,
        TrampolineAddress = 56,
        MemorySequence = 224,
        MemoryVdso = 808,
        MemoryStackStart = 816,
        MemoryTrampoline = 960,
        MappingStart = 0,
        MappingEnd = 8,
        MappingMemory = 16,
        MappingFlags = 32,
        MappingPageOffset = 88,
        MappingFile = 96,
        FileInode = 32,
        InodeNumber = 64,
        InodeSuperBlock = 40,
        SuperBlockDevice = 16,
        Identity = new(TaskFsBase: 4000, TaskParent: 1256, TaskThreadPid: 1352, PidLevel: 4, PidNumbers: 96, MemoryStartCode: 320),
        TaskThreadId = 2464,
        TaskFlags = 44,
        TaskSignalStack = 3056,
        TaskSignalStackSize = 3064,
        TaskControlBlock = 4480,
        SignalStackLimit = 784,
    };

    /// <summary>What programs of sessions call, the same on every machine.</summary>
    internal static SessionTarget Session { get; } = new(new(IsReturn: 71_001, Cookie: 71_002), new(TaskUprobes: 4520, Depth: 40));

    /// <summary>The same kernel, where stacks are walked by ourselves.</summary>
    internal static CompileTarget Walking(StackWalk walk) => Target with { Walk = walk, Fields = Fields };

    /// <summary>The same kernel, where nothing is walked by ourselves.</summary>
    internal static CompileTarget Measuring { get; } = Target with { Fields = Fields };

    internal static IReadOnlyDictionary<string, (IrQuery Query, CompileTarget Target)> All { get; } = Build();

    private static ImmutableDictionary<string, FieldPlace> Named(params (string Name, FieldPlace Place)[] places) => places.ToImmutableDictionary(static place => place.Name, static place => place.Place, StringComparer.Ordinal);

    private static Dictionary<string, (IrQuery Query, CompileTarget Target)> Build()
    {
        var depth = Source.Select(s => s.UStack.Length);
        var one = Target with { Scope = new ProcessScope.One(4321) };
        var returns = Probe.URetProbe("libc.so.6", "f*");
        var followed = Target with { Scope = new ProcessScope.Followed() };
        var (entered, before, opened) = (Probe.State<int>("entered"), Probe.State<int>("before"), Probe.State<long, int, int>("opened"));
        return new(StringComparer.Ordinal)
        {
            ["count"] = (Source.Count().Query, Target),
            ["count-one-process"] = (Source.Count().Query, one),
            ["count-one-process-by-link"] = (Source.Count().Query, Target with { Scope = new ProcessScope.Linked(4321) }),
            ["group-tid-count-by-link"] = (Source.GroupBy(s => s.Tid).Count().Query, Target with { Scope = new ProcessScope.Linked(4321) }),
            ["count-everybody"] = (Source.Count().Query, Target with { Scope = new ProcessScope.All() }),
            ["group-pid-max-everybody"] = (Source.GroupBy(s => s.Pid).Max(s => s.UStack.Length).Query, Target with { Scope = new ProcessScope.All() }),
            ["count-followed"] = (Source.Count().Query, followed),
            ["max"] = (depth.Max().Query, Target),
            ["max-followed"] = (depth.Max().Query, followed),
            ["min"] = (depth.Min().Query, Target),
            ["sum"] = (depth.Sum().Query, Target),
            ["average"] = (depth.Average().Query, Target),
            ["histogram"] = (depth.Histogram().Query, Target),
            ["summary"] = (depth.Summary().Query, Target),
            ["max-timestamp"] = (Source.Select(s => s.Timestamp).Max().Query, Target),
            ["histogram-timestamp"] = (Source.Select(s => s.Timestamp).Histogram().Query, Target),
            ["max-kstack"] = (Source.Select(s => s.KStack.Length).Max().Query, Target),
            ["max-kstack-where-ustack"] = (Source.Where(s => s.UStack.Length > 10).Select(s => s.KStack.Length).Max().Query, followed),
            ["group-pid-max"] = (Source.GroupBy(s => s.Pid).Max(s => s.UStack.Length).Query, Target),
            ["group-tid-count"] = (Source.GroupBy(s => s.Tid).Count().Query, Target),
            ["group-comm-summary"] = (Source.GroupBy(s => s.Comm).Summary(s => s.UStack.Length).Query, followed),
            ["group-function-max"] = (Source.GroupBy(s => s.Function).Max(s => s.UStack.Length).Query, Target),
            ["group-length-count"] = (Source.GroupBy(s => s.UStack.Length).Count().Query, Target with { PreallocateGroups = true, MaxKeys = 127 }),
            ["where-pid"] = (Source.Where(s => s.Pid == 7).Count().Query, Target),
            ["where-pid-is-tid"] = (Source.Where(s => s.Pid == s.Tid).Count().Query, Target),
            ["where-comm"] = (Source.Where(s => s.Comm == "python3").Count().Query, Target),
            ["where-comm-not"] = (Source.Where(s => s.Comm != "a-name-of-15-by").Count().Query, Target),
            ["where-stack-after-comm"] = (Source.Where(s => s.UStack.Length >= 3 & s.Comm == "python3").Select(s => s.UStack.Length).Max().Query, Target),
            ["where-or"] = (Source.Where(s => (s.Pid == 7 & s.Tid != 8) | !(s.Comm == "sh" | s.UStack.IsTruncated)).Count().Query, Target),
            ["where-never"] = (Source.Where(s => s.Pid == 7 & false).Select(s => s.UStack.Length).Max().Query, Target),
            ["compute-argument"] = (Source.Where(s => s.Arg(1).ToInt32() > 3).Select(s => s.Arg(0) / 1000).Histogram().Query, Target),
            ["compute-depth-difference"] = (Source.Select(s => s.UStack.Length - s.KStack.Length + 1).Max().Query, Target),
            ["compute-divide"] = (Source.Select(s => (s.Arg(0) / s.Arg(1), s.CgroupId % s.Uid.ToUInt64(), s.Arg(2).ToInt32() % -7)).Query, Target),
            ["compute-once"] = (Source.Where(s => s.Arg(0) * 3 + s.Arg(1) > 10).GroupBy(s => s.Uid).Summary(s => s.Arg(0) * 3 + s.Arg(1)).Query, Target),
            ["compute-if"] = (Source.Select(s => Expr.If(s.Pid == s.Tid, Expr.Min(s.Arg(0), s.Arg(1)), Expr.Abs(s.Arg(2) << s.Cpu))).Sum().Query, Target),
            ["where-in"] = (Source.Where(s => s.Pid.IsIn(7, 8, 9) & !s.CgroupId.IsIn(1UL, 1UL << 40) & s.Comm.IsIn("sh", "python3")).Count().Query, Target),
            ["where-starts-with"] = (Source.Where(s => s.Comm.StartsWith("python") & !s.Comm.StartsWith("python3.11-d")).Count().Query, Target),
            ["where-text"] = (Source.Where(s => s.ArgString(0) == "/etc/passwd" | s.ArgString(1, 12).StartsWith("/etc/")).GroupBy(s => s.ArgString(0)).Count().Query, Target),
            ["field-texts"] = (
                Probe.Tracepoint("sched", "sched_process_exec").Where(s => s.Field<string>("comm") == "sh").Select(s => (s.FieldString("filename", 30), s.FieldString("name", 6))).Query,
                Target with { Named = Named(("str(comm)", new TextPlace([12], TextForm.Array, 16)), ("str(filename)", new TextPlace([8], TextForm.Located, 0)), ("str(name)", new ContextPlace([32], 8, false))) }),
            ["stream-kernel-text"] = (Probe.KProbe("do_sys_openat2").Select(s => (s.ArgString(1, 30), s.Pid)).Query, Target),
            ["where-uid-gid"] = (Source.Where(s => s.Uid == 1000u & s.Gid != s.Uid).Count().Query, Target),
            ["where-depth-computed"] = (Source.Where(s => s.UStack.Length * 2 + 1 > 100).Select(s => Expr.If(s.UStack.Length > 50, 1, 0)).Sum().Query, Walking(StackWalk.Auto)),
            ["where-truth-compared"] = (Source.Where(s => s.UStack.IsTruncated == s.KStack.IsTruncated).Count().Query, Target),
            ["count-values"] = (Source.Select(s => (s.Pid, s.UStack.Length)).Count().Query, Target),
            ["stream-length"] = (depth.Query, Target),
            ["stream-comm-function"] = (Source.Select(s => (s.Comm, s.Function)).Query, Target),
            ["stream-time-length-truncated"] = (Source.Select(s => (s.Timestamp, s.UStack.Length, s.UStack.IsTruncated)).Query, followed),
            ["stream-pid-tid-both-stacks"] = (Source.Select(s => (s.Pid == s.Tid, s.UStack.Length, s.KStack.Length)).Query, one),
            ["stats"] = (depth.Stats().Query, Target),
            ["last"] = (depth.Last().Query, Target),
            ["linear-histogram"] = (depth.LinearHistogram(0, 100, 10).Query, Target),
            ["quantile"] = (depth.Quantile(0.99).Query, Target),
            ["group-comm-function-length-max"] = (Source.GroupBy(s => (s.Comm, s.Function, s.KStack.Length)).Max(s => s.UStack.Length).Query, Target),
            ["stream-sample"] = (depth.Sample(100).Query, Target),
            ["stream-throttle-take"] = (depth.Throttle(TimeSpan.FromMilliseconds(10)).Take(5).Query, Target),
            ["stream-distinct"] = (Source.Select(s => (s.Comm, s.UStack.Length)).Distinct().Query, Target),
            ["walk-auto"] = (depth.Max().Query, Walking(StackWalk.Auto)),
            ["walk-frame-pointer"] = (depth.Max().Query, Walking(StackWalk.FramePointer)),
            ["walk-unwind"] = (depth.Max().Query, Walking(StackWalk.Unwind)),
            ["python"] = (Source.Select(s => s.Python.Length).Max().Query, Walking(StackWalk.Kernel)),
            ["python-and-walk"] = (Source.Where(s => s.Python.Length > 10).Select(s => (s.UStack.Length, s.Python.Length, s.Python.Reason)).Query, Walking(StackWalk.Auto)),
            ["walk-unwind-without-sequence"] = (depth.Max().Query, Walking(StackWalk.Unwind) with { Fields = Fields with { MemorySequence = null }, SequenceShift = 0 }),
            ["walk-auto-within-function"] = (Probe.UProbe("python3", "f+4").Select(s => s.UStack.Length).Max().Query, Walking(StackWalk.Auto)),
            ["walk-two"] = (Source.Select(s => (s.UStack.Length, s.UStack.By(StackWalk.Unwind).Length)).Query, Walking(StackWalk.Auto)),
            ["bytes-max"] = (Source.Select(s => s.UStack.Bytes).Max().Query, Measuring),
            ["bytes-stream"] = (Source.Where(s => s.UStack.BytesFree < 65_536).Select(s => (s.UStack.Bytes, s.UStack.BytesFree, s.UStack.BytesReason)).Query, Measuring),
            ["bytes-with-walk"] = (Source.Where(s => s.UStack.Bytes > 4096).Select(s => s.UStack.Length).Max().Query, Walking(StackWalk.Auto)),
            ["kprobe-max-kstack"] = (Probe.KProbe("seq_read_iter").Select(s => s.KStack.Length).Max().Query, Target),
            ["return-value"] = (returns.Where(s => s.ReturnValue < 0).GroupBy(s => s.Function).Count().Query, Target),
            ["return-max"] = (returns.Select(s => s.UStack.Length).Max().Query, Walking(StackWalk.Auto)),
            ["return-count-of-a-session"] = (returns.Count().Query, followed with { Session = Session }),
            ["return-elapsed"] = (returns.Where(s => s.Elapsed > 1000 & s.ReturnValue.ToInt32() == -1).Select(s => s.Elapsed).Max().Query, Target with { Session = Session }),
            ["return-elapsed-stream"] = (returns.Where(s => s.UStack.Length > 10).Select(s => (s.Elapsed, s.ReturnValue)).Query, Walking(StackWalk.Auto) with { Session = Session, Scope = new ProcessScope.All() }),
            ["kretprobe-value"] = (Probe.KRetProbe("vfs_read").Select(s => (s.ReturnValue, s.KStack.Length)).Query, Target),
            ["kretprobe-elapsed"] = (Probe.KRetProbe("vfs_read").Select(s => s.Elapsed).Histogram().Query, Target with { Session = Session with { Nesting = null } }),
            ["tracepoint-max-ustack"] = (Probe.Tracepoint("sched", "sched_switch").Select(s => s.UStack.Length).Max().Query, Walking(StackWalk.Unwind)),
            ["tracepoint-fields"] = (
                Probe.Tracepoint("sched", "sched_switch").Where(s => s.Field<long>("prev_state") == 0 & s.Field<bool>("flag")).GroupBy(s => (s.Field<int>("next_pid"), s.Field<int>("prio"))).Max(s => s.KStack.Length).Query,
                Target with { Named = Named(("prev_state", new ContextPlace([32], 8, true)), ("flag", new ContextPlace([57], 1, false)), ("next_pid", new ContextPlace([56], 4, true)), ("prio", new ContextPlace([62], 2, true))) }),
            ["rawtracepoint-members"] = (
                Probe.RawTracepoint("sched_switch").Where(s => s.Field<int>("prev.pid") == s.Tid).Select(s => (s.Field<ulong>("next"), s.Field<uint>("prev_state"), s.Function)).Query,
                Target with { Named = Named(("prev.pid", new ContextPlace([8, 2464], 4, true)), ("next", new ContextPlace([16], 8, false) { InSlot = true, IsTypedPointer = true }), ("prev_state", new ContextPlace([24], 4, false) { InSlot = true })) }),
            ["fexit-return"] = (
                Probe.FExit("vfs_read").GroupBy(s => s.Field<ulong>("file.f_inode.i_ino")).Max(s => s.ReturnValue).Query,
                Target with { Named = Named((IrField.Result, new ContextPlace([32], 8, true) { InSlot = true }), ("file.f_inode.i_ino", new ContextPlace([0, 32, 64], 8, false))) }),
            ["usdt-sites"] = (
                Probe.Usdt("demo", "demo", "tick").Select(s => (s.Arg(0), s.Arg(1))).Query,
                Target with
                {
                    Sites = 3,
                    Named = Named(
                        ("arg0", new ContextPlace([40], 4, true) { InSlot = true }),
                        ("arg1", new ArgumentPlace([UsdtArgumentParser.Parse("-4@$-7", 62)[0], UsdtArgumentParser.Parse("4@-20(%rbp)", 62)[0], UsdtArgumentParser.Parse("-4@$-7", 62)[0]]))),
                }),
            ["profile-max-by"] = (Probe.Profile(99).MaxBy(s => s.UStack.Length).Query, Target),
            ["max-by"] = (Source.MaxBy(s => s.UStack.Length).Query, Walking(StackWalk.Auto)),
            ["min-by-bytes"] = (Source.MinBy(s => s.UStack.Bytes).Query, Walking(StackWalk.Unwind)),
            ["top-kstack"] = (Source.TopK(2, s => s.KStack.Length).Query, Target),
            ["summary-and-max-by"] = (Source.GroupBy(s => s.Comm).Summary(s => s.UStack.Length).And(Source.MaxBy(s => s.UStack.Length)).Query, Target),
            ["max-by-of-groups"] = (Source.GroupBy(s => (s.Tid, s.Function)).MaxBy(s => s.UStack.Length).Query, Target),
            ["recursion-max"] = (Source.Select(s => s.Recursion).Max().Query, Measuring with { Sites = 1000 }),
            ["recursion-of-a-command"] = (Source.Where(s => s.Pid != 7 & s.Recursion > 3).Select(s => (s.Recursion, s.RecursionCompleteness)).Query, Measuring with { Scope = new ProcessScope.Followed() }),
            ["any-remembered-depth"] = (
                Probe.Any(Source.Set(entered, s => s.UStack.Length).Silent(), Probe.UProbe("python3", "leave")).Select(s => s.UStack.Length - entered.Value).Max().Query,
                Walking(StackWalk.Auto) with { Sites = 2 }),
            ["any-opened-by-key"] = (
                Probe.Any(
                    Source.Where(s => s.Comm == "python3").Add(s => opened[s.Arg(0), s.Pid], _ => 1).AsProbe(),
                    Probe.Tracepoint("sched", "sched_switch").Where(s => opened[1, s.Pid].IsSet).Clear(s => opened[1, s.Pid]).AsProbe(),
                    Probe.Profile(99).ForProcess(7)).GroupBy(s => (s.Function, opened[1, s.Pid].ValueOr(0))).Count().Query,
                Target with { Sites = 3 }),
            ["previous-depth"] = (Source.Set(before, _ => entered.ValueOr(0)).Set(entered, s => s.UStack.Length).Select(s => s.UStack.Length - before.Value).Histogram().Query, Target),
            ["group-stack-count"] = (Source.GroupBy(s => s.UStack).Count().Query, Walking(StackWalk.Auto)),
            ["group-callers-and-comm-max"] = (Source.GroupBy(s => (s.UStack.Skip(1).Take(3), s.Comm)).Max(s => s.UStack.Length).Query, Walking(StackWalk.Unwind)),
            ["stream-both-stacks"] = (Source.Select(s => (s.KStack.Frames, s.UStack.Take(5), s.Pid)).Query, Target with { MaxStackFrames = 20 }),
            ["where-cgroup"] = (Source.ForCgroup("system.slice").Where(s => !s.InCgroup("/sys/fs/cgroup/a b") | s.Pid == 1).Count().Query, Target),
            ["interval-count"] = (Probe.Interval(TimeSpan.FromMilliseconds(10)).ForThread(77).Count().Query, Target),
            ["live-max"] = (Source.Select(s => s.UStack.Length).Extremum(maximum: true).Query, Target),
            ["live-min-timestamp"] = (Source.Select(s => s.Timestamp).Extremum(maximum: false).Query, Target),
        };
    }
}
