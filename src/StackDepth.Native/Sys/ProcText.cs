using System.Globalization;

namespace StackDepth.Native.Sys;

/// <summary>Readers for the small text formats of /proc and /sys. Text that does not fit the format gives null, never an exception.</summary>
internal static class ProcText
{
    /// <summary>More CPUs than any kernel is built for (CONFIG_NR_CPUS is at most 8,192); a longer list is not believed.</summary>
    internal const int MaxCpus = 65536;

    /// <summary>The value of a <c>Name:&lt;blank&gt;value</c> line, trimmed.</summary>
    internal static string? Field(string text, string name)
    {
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.Ordinal))
            {
                return line[(name.Length + 1)..].Trim().ToString();
            }
        }

        return null;
    }

    /// <summary>A decimal number alone in a file.</summary>
    internal static int? Number(string? text) =>
        int.TryParse(text.AsSpan().Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;

    /// <summary>How many CPUs a list such as <c>0-3,8</c> names, and the first of them.</summary>
    internal static (int Count, int First)? CpuList(string? text) => Cpus(text) is [var first, ..] all ? (all.Count, first) : null;

    /// <summary>The CPUs that a list such as <c>0-3,8</c> names, at least one.</summary>
    internal static List<int>? Cpus(string? text)
    {
        var list = text.AsSpan().Trim();
        var cpus = new List<int>(16);
        var previous = -1;
        foreach (var range in list.Split(','))
        {
            var part = list[range];
            var dash = part.IndexOf('-');
            if (!int.TryParse(dash < 0 ? part : part[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var from)
                || !int.TryParse(dash < 0 ? part : part[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var to)
                || from <= previous || to < from || to >= MaxCpus)
            {
                return null;
            }

            for (var cpu = from; cpu <= to; cpu++)
            {
                cpus.Add(cpu);
            }

            previous = to;
        }

        return cpus;
    }

    /// <summary>The leading <c>a.b[.c]</c> of a kernel release such as <c>6.18.44-generic</c>.</summary>
    internal static Version? Release(string? text)
    {
        var rest = text.AsSpan().Trim();
        Span<int> parts = [0, 0, 0];
        var n = 0;
        while (n < 3)
        {
            var digits = 0;
            while (digits < rest.Length && char.IsAsciiDigit(rest[digits]))
            {
                digits++;
            }

            if (digits == 0 || !int.TryParse(rest[..digits], NumberStyles.None, CultureInfo.InvariantCulture, out parts[n]))
            {
                break;
            }

            n++;
            rest = rest[digits..];
            if (rest.IsEmpty || rest[0] != '.')
            {
                break;
            }

            rest = rest[1..];
        }

        return n < 2 ? null : new Version(parts[0], parts[1], parts[2]);
    }
}
