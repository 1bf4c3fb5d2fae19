using StackDepth.Native.Elf;

namespace StackDepth.Native.Symbols;

/// <summary>
/// Which of several names at one address is shown, the same everywhere: global before local before weak, then the fewest leading underscores, then the shortest, then the
/// first in ordinal order.
/// </summary>
internal static class AliasOrder
{
    /// <summary>Less than 0 when the first name is the better one.</summary>
    /// <param name="bindingA">The first symbol's binding.</param>
    /// <param name="nameA">Its name without a version.</param>
    /// <param name="bindingB">The second symbol's binding.</param>
    /// <param name="nameB">Its name without a version.</param>
    internal static int Compare(byte bindingA, ReadOnlySpan<byte> nameA, byte bindingB, ReadOnlySpan<byte> nameB)
    {
        var rank = Rank(bindingA).CompareTo(Rank(bindingB));
        if (rank != 0)
        {
            return rank;
        }

        var underscores = Underscores(nameA).CompareTo(Underscores(nameB));
        return underscores != 0 ? underscores
            : nameA.Length != nameB.Length ? nameA.Length.CompareTo(nameB.Length)
            : nameA.SequenceCompareTo(nameB);
    }

    private static int Underscores(ReadOnlySpan<byte> name) => name.IndexOfAnyExcept((byte)'_') is >= 0 and var length ? length : name.Length;

    private static int Rank(byte binding) => binding switch
    {
        ElfConstants.BindGlobal => 0,
        ElfConstants.BindLocal => 1,
        ElfConstants.BindWeak => 2,
        _ => 3,
    };
}
