using System.Buffers.Text;

namespace StackDepth.Native.Sys;

/// <summary>A line of <c>/proc/PID/maps</c>: <c>start-end perms offset major:minor inode      path</c>, the numbers but the inode in hex.</summary>
internal readonly ref struct MapsLine
{
    internal ulong Start { get; private init; }

    internal ulong End { get; private init; }

    internal ulong FileOffset { get; private init; }

    internal uint Major { get; private init; }

    internal uint Minor { get; private init; }

    /// <summary>0 where no file is mapped.</summary>
    internal ulong Inode { get; private init; }

    /// <summary>A path, a name in brackets, or nothing; a line feed in it is <c>\012</c>.</summary>
    internal ReadOnlySpan<byte> Name { get; private init; }

    /// <summary>Parses the line of an executable mapping. False when it is not whole, or of another mapping.</summary>
    internal static bool TryParseExecutable(ReadOnlySpan<byte> line, out MapsLine result)
    {
        result = default;
        if (!TryHex(ref line, (byte)'-', out var start) || !TryHex(ref line, (byte)' ', out var end)
            || line.Length < 5 || line[2] != (byte)'x' || line[4] != (byte)' ')
        {
            return false;
        }

        line = line[5..];
        if (!TryHex(ref line, (byte)' ', out var offset) || !TryHex(ref line, (byte)':', out var major) || !TryHex(ref line, (byte)' ', out var minor)
            || !Utf8Parser.TryParse(line, out ulong inode, out var length))
        {
            return false;
        }

        result = new MapsLine
        {
            Start = start,
            End = end,
            FileOffset = offset,
            Major = (uint)major,
            Minor = (uint)minor,
            Inode = inode,
            Name = line[length..].TrimStart((byte)' '),
        };
        return true;
    }

    private static bool TryHex(ref ReadOnlySpan<byte> line, byte end, out ulong value)
    {
        var length = line.IndexOf(end);
        value = 0;
        if (length <= 0 || !Utf8Parser.TryParse(line[..length], out value, out var used, 'x') || used != length)
        {
            return false;
        }

        line = line[(length + 1)..];
        return true;
    }
}
