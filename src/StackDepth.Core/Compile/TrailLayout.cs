namespace StackDepth.Compile;

/// <summary>
/// The trail of a kept hit: addresses, innermost first, runs among them (<see cref="KeptLayout.RunMark"/>). Of a longer one the first entries are kept and the last.
/// </summary>
/// <param name="Head">How many of the first entries are kept.</param>
/// <param name="Tail">How many of the last: a power of two.</param>
internal sealed record TrailLayout(int Head, int Tail)
{
    /// <summary>Of the hits that are kept over all.</summary>
    internal static TrailLayout OfAll { get; } = new(2048, 2048);

    /// <summary>Of the hits that are kept for each key: a place, as an element of a hash map, fits in a page, which is what the kernel's allocator has at hand.</summary>
    internal static TrailLayout OfKey { get; } = new(232, 256);

    internal int Entries => Head + Tail;

    internal int Bytes => Entries * sizeof(long);

    /// <summary>Where the entry with this number lies.</summary>
    internal int Place(long number) => number < Head ? (int)number : Head + (int)((number - Head) & (Tail - 1));
}
