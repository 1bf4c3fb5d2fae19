using StackDepth.Compile;

namespace StackDepth.Runtime;

/// <summary>The frames of a trail: the innermost, and behind a gap the outermost where there are more than are wanted.</summary>
/// <param name="Head">The frames up to the gap; all of them where there is none.</param>
/// <param name="Omitted">How many frames the gap has.</param>
/// <param name="Tail">The frames behind the gap.</param>
/// <param name="Digest">Of all entries: tells stacks apart that differ in the gap only.</param>
internal readonly record struct StackTrail(ulong[] Head, long Omitted, ulong[] Tail, ulong Digest)
{
    // Fowler, Noll and Vo: FNV-1a of 64 bits, of words.
    private const ulong FnvPrime = 0x100000001b3;
    private const ulong FnvBasis = 0xcbf29ce484222325;

    /// <param name="entries">The trail, the innermost first: addresses, and runs of frames that repeat those before them (<see cref="KeptLayout.RunMark"/>).</param>
    /// <param name="most">The most frames that are wanted, even. It takes time for so many of each run, however long that is.</param>
    internal static StackTrail Expand(ReadOnlySpan<ulong> entries, int most)
    {
        List<ulong> head = [];
        // The last frames, each at its number modulo the length; whole rounds of a long run are left out of these numbers.
        var ring = new ulong[most + KeptLayout.LongestPeriod];
        var (number, total, digest) = (0L, 0L, FnvBasis);
        foreach (var entry in entries)
        {
            digest = (digest ^ entry) * FnvPrime;
            if (!FrameTrail.IsRun(entry, out var period, out var count))
            {
                Add(entry);
                continue;
            }
            var rounds = long.Max(0, (count - ring.Length) / period);
            total += rounds * period;
            for (var repeat = rounds * period; repeat < count; repeat++)
                Add(number < period ? 0 : ring[(number - period) % ring.Length]);
        }
        if (total <= most)
            return new([.. head], 0, [], digest);
        var half = most / 2;
        var tail = new ulong[half];
        for (var index = 0; index < half; index++)
            tail[index] = ring[(number - half + index) % ring.Length];
        return new([.. head.Take(half)], total - most, tail, digest);

        void Add(ulong frame)
        {
            if (head.Count < most)
                head.Add(frame);
            ring[number++ % ring.Length] = frame;
            total++;
        }
    }
}
