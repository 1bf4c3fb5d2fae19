namespace StackDepth.Live.Tests.Pairs;

internal static partial class PairCorpus
{
    private static IEnumerable<Pair> Probes()
    {
        const string section = "Probes";
        yield return Pair.Of(section, "How often is a function called?", Do, "uprobe:APP:leaf { @ = count(); }", app => Probe.UProbe(app, "leaf").Count(), Calls);
        yield return Pair.Of(section, "How often does it return?", Do, "uretprobe:APP:leaf { @ = count(); }", app => Probe.URetProbe(app, "leaf").Count(), Calls);
        yield return Pair.Of(section, "What does a function return most?", Do, "uretprobe:APP:bare { @ = max(retval); }", app => Probe.URetProbe(app, "bare").Select(s => s.ReturnValue).Max(), Calls);
        yield return Pair.Of(
            section, "How often is each of several functions called?", Do, "uprobe:APP:pick_* { @[probe] = count(); }", app => Probe.UProbe(app, "pick_*").GroupBy(s => s.Function).Count(),
            new Dictionary<string, int> { ["pick_a"] = 30, ["pick_b"] = 10 });
        yield return Pair.Of(
            section, "The same by the function's name, after the program has ended", Do, "uprobe:APP:pick_* { @[func] = count(); }", app => Probe.UProbe(app, "pick_*").GroupBy(s => s.Function).Count(),
            new Dictionary<string, int> { ["pick_a"] = 30, ["pick_b"] = 10 }) with
        {
            Theirs = "0x401010=30, 0x401020=10",
            Reason = "bpftrace looks a function's name up when it prints, and the process is gone; StackDepth resolved its probes before it ran.",
        };
        yield return Pair.Of(section, "How often does an instruction within a function run?", Do, "uprobe:APP:leaf+1 { @ = count(); }", app => Probe.UProbe(app, "leaf+1").Count(), Calls);
        yield return Pair.Of(
            section, "How many system calls of a kind does the command make?", Do, "tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { @ = count(); }",
            app => Probe.Tracepoint("syscalls", "sys_enter_getppid").Count(), Calls);
        yield return Pair.Of(
            section, "The same at the raw tracepoint of all system calls", Do, "rawtracepoint:sys_enter /pid == cpid && arg1 == 110/ { @ = count(); }",
            app => Probe.RawTracepoint("sys_enter").Where(s => s.Field<long>("id") == 110).Count(), Calls);
        yield return Pair.Of(
            section, "How long are the texts that it writes?", "wait 7", "tracepoint:syscalls:sys_enter_write /pid == cpid/ { @ = max(args.count); }",
            app => Probe.Tracepoint("syscalls", "sys_enter_write").Select(s => s.Field<ulong>("count").ToInt64()).Max(), 2);
        yield return Pair.Of(
            section, "How deep is the stack where the CPU's time goes?", "spin 5", "profile:hz:99 /pid == cpid/ { @ = max(len(ustack)); }", app => Probe.Profile(99).Select(s => s.UStack.Length).Max(), 5 + Base) with
        {
            IsExact = false,
        };
        yield return Pair.Of(section, "How often do the processes that a command starts call a function?", "children 5", "uprobe:APP:leaf { @ = count(); }", app => Probe.UProbe(app, "leaf").Count(), 5) with
        {
            Theirs = "0",
            Reason = "with `-c` bpftrace counts the command's first process only; StackDepth counts its descendants too.",
        };
    }

