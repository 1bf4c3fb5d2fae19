using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>A file as the test knows it: what there is of it, and which rule holds from which file offset on.</summary>
internal sealed record CodeFile(ulong Inode, uint Device, UnwindFileFlags Flags = UnwindFileFlags.Ready)
{
    /// <summary>What code that keeps frame pointers has after its prologue.</summary>
    internal static readonly UnwindRule FramePointer = new(16, -2, CfaKind.BasePointer, BasePointerKind.AtCfa);

    /// <summary>Rows by ascending file offset; the last one says where the rows end, and its rule is not used.</summary>
    internal IReadOnlyList<(uint Offset, UnwindRule Rule)> Rows { get; init; } = [];

    /// <summary>Where code provably keeps frame pointers, as file offsets.</summary>
    internal (uint Start, uint Length) Plain { get; init; }

    internal UnwindFileKey Key => new(Inode, Device);

    /// <summary>The rule at an offset: the last row at or before it.</summary>
    internal UnwindRule RuleAt(ulong offset)
    {
        if (Flags != UnwindFileFlags.Ready || Rows.Count == 0 || offset >= Rows[^1].Offset)
            return default;
        var (found, after) = (-1, Rows.Count - 1);
        while (after - found > 1)
        {
            var middle = (found + after) / 2;
            if (Rows[middle].Offset <= offset)
                found = middle;
            else
                after = middle;
        }
        return found < 0 ? default : Rows[found].Rule;
    }
}
