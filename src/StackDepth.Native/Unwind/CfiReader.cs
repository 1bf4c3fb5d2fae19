using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace StackDepth.Native.Unwind;

/// <summary>
/// A cursor over call-frame information. A read past the end answers 0 and sets <see cref="Failed"/>, for good: hostile files are common enough here that an exception
/// at each damage would cost too much.
/// </summary>
internal ref struct CfiReader(ReadOnlySpan<byte> data, int position)
{
    private readonly ReadOnlySpan<byte> _data = data;

    internal int Position { get; private set; } = position;

    internal bool Failed { get; private set; }

    internal readonly bool AtEnd => Position >= _data.Length;

    internal readonly int Remaining => _data.Length - Position;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte U8()
    {
        if ((uint)Position < (uint)_data.Length)
        {
            return _data[Position++];
        }

        Failed = true;
        return 0;
    }

    internal ushort U16() => Take(2) is { Length: 2 } bytes ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : (ushort)0;

    internal uint U32() => Take(4) is { Length: 4 } bytes ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : 0;

    internal ulong U64() => Take(8) is { Length: 8 } bytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;

    /// <summary>An unsigned LEB128 number; more than 64 bits are a failure.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong Uleb()
    {
        var first = U8();
        return first < 0x80 ? first : LongUleb(first);
    }

    /// <summary>A signed LEB128 number; more than 64 bits are a failure.</summary>
    internal long Sleb()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var part = U8();
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return shift + 7 < 64 && (part & 0x40) != 0 ? (long)(value | (ulong.MaxValue << (shift + 7))) : (long)value;
            }
        }

        Failed = true;
        return 0;
    }

    /// <summary>The next bytes, or none (and failed) when there are not as many.</summary>
    internal ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)Remaining)
        {
            Failed = true;
            Position = _data.Length;
            return [];
        }

        var bytes = _data.Slice(Position, (int)length);
        Position += (int)length;
        return bytes;
    }

    private ulong LongUleb(byte first)
    {
        var value = (ulong)(first & 0x7f);
        for (var shift = 7; shift < 64; shift += 7)
        {
            var part = U8();
            value |= (ulong)(part & 0x7f) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        Failed = true;
        return 0;
    }
}