    private static IEnumerable<Pair> Filters()
    {
        const string section = "Filters";
        yield return Pair.Of(section, "Of one thread's name", Do, "uprobe:APP:leaf /comm == \"w1\"/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => s.Comm == "w1").Count(), 13);
        yield return Pair.Of(section, "Of names that begin so", Do, "uprobe:APP:leaf /strncmp(comm, \"w\", 1) == 0/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => s.Comm.StartsWith("w")).Count(), Calls);
        yield return Pair.Of(section, "By an argument", Do, "uprobe:APP:leaf /arg0 % 3 == 0/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => s.Arg(0) % 3 == 0).Count(), 14);
        yield return Pair.Of(
            section, "By two arguments", Do, "uprobe:APP:leaf /arg0 > 10 && arg1 < 5/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => s.Arg(0) > 10 && s.Arg(1) < 5).Count(),
            Leaves.Count(static leaf => leaf.I > 10 && leaf.Level < 5));
        yield return Pair.Of(
            section, "One or the other, and not a third", Do, "uprobe:APP:leaf /(arg1 == 0 || arg1 == 3) && !(arg0 == 8)/ { @ = count(); }",
            app => Probe.UProbe(app, "leaf").Where(s => (s.Arg(1) == 0 | s.Arg(1) == 3) & !(s.Arg(0) == 8)).Count(), Leaves.Count(static leaf => leaf.Level is 0 or 3 && leaf.I != 8));
        yield return Pair.Of(
            section, "One of several numbers", Do, "uprobe:APP:leaf /arg0 == 1 || arg0 == 5 || arg0 == 9/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => s.Arg(0).IsIn(1, 5, 9)).Count(), 3);
        yield return Pair.Of(section, "Negative arguments", Do, "uprobe:APP:numbers /(int64)arg0 < 0/ { @ = count(); }", app => Probe.UProbe(app, "numbers").Where(s => s.Arg(0) < 0).Count(), 10);
        yield return Pair.Of(section, "Bits of an argument", Do, "uprobe:APP:leaf /(arg0 & 5) == 4/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => (s.Arg(0) & 5) == 4).Count(), Leaves.Count(static leaf => (leaf.I & 5) == 4));
        yield return Pair.Of(section, "By a text that an argument points to", Do, "uprobe:APP:text /str(arg0) == \"even\"/ { @ = count(); }", app => Probe.UProbe(app, "text").Where(s => s.ArgString(0) == "even").Count(), Calls / 2);
        yield return Pair.Of(section, "Deep stacks only", Do, "uprobe:APP:leaf /len(ustack) > 8/ { @ = count(); }", app => Probe.UProbe(app, "leaf").Where(s => s.UStack.Length > 8).Count(), Leaves.Count(static leaf => leaf.Depth > 8));
        yield return Pair.Of(
            section, "A choice in the middle of an expression", Do, "uprobe:APP:leaf { @ = sum(arg0 > 20 ? arg1 : 1); }", app => Probe.UProbe(app, "leaf").Select(s => Expr.If(s.Arg(0) > 20, s.Arg(1), 1)).Sum(),
            Leaves.Sum(static leaf => leaf.I > 20 ? leaf.Level : 1));
    }

    private static IEnumerable<Pair> Keys()
    {
        const string section = "Keys";
        yield return Pair.Of(section, "By the thread's name", Do, "uprobe:APP:leaf { @[comm] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.Comm).Count(), CountBy(static leaf => leaf.Comm));
        yield return Pair.Of(section, "By a computed number", Do, "uprobe:APP:leaf { @[arg0 % 4] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.Arg(0) % 4).Count(), CountBy(static leaf => leaf.I % 4));
        yield return Pair.Of(
            section, "By two keys", Do, "uprobe:APP:leaf { @[comm, arg1] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => (s.Comm, s.Arg(1))).Count(),
            CountBy(static leaf => (leaf.Comm, leaf.Level)));
        yield return Pair.Of(section, "By a text", Do, "uprobe:APP:text { @[str(arg0)] = count(); }", app => Probe.UProbe(app, "text").GroupBy(s => s.ArgString(0)).Count(), new Dictionary<string, int> { ["even"] = 20, ["odd"] = 20 });
        yield return Pair.Of(section, "By depth", Do, "uprobe:APP:leaf { @[len(ustack)] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.UStack.Length).Count(), CountBy(static leaf => leaf.Depth));
        yield return Pair.Of(
            section, "By the whole stack", Do, "uprobe:APP:leaf { @[ustack] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.UStack).Count(), CountBy(static leaf => leaf.Depth));
        yield return Pair.Of(
            section, "By the innermost frames", Do, "uprobe:APP:leaf { @[ustack(4)] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.UStack.Take(4)).Count(), "4=30, 4=5, 4=5");
        yield return Pair.Of(
            section, "Of each thread", "threads 4", "uprobe:APP:leaf { @[comm] = count(); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.Comm).Count(),
            Enumerable.Range(0, 4).ToDictionary(static k => $"t{k}", static k => k + 1), PairTarget.Libc);
    }
}
