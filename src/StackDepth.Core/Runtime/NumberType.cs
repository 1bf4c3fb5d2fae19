using StackDepth.Ir;
using StackDepth.Native.Elf;

namespace StackDepth.Runtime;

/// <summary>What a number of the kernel is: by that a query's type for it is checked, and refused with the one to write.</summary>
/// <param name="Type">As C has it.</param>
/// <param name="Bytes">1, 2, 4 or 8.</param>
/// <param name="IsSigned">Whether it has negative values.</param>
internal readonly record struct NumberType(string Type, int Bytes, bool IsSigned)
{
    internal bool IsPointer => Type.EndsWith('*');

    /// <summary>Refuses a type that does not hold all of the numbers. A pointer is held by both types of 64 bits.</summary>
    internal void Check(IrProbe probe, IrField field)
    {
        if (!IsHeldBy(field.Type))
        {
            throw new ProbeQueryException(
                $"{PrintableText.Escape(probe.ToString()!)}: {PrintableText.Escape(field.Name)} is {PrintableText.Escape(Type)}, {(IsSigned ? "a signed" : "an unsigned")} number of {Bytes * 8} bits, and {NameOf(field.Type)} does not hold all of these. "
                + $"Write Field<{NameOf(Natural)}>(\"{PrintableText.Escape(field.Name)}\").");
        }
    }

    private IrType Natural => (Bytes, IsSigned) switch
    {
        (8, true) => IrType.Int64,
        (8, false) => IrType.UInt64,
        (4, false) => IrType.UInt32,
        _ => IrType.Int32,
    };

    private bool IsHeldBy(IrType type) => type switch
    {
        IrType.Int32 => Bytes < 4 || (Bytes == 4 && IsSigned),
        IrType.UInt32 => Bytes <= 4 && !IsSigned,
        IrType.Boolean => true,
        IrType.Int64 => Bytes < 8 || IsSigned || IsPointer,
        _ => !IsSigned,
    };

    private static string NameOf(IrType type) => type switch
    {
        IrType.Int32 => "int",
        IrType.UInt32 => "uint",
        IrType.Int64 => "long",
        _ => "ulong",
    };
}
