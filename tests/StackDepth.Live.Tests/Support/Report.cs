using System.Globalization;

namespace StackDepth.Live.Tests.Support;

/// <summary>What a target says that it did: so many calls of a function by a thread, at a depth as a walk by frame pointers finds it.</summary>
internal sealed record Calls(int Pid, int Tid, string Comm, string Function, int Depth, long Count);

/// <summary>A target's report, and the aggregates that follow from it.</summary>
internal sealed class Report(IEnumerable<Calls> calls)
{
    internal const int KernelWalkLimit = 127;

    private readonly Calls[] _calls = [.. calls];

    internal IReadOnlyList<Calls> Lines => _calls;

    internal long Count => _calls.Sum(static call => call.Count);

    internal long Sum => _calls.Sum(static call => call.Count * Cut(call.Depth));

    internal int? Max => _calls.Max(static call => (int?)Cut(call.Depth));

    internal int? Min => _calls.Min(static call => (int?)Cut(call.Depth));

    internal double? Mean => Count == 0 ? null : (double)Sum / Count;

    /// <summary>Of each call.</summary>
    internal IEnumerable<int> Depths => _calls.SelectMany(static call => Enumerable.Repeat(Cut(call.Depth), (int)call.Count));

    internal long Truncated => _calls.Where(static call => call.Depth >= KernelWalkLimit).Sum(static call => call.Count);

    /// <summary>Powers of two, without empty buckets.</summary>
    internal Dictionary<(long Low, long High), long> Histogram => _calls
        .GroupBy(static call => 1L << (int)Math.Floor(Math.Log2(Cut(call.Depth))))
        .ToDictionary(static group => (group.Key, (2 * group.Key) - 1), static group => group.Sum(static call => call.Count));

    internal Report Of(string function) => new(_calls.Where(call => call.Function == function));

    internal Report OfLeaves() => new(_calls.Where(static call => call.Function.StartsWith("leaf_", StringComparison.Ordinal)));

    internal Dictionary<TKey, Report> By<TKey>(Func<Calls, TKey> key)
        where TKey : notnull => _calls.GroupBy(key).ToDictionary(static group => group.Key, static group => new Report(group));

    internal static Report Parse(IEnumerable<string> lines) => new(lines.Where(static line => line.StartsWith("R ", StringComparison.Ordinal)).Select(static line =>
    {
        var fields = line.Split(' ');
        return new Calls(Number(fields[1]), Number(fields[2]), fields[3], fields[4], Number(fields[5]), Number(fields[6]));
    }));

    private static int Cut(int depth) => int.Min(depth, KernelWalkLimit);

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
