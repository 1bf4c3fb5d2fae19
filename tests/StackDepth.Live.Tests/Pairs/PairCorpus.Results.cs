namespace StackDepth.Live.Tests.Pairs;

internal static partial class PairCorpus
{
    private static IEnumerable<Pair> Aggregates()
    {
        const string section = "Aggregates";
        yield return Pair.Of(section, "The sum", Do, "uprobe:APP:leaf { @ = sum(arg1); }", app => Probe.UProbe(app, "leaf").Select(s => s.Arg(1)).Sum(), 140);
        yield return Pair.Of(section, "The deepest stack", Do, "uprobe:APP:leaf { @ = max(len(ustack)); }", app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Max(), Levels - 1 + Base);
        yield return Pair.Of(section, "The shallowest stack", Do, "uprobe:APP:leaf { @ = min(len(ustack)); }", app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Min(), Base);
        yield return Pair.Of(
            section, "The deepest by a key", Do, "uprobe:APP:leaf { @[comm] = max(len(ustack)); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.Comm).Max(s => s.UStack.Length),
            By(static leaf => leaf.Comm, static group => group.Max(static leaf => leaf.Depth)));
        yield return Pair.Of(section, "The last value", Do, "uprobe:APP:leaf { @ = arg0; }", app => Probe.UProbe(app, "leaf").Select(s => s.Arg(0)).Last(), Calls - 1);
        yield return Pair.Of(section, "The mean", Do, "uprobe:APP:leaf { @ = avg(arg1); }", app => Probe.UProbe(app, "leaf").Select(s => s.Arg(1)).Average(), 3.5) with
        {
            Theirs = "3",
            Reason = "bpftrace divides whole numbers and drops the rest.",
        };
        yield return Pair.Of(section, "Count and mean together", Do, "uprobe:APP:leaf { @ = stats(arg1); }", app => Probe.UProbe(app, "leaf").Select(s => s.Arg(1)).Stats(), "count 40, average 3.5") with
        {
            Theirs = "count 40, average 3",
            Reason = "as above. `Stats` has the extremes too.",
        };
        yield return Pair.Of(
            section, "A histogram of depths", Do, "uprobe:APP:leaf { @ = hist(len(ustack)); }", app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Histogram(), Log2(Leaves.Select(static leaf => (long)leaf.Depth)));
        yield return Pair.Of(
            section, "A histogram by a key", Do, "uprobe:APP:leaf { @[comm] = hist(arg0); }", app => Probe.UProbe(app, "leaf").GroupBy(s => s.Comm).Histogram(s => s.Arg(0)),
            By(static leaf => leaf.Comm, static group => Log2(group.Select(static leaf => (long)leaf.I))));
        yield return Pair.Of(
            section, "A linear histogram", Do, "uprobe:APP:leaf { @ = lhist(arg0, 0, 40, 10); }", app => Probe.UProbe(app, "leaf").Select(s => s.Arg(0)).LinearHistogram(0, 40, 10),
            "0 to 9: 10, 10 to 19: 10, 20 to 29: 10, 30 to 39: 10");
        yield return Pair.Of(
            section, "A linear histogram that begins below 0", Do, "uprobe:APP:numbers { @ = lhist((int64)arg0, -10, 30, 20); }", app => Probe.UProbe(app, "numbers").Select(s => s.Arg(0)).LinearHistogram(-10, 30, 20),
            "-10 to 9: 20, 10 to 29: 20") with
        {
            Theirs = "refused",
            Reason = "bpftrace's `lhist` takes no negative bound.",
        };
        yield return Pair.Of(section, "How often something holds", Do, "uprobe:APP:leaf { @ = sum(arg0 % 2 == 0); }", app => Probe.UProbe(app, "leaf").Select(s => Expr.If(s.Arg(0) % 2 == 0, 1, 0)).Sum(), Calls / 2);
        yield return Pair.Of(section, "The smallest of negative numbers", Do, "uprobe:APP:numbers { @ = min((int64)arg0); }", app => Probe.UProbe(app, "numbers").Select(s => s.Arg(0)).Min(), -10);
        yield return Pair.Of(section, "The greatest of numbers that can be negative", Do, "uprobe:APP:numbers { @ = max(arg0); }", app => Probe.UProbe(app, "numbers").Select(s => s.Arg(0)).Max(), Calls - 11) with
        {
            Theirs = "18446744073709551615",
            Reason = "arguments are unsigned to bpftrace: -1 is its greatest number. `Arg` is a `long`.",
        };
        yield return Pair.Of(section, "Negative numbers divided", Do, "uprobe:APP:numbers { @ = max((int64)arg0 / 3); }", app => Probe.UProbe(app, "numbers").Select(s => s.Arg(0) / 3).Max(), (Calls - 11) / 3) with
        {
            Theirs = "6148914691236517205",
            Reason = "bpftrace divides the bits as an unsigned number (and warns). C# divides signed numbers.",
        };
        yield return Pair.Of(section, "Shifts and differences", Do, "uprobe:APP:leaf { @ = sum((arg0 << 2) - arg1); }", app => Probe.UProbe(app, "leaf").Select(s => (s.Arg(0) << 2) - s.Arg(1)).Sum(), Leaves.Sum(static leaf => (leaf.I << 2) - leaf.Level));
    }

