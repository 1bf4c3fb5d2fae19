using System.Globalization;
using StackDepth.Native.Symbols;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>A perf map, read by the book: the last line that covers an address names it.</summary>
internal sealed class LastLines
{
    private readonly List<(ulong Start, ulong Size, string Name)> _lines = [];

    internal LastLines(string path)
    {
        foreach (var line in File.ReadLines(path))
        {
            if (line.Split(' ', 3) is [var start, var size, var name])
            {
                _lines.Add((Hex(start), Hex(size), name));
            }
        }
    }

    /// <summary>Compares the first, a middle and the last byte of the ranges that memory without symbols has.</summary>
    /// <returns>How many addresses were compared.</returns>
    internal int Compare(Symbolizer symbolizer, int pid, string module, out HashSet<string> names)
    {
        names = [];
        var places = _lines.Where(static line => line.Size > 0).SelectMany(static line => new[] { line.Start, line.Start + (line.Size / 2), line.Start + line.Size - 1 }).Distinct().Order().ToArray();
        var frames = new SymbolizedAddress[places.Length];
        for (var i = 0; i < places.Length; i++)
        {
            symbolizer.Resolve(pid, places.AsSpan(i, 1), frames.AsSpan(i, 1));
        }

        var compared = 0;
        for (var i = 0; i < places.Length; i++)
        {
            if (frames[i].Module != module)
            {
                continue;
            }

            var (start, _, name) = _lines.FindLast(line => places[i] >= line.Start && places[i] - line.Start < line.Size);
            Assert.Equal(new(places[i], module, name, places[i] - start), frames[i]);
            names.Add(name);
            compared++;
        }

        Assert.True(compared > 50, $"{compared} of {places.Length}");
        return compared;
    }

    private static ulong Hex(string text) => ulong.Parse(text.StartsWith("0x", StringComparison.Ordinal) ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
