using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Load;

/// <summary>What a soak has come to.</summary>
/// <param name="Calls">What the target says that it called.</param>
/// <param name="Forked">How many processes it forked.</param>
/// <param name="Executed">How many of them ran a program anew.</param>
/// <param name="Hits">The hits of all sessions together.</param>
/// <param name="Lost">Of them, those that the sessions say they lost, of whatever kind.</param>
/// <param name="Unaccounted">Calls that a session neither counted nor says it lost, and results that do not add up to the hits, by session.</param>
/// <param name="Managed">Managed memory in use after a quarter of the time, and at the end.</param>
/// <param name="Resident">The same of the memory that the process has in all.</param>
/// <param name="Files">Open files then.</param>
internal sealed record SoakFigures(
    long Calls, long Forked, long Executed, long Hits, long Lost, ImmutableArray<string> Unaccounted, (long Before, long After) Managed, (long Before, long After) Resident, (int Before, int After) Files)
{
    private const int Mebibyte = 1 << 20;

    // Two of the sessions name frames, and remember what so many processes that have ended had mapped (ObservedProcesses).
    private const int Remembered = 16_384, BytesOfProcess = 4096;

    /// <summary>Whether nothing grows but what is remembered of processes, which has an end.</summary>
    internal bool IsFlat => Managed.After <= Managed.Before + (8 * Mebibyte) + (long.Min(Forked, Remembered) * BytesOfProcess) && Files.After <= Files.Before;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Calls:N0} calls, {Forked:N0} forks and {Executed:N0} execs; 8 sessions saw {Hits:N0} hits and count {Lost:N0} of them as lost, {Unaccounted.Length} sums do not add up; managed memory {Managed.Before / Mebibyte} MiB after a quarter of the time and {Managed.After / Mebibyte} MiB at the end, resident {Resident.Before / Mebibyte} and {Resident.After / Mebibyte} MiB, open files {Files.Before} and {Files.After}");
}

/// <summary>Eight sessions of different kinds at once, over 64 threads and a storm of forks and execs: every call is in each session's result, or counted as lost there.</summary>
internal static class Soak
{
    private const int Threads = 64;

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(500);

    internal static async Task<SoakFigures> Run(TimeSpan time, CancellationToken cancellation)
    {
        var program = CTarget.Of("soak.c", "soak", ["-O2", "-g", "-pthread"]);
        using var target = new LiveTarget(program, Threads.ToString(CultureInfo.InvariantCulture));
        var leaves = Probe.UProbe(program, "leaf_*");
        await using var count = await leaves.Count().AttachAsync(cancellationToken: cancellation);
        await using var functions = await leaves.GroupBy(static s => s.Function).Count().AttachAsync(cancellationToken: cancellation);
        await using var depths = await leaves.Select(static s => s.UStack.Length).Histogram().AttachAsync(cancellationToken: cancellation);
        await using var stream = await leaves.Select(static s => (s.Tid, s.UStack.Length)).AttachAsync(cancellationToken: cancellation);
        await using var stats = await leaves.Select(static s => s.UStack.Length).Stats().AttachAsync(cancellationToken: cancellation);
        // Far fewer keys than there are.
        await using var threads = await leaves.GroupBy(static s => s.Tid).Count().AttachAsync(new() { MaxKeys = 40 }, cancellation);
        await using var deepest = await leaves.GroupBy(static s => s.Comm).MaxBy(static s => s.UStack.Length).AttachAsync(cancellationToken: cancellation);
        await using var stacks = await leaves.GroupBy(static s => s.UStack.Take(3)).Count().AttachAsync(cancellationToken: cancellation);
        ProbeSession[] all = [count, functions, depths, stream, stats, threads, deepest, stacks];

        var received = 0L;
        using var subscription = stream.Subscribe(_ => Interlocked.Increment(ref received));
        var running = Task.Run(() => target.Ask(time.TotalSeconds.ToString(CultureInfo.InvariantCulture)), cancellation);
        var (began, summed, broken) = (DateTime.UtcNow, 0L, new List<string>());
        (long Managed, long Resident, int Files)? before = null;
        while (!running.IsCompleted)
        {
            await Task.WhenAny(running, Task.Delay(s_interval, cancellation));
            summed += stats.TakeInterval().Count;
            foreach (var (comm, hit) in deepest.TakeInterval())
            {
                if (hit.Stack.Length != hit.Value && hit.Stack.Completeness == Completeness.Complete)
                    broken.Add($"the deepest hit of {comm} has {hit.Value} frames, and {hit.Stack.Length} with its stack");
            }
            if (before is null && DateTime.UtcNow - began > time / 4)
                before = Memory();
        }
        var report = (await running).Select(static line => line.Split(' ')).ToDictionary(static line => line[0], static line => line[1..].Select(static number => long.Parse(number, CultureInfo.InvariantCulture)).ToArray());
        var after = Memory();

        var calls = report.Where(static line => line.Key.StartsWith("leaf_", StringComparison.Ordinal)).ToDictionary(static line => line.Key, static line => line.Value[0]);
        var total = calls.Values.Sum();
        var counted = await count.StopAsync(cancellation);
        var byFunction = await functions.StopAsync(cancellation);
        var histogram = await depths.StopAsync(cancellation);
        await stream.StopAsync(cancellation);
        summed += (await stats.StopAsync(cancellation)).Count;
        var byThread = await threads.StopAsync(cancellation);
        await deepest.StopAsync(cancellation);
        var byStack = await stacks.StopAsync(cancellation);
        foreach (var (session, number) in all.Select(static (session, number) => (session, number)))
            Adds($"the hits of session {number}", session.Health.Hits, total - session.Health.Missed);
        Adds("the count", counted, count.Health.Hits);
        Adds("the functions", byFunction.Values.Sum(), functions.Health.Hits - functions.Health.KeysLost);
        foreach (var (function, hits) in byFunction)
        {
            if (functions.Health.Missed == 0)
                Adds(function.Name, hits, calls[function.Name]);
        }
        Adds("the histogram", histogram.Buckets.Sum(static bucket => bucket.Count), depths.Health.Hits - depths.Health.StackErrors);
        Adds("the stream", Interlocked.Read(ref received), stream.Health.Hits - stream.Health.Dropped - stream.Health.StackErrors);
        Adds("the intervals", summed, stats.Health.Hits - stats.Health.StackErrors);
        Adds("the threads", byThread.Values.Sum(), threads.Health.Hits - threads.Health.KeysLost);
        Adds("the stacks", byStack.Values.Sum(), stacks.Health.Hits - stacks.Health.KeysLost - stacks.Health.StackErrors);
        return new(
            total, report["processes"][0], report["processes"][1], all.Sum(static session => session.Health.Hits), all.Sum(static session => Lost(session.Health)), [.. broken],
            (before!.Value.Managed, after.Managed), (before.Value.Resident, after.Resident), (before.Value.Files, after.Files));

        void Adds(string what, long sum, long expected)
        {
            if (sum != expected)
                broken.Add(string.Create(CultureInfo.InvariantCulture, $"{what}: {sum} and not {expected}"));
        }
    }

    private static long Lost(ProbeHealth health) => health.Missed + health.Dropped + health.KeysLost + health.StackErrors;

    private static (long Managed, long Resident, int Files) Memory() =>
        (GC.GetTotalMemory(forceFullCollection: true), Environment.WorkingSet, FdLeakCheck.Snapshot().Count);
}
