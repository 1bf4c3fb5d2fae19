using System.Runtime.InteropServices;
using SharpFuzz.Common;

namespace StackDepth.Fuzz;

/// <summary>Which branches an instrumented library has taken, by SharpFuzz's counters: a byte for each pair of places, in classes of how often.</summary>
internal static unsafe class Coverage
{
    private const int Bytes = 1 << 16;

    private static readonly byte* s_now = Allocate();
    private static readonly byte[] s_classes = [.. Enumerable.Range(0, 256).Select(Class)];

    private static byte* Allocate()
    {
        var memory = (byte*)NativeMemory.AllocZeroed(Bytes);
        Trace.SharedMem = memory;
        return memory;
    }

    internal static byte[] NewMap() => new byte[Bytes];

    internal static void Begin()
    {
        new Span<byte>(s_now, Bytes).Clear();
        Trace.PrevLocation = 0;
    }

    /// <summary>Adds what was taken since <see cref="Begin"/>; whether anything was new.</summary>
    internal static bool AddTo(byte[] seen)
    {
        var isNew = false;
        var words = new Span<ulong>(s_now, Bytes / sizeof(ulong));
        for (var word = 0; word < words.Length; word++)
        {
            if (words[word] == 0)
                continue;
            for (var at = word * sizeof(ulong); at < (word + 1) * sizeof(ulong); at++)
            {
                var bit = s_classes[s_now[at]];
                if ((seen[at] & bit) == bit)
                    continue;
                seen[at] |= bit;
                isNew = true;
            }
        }
        return isNew;
    }

    /// <summary>Once, twice, three times, up to 7, 15, 31, 127, and more.</summary>
    private static byte Class(int count) => count switch
    {
        0 => 0,
        1 => 1,
        2 => 2,
        3 => 4,
        < 8 => 8,
        < 16 => 16,
        < 32 => 32,
        < 128 => 64,
        _ => 128,
    };
}
