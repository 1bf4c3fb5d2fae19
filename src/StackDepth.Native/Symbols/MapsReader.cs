using System.Buffers;
using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>Reads all executable mappings of a process, in the order of their addresses. Their number is the process's choice, and bounded here.</summary>
internal static class MapsReader
{
    /// <summary>The most that are kept of one process: the kernel's own default limit of mappings (vm.max_map_count) is not greater.</summary>
    internal const int MostRegions = 65_536;

    private const long MostBytes = 64L << 20;
    private const int BufferBytes = 128 * 1024;
    private const int OpenReadOnlyCloseOnExec = 0x80000;

    /// <summary>The mappings; none when the process has ended, or they may not be read.</summary>
    internal static List<MappedRegion> Read(int processId)
    {
        var descriptor = LibC.Open(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/maps"), OpenReadOnlyCloseOnExec, 0);
        var result = new List<MappedRegion>();
        if (descriptor < 0)
        {
            return result;
        }

        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            Read(file, buffer, result);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile (ESRCH), or is not ours to read: what was read so far is as good.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        return result;
    }

    /// <summary>Parses the text of <c>/proc/PID/maps</c>; lines that are not whole or not executable are left out.</summary>
    internal static List<MappedRegion> Parse(ReadOnlySpan<byte> text)
    {
        var result = new List<MappedRegion>();
        foreach (var line in text.Split((byte)'\n'))
        {
            Add(text[line], result);
        }

        return result;
    }

    private static void Read(SafeFileHandle file, byte[] buffer, List<MappedRegion> result)
    {
        var kept = 0;
        for (var position = 0L; position < MostBytes && result.Count < MostRegions;)
        {
            var count = RandomAccess.Read(file, buffer.AsSpan(kept), position);
            position += count;
            var text = buffer.AsSpan(0, kept + count);
            int end;
            while ((end = text.IndexOf((byte)'\n')) >= 0)
            {
                Add(text[..end], result);
                text = text[(end + 1)..];
            }

            if (count == 0)
            {
                return;
            }

            // No line is as long as the buffer: paths end at 4,096 bytes, each at most four when it is escaped.
            text.CopyTo(buffer);
            kept = text.Length < buffer.Length ? text.Length : 0;
        }
    }

    private static void Add(ReadOnlySpan<byte> text, List<MappedRegion> result)
    {
        if (!MapsLine.TryParseExecutable(text, out var line) || line.Start >= line.End || result.Count >= MostRegions)
        {
            return;
        }

        var previous = result.Count > 0 ? result[^1].Name : string.Empty;
        var key = new UnwindFileKey(line.Inode, UnwindFileKey.DeviceOf(line.Major, line.Minor));
        result.Add(new MappedRegion(line.Start, line.End, line.FileOffset, key, line.Name.IsEmpty ? string.Empty : Text(line.Name, previous)));
    }

    private static string Text(ReadOnlySpan<byte> name, string previous)
    {
        var text = Encoding.UTF8.GetString(name).Replace("\\012", "\n", StringComparison.Ordinal);
        return text == previous ? previous : text;
    }
}
