
namespace StackDepth.Live.Tests.Walks;

/// <summary>One stack, as it was and as a walk saw it.</summary>
internal sealed record MeasuredStack(WalkTarget Target, StackWalk Walk, int Depth, int Hit, string Tag, int? Truth, int Length, StackReason Reason, ProbeHealth Health)
{
    internal Completeness Completeness => Reason.Completeness();

    /// <summary>The one thing that no walk may ever do.</summary>
    internal bool IsSilentlyWrong => Completeness == Completeness.Complete && Length != Truth;

    internal bool IsExact => Completeness == Completeness.Complete && Length == Truth;

    /// <summary>A tag with a question mark: a walk may not know everything yet (a library that was opened this very moment), and must say so.</summary>
    internal bool MayBeIncomplete => Target.Unprovable || Tag.StartsWith('?');

    public override string ToString() =>
        $"{Target}, walk {Walk}, depth {Depth}, hit {Hit} ({Tag}): truth {(Truth is { } truth ? truth : "unknown")}, measured {Length}, {Completeness} ({Reason}) (of the run: {Health})";
}

/// <summary>Runs targets under probes.</summary>
internal static class Measuring
{
    /// <summary>The stacks of a run beside their truth. Every hit must be there.</summary>
    internal static async Task<MeasuredStack[]> Measure(WalkTarget target, int depth, StackWalk walk, int repeat = 1)
    {
        Requires.Bpf();
        var program = target.Prepare();
        // An interpreter that has warmed up may call otherwise: gdb's truth is of the first round.
        Assert.True(target.Truth != TruthSource.Gdb || repeat == 1);
        var bases = target.Truth == TruthSource.Report ? await Truths.Bases(target) : null;
        var depths = target.Truth == TruthSource.Gdb ? await Truths.Depths(target, depth) : null;
        using var report = new HitReport();
        var (stacks, exitCode, health) = await OneAtATime.Use(
            program.Binary, () => WalkApi.Run(program.Binary, target.Probe, Truths.Command(program, depth, repeat, bases is null ? "/dev/null" : report.Path), walk));
        var what = $"{target}, walk {walk}, depth {depth}, {repeat} times: ";
        Assert.True(exitCode == 0, $"{what}exit code {exitCode}");
        Assert.True(stacks.Length > 0, what + "no hits");
        Assert.True((health.Missed, health.Dropped, health.StackErrors) == (0, 0, 0), what + health);
        if (bases is null)
        {
            Assert.True(depths is null || stacks.Length == depths.Length, $"{what}{stacks.Length} hits, of {depths?.Length} in gdb");
            return [.. stacks.Select((stack, hit) => new MeasuredStack(target, walk, depth, hit, "", depths?[hit], stack.Length, stack.Reason, health))];
        }

        var reported = report.Read();
        var threads = stacks.GroupBy(static stack => stack.Tid).ToDictionary(static thread => thread.Key, static thread => thread.ToArray());
        Assert.True(
            reported.OrderBy(static thread => thread.Key).Select(static thread => (thread.Key, thread.Value.Length)).SequenceEqual(
                threads.OrderBy(static thread => thread.Key).Select(static thread => (thread.Key, thread.Value.Length))),
            $"{what}{stacks.Length} hits in {threads.Count} threads, of {reported.Values.Sum(static hits => hits.Length)} reported in {reported.Count}");
        return
        [
            .. reported.SelectMany(thread => thread.Value.Zip(threads[thread.Key], (hit, stack) => (hit, stack))).Select((pair, index) => new MeasuredStack(
                target, walk, depth, index, pair.hit.Tag, pair.hit.Relative + bases[pair.hit.Tag], pair.stack.Length, pair.stack.Reason, health)),
        ];
    }

    /// <summary>Fails with the first few of the stacks that are not as wanted.</summary>
    internal static void All(IEnumerable<MeasuredStack> stacks, string wanted, Func<MeasuredStack, bool> holds)
    {
        var bad = stacks.Where(stack => !holds(stack)).ToArray();
        Assert.True(bad.Length == 0, $"{bad.Length} stacks are not {wanted}:\n{string.Join('\n', bad.Take(10))}");
    }
}