    private static IEnumerable<Pair> Streams()
    {
        const string section = "Streams";
        yield return Pair.Stream(
            section, "Every hit with its depth", Do, "uprobe:APP:leaf { printf(\"%d,%d\\n\", arg0, len(ustack)); }", app => Probe.UProbe(app, "leaf").Select(s => (s.Arg(0), s.UStack.Length)),
            Leaves.Select(static leaf => (leaf.I, leaf.Depth)));
        yield return Pair.Stream(
            section, "Every hit with its texts", Do, "uprobe:APP:text { printf(\"%s,%s\\n\", comm, str(arg0)); }", app => Probe.UProbe(app, "text").Select(s => (s.Comm, s.ArgString(0))),
            Leaves.Select(static leaf => (leaf.Comm, leaf.I % 2 == 0 ? "even" : "odd")));
        yield return Pair.Stream(
            section, "The deep ones only", Do, "uprobe:APP:leaf /len(ustack) >= 11/ { printf(\"%d\\n\", arg0); }", app => Probe.UProbe(app, "leaf").Where(s => s.UStack.Length >= 11).Select(s => s.Arg(0)),
            Leaves.Where(static leaf => leaf.Depth >= 11).Select(static leaf => leaf.I));
        yield return Pair.Stream(
            section, "The first three hits, and no more", Do, "uprobe:APP:leaf /@n < 3/ { @n++; printf(\"%d\\n\", arg0); }", app => Probe.UProbe(app, "leaf").Select(s => s.Arg(0)).Take(3), "0\n1\n2");
    }

    private static IEnumerable<Pair> Several()
    {
        const string section = "Several probes, and variables";
        yield return Pair.Of(
            section, "Two functions as one", Do, "uprobe:APP:pick_a, uprobe:APP:pick_b { @ = count(); }", app => Probe.Any(Probe.UProbe(app, "pick_a"), Probe.UProbe(app, "pick_b")).Count(), Calls);
        yield return Pair.Of(
            section, "A depth remembered at one probe and used at another", Do, "uprobe:APP:leaf { @d[tid] = len(ustack); } uprobe:APP:pick_a /@d[tid]/ { @ = max(@d[tid]); }",
            app =>
            {
                var depth = Probe.State<int>("depth");
                return Probe.Any(Probe.UProbe(app, "leaf").Set(depth, s => s.UStack.Length).Silent(), Probe.UProbe(app, "pick_a")).Where(_ => depth.IsSet).Select(_ => depth.Value).Max();
            },
            Levels - 1 + Base);
        yield return Pair.Of(
            section, "Sums by a key, read at another probe", Do, "uprobe:APP:leaf { @seen[arg1]++; } uprobe:APP:bare { @ = max(@seen[arg0 % 8]); }",
            app =>
            {
                var seen = Probe.State<long, int>("seen");
                return Probe.Any(Probe.UProbe(app, "leaf").Add(s => seen[s.Arg(1)], _ => 1).Silent(), Probe.UProbe(app, "bare")).Select(s => seen[s.Arg(0) % 8].Value).Max();
            },
            Calls / Levels);
        yield return Pair.Of(
            section, "How many activations of a function are live?", "rounds 3 20", "uprobe:APP:descend { @n[tid]++; @ = max(@n[tid]); } uretprobe:APP:descend { @n[tid]--; }",
            app => Probe.UProbe(app, "descend").Select(s => s.Recursion).Max(), 21);
        yield return Pair.Of(
            section, "The same, deeper than 64", "rounds 3 100", "uprobe:APP:descend { @n[tid]++; @ = max(@n[tid]); } uretprobe:APP:descend { @n[tid]--; }",
            app => Probe.UProbe(app, "descend").Select(s => s.Recursion).Max(), 101) with
        {
            Theirs = "175",
            Reason = "the kernel drops returns beyond 64 pending ones, and the counter that they should lower stays too high.",
        };
        yield return Pair.Of(
            section, "The same, where longjmp ends the calls", "jump 3 30", "uprobe:APP:nested { @n[tid]++; @ = max(@n[tid]); } uretprobe:APP:nested { @n[tid]--; }",
            app => Probe.UProbe(app, "nested").Select(s => s.Recursion).Max(), 31, PairTarget.Libc) with
        {
            Theirs = "93",
            Reason = "calls that longjmp ends never return. `Recursion` is proved by the stack at each hit.",
        };
    }

    private static IEnumerable<Pair> Wrong()
    {
        const string section = "Depths that bpftrace gets wrong";
        const string theirs = "uprobe:APP:leaf { @ = max(len(ustack)); }";
        yield return Pair.Of(section, "Code without frame pointers", "nested 100", theirs, app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Max(), 106, PairTarget.Plain) with
        {
            IsReported = true,
            Theirs = "2",
            Reason = "the kernel's walk follows frame pointers, and there are none. StackDepth's goes by the unwind rows of the files, and says that the end was proved.",
        };
        yield return Pair.Of(section, "A program with frame pointers on a libc without", "nested 100", theirs, app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Max(), 106, PairTarget.Libc) with
        {
            IsReported = true,
            Theirs = "104",
            Reason = "the chain of frame pointers ends in libc, which Debian builds without them, and nothing says so.",
        };
        yield return Pair.Of(section, "More than 127 frames", "rounds 1 500", theirs, app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Max(), 504) with
        {
            Theirs = "127",
            Reason = "the kernel's walk ends at 127 frames (kernel.perf_event_max_stack). StackDepth's counts to `MaxFrames`.",
        };
        yield return Pair.Of(section, "In a signal's handler", "signal 20", theirs, app => Probe.UProbe(app, "leaf").Select(s => s.UStack.Length).Max(), 30, PairTarget.Libc) with
        {
            IsReported = true,
            Theirs = "25",
            Reason = "the kernel's walk loses the way at the signal's frame.",
        };
        yield return Pair.Of(section, "A function that does not begin with push %rbp", Do, "uprobe:APP:bare { @ = max(len(ustack)); }", app => Probe.UProbe(app, "bare").Select(s => s.UStack.Length).Max(), 3) with
        {
            Theirs = "2",
            Reason = "the caller's frame is missing: the kernel looks for it by the first instruction.",
        };
    }
}
