namespace StackDepth.Native.Symbols;

/// <summary>Puts newer mappings over older ones.</summary>
internal static class RegionMerge
{
    /// <summary>What a sequence of mappings leaves: each lies over those before it. Takes n log n.</summary>
    /// <param name="mappings">In the order in which they were made.</param>
    internal static IReadOnlyList<MappedRegion> Flatten(ReadOnlySpan<MappedRegion> mappings) => mappings.Length switch
    {
        0 => [],
        1 => [mappings[0]],
        _ => Merge(Flatten(mappings[..(mappings.Length / 2)]), Flatten(mappings[(mappings.Length / 2)..])),
    };

    /// <summary>The newer regions, and what they leave of the older ones, in the order of their addresses. What did not change stays the same object.</summary>
    /// <param name="older">In order, without overlaps.</param>
    /// <param name="newer">Likewise; what is out of order or overlaps, as a list that was read while it changed can, is left out.</param>
    internal static List<MappedRegion> Merge(IReadOnlyList<MappedRegion> older, IReadOnlyList<MappedRegion> newer)
    {
        var result = new List<MappedRegion>(older.Count + newer.Count);
        var position = 0UL;
        var at = 0;
        foreach (var region in newer)
        {
            if (region.Start < position || region.Start >= region.End)
            {
                continue;
            }

            KeepUntil(region.Start);
            MappedRegion? same = null;
            for (; at < older.Count && older[at].End <= region.End; at++)
            {
                same = older[at] == region ? older[at] : same;
            }

            result.Add(same ?? region);
            position = region.End;
        }

        KeepUntil(ulong.MaxValue);
        return result;

        // The older regions from the position on that begin before an address, cut where the newer ones begin and end.
        void KeepUntil(ulong end)
        {
            for (; at < older.Count && older[at].Start < end; at++)
            {
                var start = Math.Max(older[at].Start, position);
                var stop = Math.Min(older[at].End, end);
                if (start < stop)
                {
                    result.Add(start == older[at].Start && stop == older[at].End ? older[at] : older[at].Part(start, stop));
                }

                if (older[at].End > end)
                {
                    return;
                }
            }
        }
    }
}
