using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;
using CommunityToolkit.HighPerformance.Buffers;
using StackDepth.Compile;

namespace StackDepth.Runtime;

/// <summary>Decodes one value of a stream; the reader stands at its first field.</summary>
internal delegate T EventDecoder<out T>(scoped ref EventReader reader);

/// <summary>Reads the fields of a record or key, in order. Allocates nothing but names that were not seen before.</summary>
internal ref struct EventReader
{
    private ReadOnlySpan<byte> _rest;
    private readonly SiteTable _sites;
    private readonly EventLayout? _layout;
    private int _field;

    /// <param name="record">The record or key.</param>
    /// <param name="sites">What numbers in it stand for.</param>
    /// <param name="layout">How long its texts are; null where they are comms.</param>
    internal EventReader(ReadOnlySpan<byte> record, SiteTable sites, EventLayout? layout = null)
    {
        _rest = record;
        _sites = sites;
        _layout = layout;
    }

    /// <summary>Decodes a record of one field.</summary>
    internal static T One<T>(scoped ref EventReader reader) => reader.Next<T>();

    /// <summary>The next field. The type decides how it is read; it was decided by the expression that the query selects.</summary>
    internal T Next<T>()
    {
        if (typeof(T) == typeof(string))
        {
            var size = _layout?.Sizes[_field++] ?? EventLayout.CommBytes;
            var text = _layout is null ? Comm(_rest[..size]) : Text(_rest[..size]);
            _rest = _rest[size..];
            return (T)(object)text;
        }
        _field++;
        var number = BinaryPrimitives.ReadInt64LittleEndian(_rest);
        _rest = _rest[sizeof(long)..];
        if (typeof(T) == typeof(int))
        {
            var value = (int)number;
            return Unsafe.As<int, T>(ref value);
        }
        if (typeof(T) == typeof(long))
            return Unsafe.As<long, T>(ref number);
        if (typeof(T) == typeof(uint))
        {
            var value = (uint)number;
            return Unsafe.As<uint, T>(ref value);
        }
        if (typeof(T) == typeof(ulong))
        {
            var value = (ulong)number;
            return Unsafe.As<ulong, T>(ref value);
        }
        if (typeof(T) == typeof(bool))
        {
            var value = number != 0;
            return Unsafe.As<bool, T>(ref value);
        }
        if (typeof(T) == typeof(Completeness))
        {
            var value = (Completeness)number;
            return Unsafe.As<Completeness, T>(ref value);
        }
        if (typeof(T) == typeof(StackReason))
        {
            var value = (StackReason)number;
            return Unsafe.As<StackReason, T>(ref value);
        }
        if (typeof(T) == typeof(ProbeFunction))
        {
            var value = _sites[number];
            return Unsafe.As<ProbeFunction, T>(ref value);
        }
        if (typeof(T) == typeof(CallStack))
            return (T)(object)_sites.Stacks![number];
        throw new NotSupportedException($"Values of type {typeof(T)} do not come out of the kernel.");
    }

    /// <summary>
    /// A text up to its NUL; one that was cut, which its last byte says, ends in an ellipsis. It is the target's to choose, so bytes that are no UTF-8 become replacement characters.
    /// </summary>
    private static string Text(ReadOnlySpan<byte> bytes)
    {
        var text = bytes[..^1];
        if (text.IndexOf((byte)0) is >= 0 and var end)
            text = text[..end];
        if (bytes[^1] != 1)
            return StringPool.Shared.GetOrAdd(text, Encoding.UTF8);
        return StringPool.Shared.GetOrAdd(Whole(text), Encoding.UTF8) + "…";
    }

    private static string Comm(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        return StringPool.Shared.GetOrAdd(end < 0 ? bytes : bytes[..end], Encoding.UTF8);
    }

    /// <summary>Without a character at the end of which a part was cut off.</summary>
    private static ReadOnlySpan<byte> Whole(ReadOnlySpan<byte> text)
    {
        for (var back = 1; back <= int.Min(3, text.Length); back++)
        {
            var lead = text[^back];
            if (lead < 0x80)
                break;
            if (lead >= 0xc0)
                return back < (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2) ? text[..^back] : text;
        }
        return text;
    }
}
