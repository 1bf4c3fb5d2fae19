namespace StackDepth.Ir;

/// <summary>How a distribution divides the numbers: every number lies in one bucket, and their indexes go up with the numbers.</summary>
internal abstract record IrBuckets
{
    /// <summary>By powers of two.</summary>
    internal static IrBuckets PowersOfTwo { get; } = new IrPowersOfTwo();

    /// <summary>How many buckets there are.</summary>
    internal abstract int Count { get; }

    /// <summary>The least and the greatest number in a bucket.</summary>
    internal abstract (long Low, long High) Range(int index);
}

/// <summary>Below 0, exactly 0, then one for each power of two of a positive 64-bit number.</summary>
internal sealed record IrPowersOfTwo : IrBuckets
{
    internal override int Count => 2 + 63;

    internal override (long Low, long High) Range(int index) => index switch
    {
        0 => (long.MinValue, -1),
        1 => (0, 0),
        _ => (1L << (index - 2), (long)((1UL << (index - 1)) - 1)),
    };
}

/// <summary>Below <paramref name="Least"/>, then buckets of <paramref name="Step"/> numbers, the last of which may be narrower, and from <paramref name="End"/> up.</summary>
internal sealed record IrLinearBuckets(long Least, long End, long Step) : IrBuckets
{
    /// <summary>The most steps: with a counter of 8 bytes for each they stay well below the 32 KiB that a value per CPU can have (PCPU_MIN_UNIT_SIZE).</summary>
    internal const int MostSteps = 1000;

    internal override int Count => Steps + 2;

    internal int Steps => (int)((((ulong)(End - Least) - 1) / (ulong)Step) + 1);

    internal override (long Low, long High) Range(int index)
    {
        if (index == 0)
            return (long.MinValue, Least - 1);
        if (index > Steps)
            return (End, long.MaxValue);
        var low = Least + ((index - 1) * Step);
        return (low, index == Steps ? End - 1 : low + Step - 1);
    }

    /// <summary>Whether the program can keep these buckets, which is said as what to write instead.</summary>
    internal static string? Error(long least, long end, long step) =>
        step <= 0 ? "The step of a linear histogram is at least 1."
        : end <= least ? "A linear histogram goes from its minimum up to, and without, its maximum, which is greater."
        : (((ulong)(end - least) - 1) / (ulong)step) >= MostSteps ? $"A linear histogram has at most {MostSteps} buckets: use a larger step, or Histogram(), which goes by powers of two."
        : null;
}

/// <summary>
/// Fine ones, for quantiles: one for each number from 0 up to <see cref="Exact"/>, above it <see cref="Parts"/> for each power of two, and one for all below 0.
/// </summary>
/// <param name="Wide">Whether the numbers have 64 bits.</param>
internal sealed record IrFineBuckets(bool Wide) : IrBuckets
{
    internal const int ExactBits = 11;

    /// <summary>Smaller numbers than this have a bucket each.</summary>
    internal const int Exact = 1 << ExactBits;

    internal const int PartBits = 5;

    internal const int Parts = 1 << PartBits;

    internal override int Count => 1 + Exact + (((Wide ? 63 : 31) - ExactBits) * Parts);

    internal override (long Low, long High) Range(int index)
    {
        if (index == 0)
            return (long.MinValue, -1);
        if (index <= Exact)
            return (index - 1, index - 1);
        var (power, part) = int.DivRem(index - 1 - Exact, Parts);
        var shift = power + ExactBits - PartBits;
        var low = (long)(Parts + part) << shift;
        return (low, low + (1L << shift) - 1);
    }
}
