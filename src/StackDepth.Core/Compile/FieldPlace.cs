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

/// <summary>An argument of a USDT probe, which can be elsewhere at each of its sites.</summary>
/// <param name="Sites">Where it is, in the order of the sites.</param>
internal sealed record ArgumentPlace(ImmutableArray<UsdtArgument> Sites) : FieldPlace;
