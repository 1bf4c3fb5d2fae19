namespace StackDepth.Tests.Generated;

/// <summary>What an aggregate should be, kept the plain way.</summary>
internal sealed class ModelAggregate
{
    internal long Count { get; private set; }

    internal long Sum { get; private set; }

    internal long? Minimum { get; private set; }

    internal long? Maximum { get; private set; }

    /// <summary>Values by bucket: -1 below zero, else how many bits the value has.</summary>
    internal SortedDictionary<int, long> Buckets { get; } = [];

    /// <summary>The latest value of each CPU, and when it was.</summary>
    internal Dictionary<int, (ulong Time, long Value)> Latest { get; } = [];

    internal List<long> Values { get; } = [];

    internal void Add(long value, Hit hit)
    {
        Values.Add(value);
        var time = (ulong)hit.Timestamp | 1;
        if (!Latest.TryGetValue(hit.Cpu, out var latest) || latest.Time <= time)
            Latest[hit.Cpu] = (time, value);
        Count++;
        Sum += value;
        Minimum = value < (Minimum ?? long.MaxValue) ? value : Minimum ?? value;
        Maximum = value > (Maximum ?? long.MinValue) ? value : Maximum ?? value;
        var bucket = value < 0 ? -1 : 64 - (int)long.LeadingZeroCount(value);
        Buckets[bucket] = Buckets.GetValueOrDefault(bucket) + 1;
    }
}
