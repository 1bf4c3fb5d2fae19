using System.Collections.Immutable;
using StackDepth.Native.Usdt;

namespace StackDepth.Compile;

/// <summary>Where a field lies that a query names. The set of kinds is closed.</summary>
internal abstract record FieldPlace;

/// <summary>A number in the program's context, or behind pointers in it that the kernel lets the program follow.</summary>
/// <param name="Path">Its offset; of what lies behind pointers, that of each pointer first.</param>
/// <param name="Bytes">How many bytes the number has.</param>
/// <param name="IsSigned">Whether it is extended by its sign.</param>
internal sealed record ContextPlace(ImmutableArray<int> Path, int Bytes, bool IsSigned) : FieldPlace
{
    /// <summary>Whether the context has it in a slot of 64 bits, of which the upper bits can be anything.</summary>
    internal bool InSlot { get; init; }

    /// <summary>Whether it is a pointer that the verifier knows as one: as a number it is copied by a helper.</summary>
    internal bool IsTypedPointer { get; init; }
}

/// <summary>How a text lies that is no pointer's.</summary>
internal enum TextForm
{
    /// <summary>It is an array of characters.</summary>
    Array,

    /// <summary>It is in the record, at the offset in the lower half of 32 bits (<c>__data_loc</c>).</summary>
    Located,

    /// <summary>The same, but the offset counts from behind the 32 bits (<c>__rel_loc</c>).</summary>
    RelativelyLocated,
}

/// <summary>Characters that are in the program's context, or behind pointers in it. A text to which a field points has the place of that number.</summary>
/// <param name="Path">As in <see cref="ContextPlace"/>.</param>
/// <param name="Form">How it lies.</param>
/// <param name="Bytes">How many bytes an array has; elsewhere the text ends at its NUL.</param>
internal sealed record TextPlace(ImmutableArray<int> Path, TextForm Form, int Bytes) : FieldPlace;

/// <summary>An argument of a USDT probe, which can be elsewhere at each of its sites.</summary>
/// <param name="Sites">Where it is, in the order of the sites.</param>
internal sealed record ArgumentPlace(ImmutableArray<UsdtArgument> Sites) : FieldPlace;
