using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>
/// The one wire layout of values that leave the kernel, in ring records and as keys of groups: fields in order, each 8-byte aligned. Numbers, truth values, functions
/// (as the index of the site) and stacks (as their number) take 8 bytes, a comm 16, a text in memory what it is given (<see cref="IrMemoryText"/>).
/// </summary>
internal sealed record EventLayout
{
    internal const int CommBytes = 16;

    internal EventLayout(ImmutableArray<IrType> fields)
        : this(fields, [.. fields.Select(static field => field == IrType.Text ? CommBytes : sizeof(long))])
    {
    }

    private EventLayout(ImmutableArray<IrType> fields, ImmutableArray<int> sizes)
    {
        Fields = fields;
        Sizes = sizes;
        var offsets = ImmutableArray.CreateBuilder<int>(fields.Length);
        foreach (var size in sizes)
        {
            offsets.Add(Size);
            Size += size;
        }
        Offsets = offsets.MoveToImmutable();
    }

    /// <summary>The layout of some values.</summary>
    internal static EventLayout Of(params ImmutableArray<IrExpression> values) =>
        new([.. values.Select(static value => value.Type)], [.. values.Select(static value => value is IrMemoryText text ? text.WireBytes : value.Type == IrType.Text ? CommBytes : sizeof(long))]);

    /// <summary>The layout of a key: of each of its parts, where it is a tuple.</summary>
    internal static EventLayout OfKey(IrExpression key) => key is IrTuple keys ? Of(keys.Items) : Of(key);

    internal ImmutableArray<IrType> Fields { get; }

    /// <summary>How many bytes each field takes.</summary>
    internal ImmutableArray<int> Sizes { get; }

    internal ImmutableArray<int> Offsets { get; }

    internal int Size { get; }

    public bool Equals(EventLayout? other) => other is not null && Fields.SequenceEqual(other.Fields) && Sizes.SequenceEqual(other.Sizes);

    public override int GetHashCode() => Fields.Aggregate(17, HashCode.Combine);
}
