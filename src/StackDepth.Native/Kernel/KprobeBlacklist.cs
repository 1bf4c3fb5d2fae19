using System.Globalization;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Kernel;

/// <summary>The ranges of the kernel's code that take no kprobe, as debugfs tells them.</summary>
internal sealed class KprobeBlacklist
{
    internal const string Path = "/sys/kernel/debug/kprobes/blacklist";

    internal const string Reason =
        "The kernel forbids a kprobe there, because the function belongs to what handles probes and exceptions itself (it is in " + Path + ").";

    private readonly List<(ulong Start, ulong End)> _ranges = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

    private KprobeBlacklist()
    {
    }

    /// <summary>Null where debugfs is not mounted or may not be read.</summary>
    internal static KprobeBlacklist? Read(SystemCalls sys) => KernelText.Read(Path, sys) is { } bytes ? Parse(System.Text.Encoding.UTF8.GetString(bytes)) : null;

    /// <summary>Parses lines of <c>0xSTART-0xEND&lt;tab&gt;name</c>; the addresses are 0 where they are hidden.</summary>
    internal static KprobeBlacklist Parse(string text)
    {
        var list = new KprobeBlacklist();
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            var tab = line.IndexOf('\t');
            var dash = line.IndexOf('-');
            if (tab < 0 || dash < 0 || dash > tab || !Number(line[..dash], out var start) || !Number(line[(dash + 1)..tab], out var end))
            {
                continue;
            }

            list._names.Add(line[(tab + 1)..].Trim().ToString());
            if (end > start)
            {
                list._ranges.Add((start, end));
            }
        }

        list._ranges.Sort();
        return list;
    }

    internal bool Covers(KernelFunction function)
    {
        if (function.Address == 0)
        {
            return _names.Contains(function.Name);
        }

        var after = _ranges.BinarySearch((function.Address, ulong.MaxValue));
        after = after < 0 ? ~after : after;

        // A range of a whole section can have smaller ones within it.
        for (var i = after - 1; i >= 0 && i >= after - 64; i--)
        {
            if (_ranges[i].Start <= function.Address && function.Address < _ranges[i].End)
            {
                return true;
            }
        }

        return _ranges.Count == 0 && _names.Contains(function.Name);
    }

    private static bool Number(ReadOnlySpan<char> text, out ulong value)
    {
        text = text.Trim();
        return ulong.TryParse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
