using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>
/// The one wire layout of values that leave the kernel, in ring records and as keys of groups: fields in order, each 8-byte aligned. Numbers, truth values and functions
/// (as the index of the site) take 8 bytes, a comm 16.
/// </summary>
internal sealed record EventLayout
{
    internal const int CommBytes = 16;

    internal EventLayout(ImmutableArray<IrType> fields)
    {
        Fields = fields;
        var offsets = ImmutableArray.CreateBuilder<int>(fields.Length);
        foreach (var field in fields)
        {
            offsets.Add(Size);
            Size += SizeOf(field);
        }
        Offsets = offsets.MoveToImmutable();
    }

    /// <summary>The layout of a key: of each of its parts, where it is a tuple.</summary>
    internal static EventLayout OfKey(IrExpression key) => new(key is IrTuple keys ? [.. keys.Items.Select(static item => item.Type)] : [key.Type]);

    internal ImmutableArray<IrType> Fields { get; }

    internal ImmutableArray<int> Offsets { get; }

    internal int Size { get; }

    public bool Equals(EventLayout? other) => other is not null && Fields.SequenceEqual(other.Fields);

    public override int GetHashCode() => Fields.Aggregate(17, HashCode.Combine);

    internal static int SizeOf(IrType type) => type == IrType.Text ? CommBytes : sizeof(long);
}
