using System.Collections.Concurrent;
using System.Diagnostics;

namespace StackDepth.Live.Tests.Walks;

/// <summary>What the stacks of the targets really are, found without StackDepth; kept for the run of the tests.</summary>
internal static class Truths
{
    /// <summary>Of the programs that report, gdb looks at so many hits.</summary>
    private const int Witnessed = 300;

    private static readonly int[] BaseDepths = [10, 25];
    private static readonly ConcurrentDictionary<string, Lazy<Task<IReadOnlyDictionary<string, int>>>> AllBases = new();
    private static readonly ConcurrentDictionary<(string Target, int Depth), Lazy<Task<int[]>>> AllDepths = new();

    /// <summary>The frames below each tag of a target that reports, with the probed function. gdb must find the same at every hit, at two depths.</summary>
    internal static Task<IReadOnlyDictionary<string, int>> Bases(WalkTarget target) =>
        target.Bases is { } known ? Task.FromResult(known) : target.BaseOf is { } other ? Bases(Corpus.All[other]) : AllBases.GetOrAdd(target.Name, _ => new(() => MeasureBases(target))).Value;

    /// <summary>The depths that gdb finds, hit by hit, where the program does not report.</summary>
    internal static Task<int[]> Depths(WalkTarget target, int depth) =>
        AllDepths.GetOrAdd((target.Name, depth), _ => new(() => MeasureDepths(target, depth))).Value;

    internal static ProcessStartInfo Command(WalkProgram program, int depth, int repeat, string report)
    {
        var command = new ProcessStartInfo(program.Path, program.Arguments(depth, repeat, report));
        // The same hits in every run.
        command.Environment["PYTHONHASHSEED"] = "0";
        return command;
    }

    private static async Task<int[]> MeasureDepths(WalkTarget target, int depth)
    {
        var program = target.Prepare();
        var runs = await OneAtATime.Use(program.Binary, () => Gdb.Depths(target.Probe, int.MaxValue, Command(program, depth, 1, "/dev/null")));
        return [.. runs[0].Select(static hit => hit.Depth)];
    }

    private static async Task<IReadOnlyDictionary<string, int>> MeasureBases(WalkTarget target)
    {
        Dictionary<string, int> bases = [];
        var program = target.Prepare();
        var reports = BaseDepths.Select(static _ => new HitReport()).ToArray();
        try
        {
            var runs = await OneAtATime.Use(
                program.Binary, () => Gdb.Depths(target.Probe, Witnessed, [.. BaseDepths.Zip(reports, (depth, report) => Command(program, depth, 1, report.Path))]));
            foreach (var (depth, report, hits) in BaseDepths.Zip(reports, runs))
                Compare($"{target}, depth {depth}", hits, report.Read(), bases);
        }
        finally
        {
            foreach (var report in reports)
                report.Dispose();
        }

        return bases;
    }

    private static void Compare(string what, (int Tid, int Depth)[] hits, Dictionary<int, ReportedHit[]> reported, Dictionary<string, int> bases)
    {
        // gdb lets children go, and stops looking at some number of hits.
        foreach (var thread in hits.GroupBy(static hit => hit.Tid))
        {
            foreach (var ((_, found), hit) in thread.Zip(reported[thread.Key]))
            {
                if (!bases.TryGetValue(hit.Tag, out var below))
                    bases[hit.Tag] = below = found - hit.Relative;
                Assert.True(found == hit.Relative + below, $"{what}, {hit}: gdb counts {found} frames, {found - hit.Relative} more than reported; at other hits it is {below} more.");
            }

            Assert.True(thread.Count() == reported[thread.Key].Length || hits.Length == Witnessed, $"{what}: gdb saw {thread.Count()} of {reported[thread.Key].Length} hits.");
        }
    }
}
