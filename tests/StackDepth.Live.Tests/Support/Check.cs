namespace StackDepth.Live.Tests.Support;

/// <summary>Results against the target's report.</summary>
internal static class Check
{
    internal static void Same(Report expected, Summary<int> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        Assert.Equal(expected.Min, actual.Min);
        Assert.Equal(expected.Max, actual.Max);
        Assert.Equal(expected.Mean!.Value, actual.Mean!.Value, 1e-9);
        Same(expected, actual.Histogram);
    }

    internal static void Same(Report expected, Histogram actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        Assert.Equal(
            expected.Histogram.OrderBy(static bucket => bucket.Key).Select(static bucket => (bucket.Key.Low, bucket.Key.High, bucket.Value)),
            actual.Buckets.Where(static bucket => bucket.Count > 0).Select(static bucket => (bucket.Low, bucket.High, bucket.Count)));
    }

    /// <summary>All hits came through: the kernel's walk proves no stack, so each is cut or unproved, and nothing else went wrong.</summary>
    internal static void Healthy(Report expected, ProbeHealth health)
    {
        var unproved = expected.Count - expected.Truncated;
        Assert.Equal(
            new ProbeHealth(expected.Count, 0, 0, 0, 0, 0, expected.Truncated, unproved, 0) { Reasons = new((StackReason.UnprovedLimit, expected.Truncated), (StackReason.NoProof, unproved)) }, health);
    }

    /// <summary>All hits came through, and no stack was asked for.</summary>
    internal static void Healthy(long hits, ProbeHealth health) => Assert.Equal(new ProbeHealth(hits, 0, 0, 0, 0, 0, 0, 0, 0), health);

    internal static void Same<TKey, TValue>(Dictionary<TKey, Report> expected, IReadOnlyDictionary<TKey, TValue> actual, Action<Report, TValue> same)
        where TKey : notnull
    {
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        foreach (var (key, report) in expected)
            same(report, actual[key]);
    }
}
