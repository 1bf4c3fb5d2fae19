using Iced.Intel;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Finds the parts of functions that the compiler has put elsewhere because they are seldom run, in files that do not name them (<c>foo.cold</c> is a local symbol, which stripping
/// removes). Such a part has call frame information of its own and no name, and the function jumps to it: on a condition, which is no way to call a function but in code that clang
/// made small (-Os), or without one, as in a tail call; then it counts if its information begins in the middle of a frame, where that of a function begins with a return address and nothing else.
/// </summary>
internal static class UnnamedColdParts
{
    private const ulong MostBytes = 4 << 20; // of one function's code; more is not looked through

    /// <summary>The cold parts of the functions in <paramref name="text"/>.</summary>
    /// <param name="image">The file.</param>
    /// <param name="table">Its table.</param>
    /// <param name="text">The functions.</param>
    /// <param name="isNamed">Whether a function with a name begins at a file offset.</param>
    /// <exception cref="ElfException">The file is damaged.</exception>
    internal static List<MarkedText> Find(ElfImage image, UnwindTable table, IReadOnlyList<MarkedText> text, Func<uint, bool> isNamed)
    {
        var parts = Described(UnwindSource.Read(image));
        var byStart = Comparer<(uint Start, uint End)>.Create(static (left, right) => left.Start.CompareTo(right.Start));
        var found = new HashSet<MarkedText>();
        foreach (var function in text)
        {
            foreach (var (target, isConditional) in Targets(image, function))
            {
                var index = parts.BinarySearch((target, target), byStart);
                index = index < 0 ? ~index - 1 : index;
                if (index < 0 || target >= parts[index].End || isNamed(parts[index].Start))
                    continue;
                if (isConditional || BeginsInAFrame(table.Find(parts[index].Start)))
                    found.Add(new(parts[index].Start, parts[index].End, function.Marks));
            }
        }
        return [.. found];
    }

    private static bool BeginsInAFrame(UnwindRule rule) => rule is { Cfa: CfaKind.StackPointer, CfaOffset: not 8 } or { Cfa: CfaKind.BasePointer };

    // What has call frame information of its own, by file offset, in order.
    private static List<(uint Start, uint End)> Described(UnwindSource source)
    {
        var parts = new List<(uint Start, uint End)>();
        foreach (var bytes in source.Sections)
        {
            var rows = new FunctionRows(bytes.Bytes.Length / 24);
            new CfiSection(bytes, source.Text, new CfiInterpreter(new RuleNumbers(), rows, new int[UnwindReport.Reasons]), new UnwindBuilder.Counts()).ReadAll();
            foreach (var range in rows.Functions)
                parts.Add(((uint)(source.Text.Start + range.Start), (uint)(source.Text.Start + range.End)));
        }
        parts.Sort();
        return parts;
    }

    // The file offsets that the function's direct jumps lead to, outside of it.
    private static IEnumerable<(uint Target, bool IsConditional)> Targets(ElfImage image, MarkedText function)
    {
        if (image.Machine != ElfConstants.MachineX64 || function.End - function.Start > MostBytes)
            yield break;
        var code = new byte[function.End - function.Start];
        image.Fill(function.Start, code);
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code), function.Start);
        while (decoder.IP < function.End)
        {
            decoder.Decode(out var instruction);
            // Offsets serve as addresses: within a segment they differ by a constant.
            if (instruction.IsJccShortOrNear || instruction.IsJmpShortOrNear)
            {
                var target = instruction.NearBranchTarget;
                if (target <= uint.MaxValue && (target < function.Start || target >= function.End))
                    yield return ((uint)target, instruction.IsJccShortOrNear);
            }
        }
    }
}
