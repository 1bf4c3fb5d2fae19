using System.Diagnostics;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Elf;
using StackDepth.Native.Symbols;
using StackDepth.Symbols;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>From addresses to names. The process that is named is this one: what it has mapped is what many have.</summary>
internal static class Symbolization
{
    private const int Addresses = 1_000_000;
    private const int Functions = 100;
    private const int Depth = 50;
    private const int Rounds = 11;
    private const double Goal = 200;

    internal static Section Run()
    {
        var functions = Choose();
        var random = new Random(1);
        var stack = new ulong[Addresses];
        foreach (ref var address in stack.AsSpan())
        {
            var (start, size) = functions[random.Next(functions.Count)];
            address = start + 1 + (ulong)random.NextInt64((long)size);
        }

        List<double> observe = [], first = [], stacks = [], again = [];
        var distinct = 0;
        var bytes = 0L;
        for (var round = 0; round < Rounds; round++)
        {
            using var symbolizer = new Symbolizer();
            var begin = Stopwatch.GetTimestamp();
            symbolizer.Observe(Environment.ProcessId);
            observe.Add(Elapsed(begin));
            begin = Stopwatch.GetTimestamp();
            for (var at = 0; at < functions.Count; at++)
                symbolizer.NameUser(Environment.ProcessId, [functions[at].Start]);
            first.Add(Elapsed(begin));
            begin = Stopwatch.GetTimestamp();
            for (var at = 0; at < Addresses; at += Depth)
                symbolizer.NameUser(Environment.ProcessId, stack.AsSpan(at, Depth), leafIsExact: false);
            stacks.Add(Elapsed(begin));
            begin = Stopwatch.GetTimestamp();
            var frames = symbolizer.NameUser(Environment.ProcessId, stack, leafIsExact: false);
            again.Add(Elapsed(begin));
            distinct = frames.Select(static frame => (frame.Module, frame.Symbol)).Distinct().Count();
            bytes = symbolizer.TableBytes;
            if (distinct != Functions || frames.Any(static frame => frame.Symbol is null))
                throw new InvalidOperationException($"The addresses were given {distinct} names.");
        }

        var table = new Table("1,000,000 addresses of 100 functions", "ms, median", "ns an address", "goal");
        Add("as 20,000 stacks of 50 frames", stacks.Median());
        Add("as one stack", again.Median());
        var whole = observe.Median() + first.Median() + stacks.Median();
        Add("the stacks, with all that comes before", whole);
        return new("Symbols", $"""
            Addresses at random in {Functions} functions of the C, C++ and mathematics libraries that this process has mapped, as return addresses, into frames with module, function and offset;
            one thread, medians of {Rounds} rounds, each with a symbolizer of its own. What comes before: to look at the process and take hold of its files, {Number(observe.Median(), 1)} ms,
            and to read their symbol tables, {Number(first.Median(), 1)} ms (afterwards they take {Number(bytes / 1024.0)} KiB).

            {table}
            """);

        void Add(string name, double milliseconds) =>
            table.Add(name, Number(milliseconds, 1), Number(milliseconds * 1e6 / Addresses), $"{Number(Goal)} ms {Verdict(milliseconds <= Goal)}");
    }

    private static double Elapsed(long begin) => Stopwatch.GetElapsedTime(begin).TotalMilliseconds;

    // Every so many-th function, by the files' own symbol tables, so that they lie all over them.
    private static List<(ulong Start, ulong Size)> Choose()
    {
        var found = new Dictionary<ulong, ulong>();
        foreach (var region in MapsReader.Read(Environment.ProcessId).Where(static region => Path.GetFileName(region.Path) is "libc.so.6" or "libstdc++.so.6" or "libm.so.6"))
        {
            using var image = ElfImage.Open(region.Path);
            for (var symbols = image.DynamicSymbols.Functions(); symbols.MoveNext();)
            {
                var symbol = symbols.Symbol;
                if (symbol is { IsFunction: true, IsDefined: true, Size: > 16 } && image.TryGetCodeOffset(symbol.Value, out var offset) && offset >= region.FileOffset && offset < region.FileOffset + (region.End - region.Start))
                    found.TryAdd(region.Start + offset - region.FileOffset, symbol.Size);
            }
        }

        // One name each: a function that begins within another would share its addresses.
        (ulong Start, ulong Size)[] apart = [.. found.Select(static pair => (pair.Key, pair.Value)).OrderBy(static function => function.Key)];
        apart = [.. apart.Where((function, i) => (i == 0 || apart[i - 1].Start + apart[i - 1].Size <= function.Start) && (i + 1 == apart.Length || function.Start + function.Size <= apart[i + 1].Start))];
        return [.. apart.Where((_, i) => i % (apart.Length / Functions) == 0).Take(Functions)];
    }
}
