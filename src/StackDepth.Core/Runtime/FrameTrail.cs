using System.Buffers.Binary;
using System.Runtime.InteropServices;
using StackDepth.Compile;

namespace StackDepth.Runtime;

/// <summary>The addresses of a kept hit's frames, the innermost first, and a gap where there were more than its place holds.</summary>
/// <param name="Head">The frames up to the gap; all of them where there is none.</param>
/// <param name="Omitted">How many frames the gap has.</param>
/// <param name="Tail">The frames behind the gap.</param>
internal readonly record struct FrameTrail(ulong[] Head, long Omitted, ulong[] Tail)
{
    // Stands for a frame that repeats one in the gap. No entry is like it: a run has a period.
    private const ulong Unknown = KeptLayout.RunMark;

    /// <summary>Reads a place of the kept hits: see <see cref="KeptLayout"/>.</summary>
    internal static FrameTrail Read(ReadOnlySpan<byte> place, TrailLayout layout)
    {
        var frames = BinaryPrimitives.ReadInt64LittleEndian(place[KeptLayout.FrameCount..]);
        var entries = BinaryPrimitives.ReadInt64LittleEndian(place[KeptLayout.TrailLength..]);
        List<ulong> head = [];
        if (entries <= layout.Entries)
        {
            Expand(place, layout, 0, entries, head, frames);
            return new([.. head], frames - head.Count, []);
        }
        Expand(place, layout, 0, layout.Head, head, frames);
        List<ulong> tail = [];
        Expand(place, layout, entries - layout.Tail, entries, tail, frames - head.Count);
        var known = CollectionsMarshal.AsSpan(tail);
        known = known[(known.LastIndexOf(Unknown) + 1)..];
        return new([.. head], frames - head.Count - known.Length, known.ToArray());
    }

    private static void Expand(ReadOnlySpan<byte> place, TrailLayout layout, long first, long end, List<ulong> frames, long most)
    {
        for (var number = first; number < end; number++)
        {
            var entry = BinaryPrimitives.ReadUInt64LittleEndian(place[(KeptLayout.Trail + (layout.Place(number) * sizeof(long)))..]);
            if (!IsRun(entry, out var period, out var count))
            {
                if (frames.Count < most)
                    frames.Add(entry);
                continue;
            }
            for (var repeated = 0L; repeated < count && frames.Count < most; repeated++)
                frames.Add(frames.Count < period ? Unknown : frames[^period]);
        }
    }

    // Addresses of the kernel have all of their high bits set.
    internal static bool IsRun(ulong entry, out int period, out long count)
    {
        period = (int)((entry & ~KeptLayout.RunMark) >> KeptLayout.RunPeriodShift);
        count = (long)(entry & ((1UL << KeptLayout.RunPeriodShift) - 1));
        return (entry & KeptLayout.RunMark) != 0 && period is > 0 and <= KeptLayout.LongestPeriod;
    }
}
