namespace StackDepth.Native.Unwind;

/// <summary>The encoded pointers of .eh_frame (DW_EH_PE_*; Linux Standard Base, Core 5.0, 10.5.1): the low four bits are the format, the next three what it is relative to.</summary>
internal static class PointerEncoding
{
    internal const byte Absolute = 0x00;

    private const byte Omitted = 0xff;
    private const byte Relation = 0x70;
    private const byte ProgramCounterRelative = 0x10;
    private const byte Aligned = 0x50;
    private const byte Indirect = 0x80;

    /// <summary>Whether an address of code in this encoding can be known from the file alone: no GOT, no pointers that the loader fills in.</summary>
    internal static bool IsKnown(byte encoding) =>
        encoding != Omitted && (encoding & Indirect) == 0 && (encoding & Relation) is 0 or ProgramCounterRelative or Aligned && IsFormat(encoding & 0x0f);

    /// <summary>Reads an address; <paramref name="address"/> is the virtual address of the reader's position 0.</summary>
    internal static ulong Read(ref CfiReader reader, byte encoding, ulong address)
    {
        if ((encoding & Relation) == Aligned)
        {
            Align(ref reader, address);
            return reader.U64();
        }

        var from = (encoding & Relation) == ProgramCounterRelative ? unchecked(address + (ulong)reader.Position) : 0;
        return unchecked(from + ReadFormat(ref reader, encoding));
    }

    /// <summary>Reads a number in an encoding's format: the length of code.</summary>
    internal static ulong ReadFormat(ref CfiReader reader, byte encoding) => (encoding & 0x0f) switch
    {
        0x0 or 0x4 or 0xc => reader.U64(),
        0x1 => reader.Uleb(),
        0x2 => reader.U16(),
        0x3 => reader.U32(),
        0x9 => (ulong)reader.Sleb(),
        0xa => (ulong)(short)reader.U16(),
        _ => (ulong)(int)reader.U32(),
    };

    /// <summary>Skips a pointer whose value does not matter.</summary>
    /// <returns>False for an encoding of unknown length.</returns>
    internal static bool Skip(ref CfiReader reader, byte encoding, ulong address)
    {
        if (encoding == Omitted)
        {
            return true;
        }

        if ((encoding & Relation) == Aligned)
        {
            Align(ref reader, address);
            reader.U64();
            return true;
        }

        if (!IsFormat(encoding & 0x0f))
        {
            return false;
        }

        ReadFormat(ref reader, encoding);
        return true;
    }

    private static void Align(ref CfiReader reader, ulong address) => reader.Take(unchecked(0 - (address + (ulong)reader.Position)) & 7);

    private static bool IsFormat(int format) => format is 0x0 or 0x1 or 0x2 or 0x3 or 0x4 or 0x9 or 0xa or 0xb or 0xc;
}
