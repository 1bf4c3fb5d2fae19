using System.Diagnostics;
using System.Globalization;
using StackDepth.Native.Elf;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>The machine's own programs and libraries, row by row against readelf.</summary>
public sealed class UnwindCorpusTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(15);

    private static readonly string[] Largest = ["/usr/bin/python3.11", "/usr/bin/gdb", "/usr/bin/node"];
    private static readonly string[] Folders = ["/lib/x86_64-linux-gnu", "/lib64", "/usr/bin"];

    [Fact]
    public void Every_rule_of_the_systems_programs_and_libraries_is_what_readelf_says()
    {
        CompiledTargets.Require("readelf");
        var clock = Stopwatch.StartNew();
        long rows = 0, rules = 0, unsupported = 0, functions = 0, skipped = 0;
        var files = 0;
        var seen = new HashSet<string>();
        foreach (var path in Candidates())
        {
            if (clock.Elapsed > Budget)
            {
                break;
            }

            var real = new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? path;
            if (!seen.Add(real) || !IsElf(real))
            {
                continue;
            }

            var table = UnwindTables.Load(real);
            using var image = ElfImage.Open(real);
            foreach (var row in ReadelfFrames.Read(real))
            {
                if (row.End > row.Address && image.TryGetCodeOffset(row.Address, out var offset))
                {
                    rows++;
                    Check(real, table, row, offset);
                    Check(real, table, row, offset + (row.End - row.Address) - 1);
                }
            }

            files++;
            rules += table.Rules.Length;
            unsupported += table.Report.UnsupportedRows;
            functions += table.Report.Fdes;
            skipped += table.Report.SkippedFdes;
            if (table.Report.UnsupportedRows > 0 || table.Report.IsDamaged)
            {
                output.WriteLine($"{real}: {table.Report}");
            }
        }

        output.WriteLine($"{files} files, {rows} rows of readelf checked at both ends, {functions} FDEs ({skipped} skipped), {rules} rules, {unsupported} rows unsupported, {clock.ElapsedMilliseconds} ms");
        Assert.True(files > 3 && rows > 10_000);
    }

    private static IEnumerable<string> Candidates()
    {
        return Largest.Where(File.Exists).Concat(Folders.Where(Directory.Exists).SelectMany(Directory.EnumerateFiles).OrderBy(static path => path.Contains(".so", StringComparison.Ordinal) ? 0 : 1));
    }

    private static bool IsElf(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[20];
        return file.ReadAtLeast(start, 20, throwOnEndOfStream: false) == 20 && start.StartsWith("\u007fELF\u0002"u8) && start[18] == 62;
    }

    private static void Check(string path, UnwindTable table, in ReadelfRow row, ulong offset)
    {
        var rule = table.Find(offset);
        if (!Fits(rule, row))
        {
            Assert.Fail($"{path}: at file offset 0x{offset:x} {rule}, where readelf has {row}");
        }
    }

    private static bool Fits(UnwindRule rule, in ReadelfRow row)
    {
        if (row.IsSignal)
        {
            return rule == new UnwindRule(row is { Cfa: "exp", BasePointer: "exp", ReturnAddress: "exp" } ? CfaKind.SignalFrame : CfaKind.Unsupported);
        }

        if (row.ReturnAddress == "u")
        {
            return rule == new UnwindRule(CfaKind.Outermost);
        }

        var isKnown = row.StackPointer == "u" && row.ReturnAddress == "c-8" && (row.Cfa == "exp" || row.Cfa[..3] is "rsp" or "rbp")
            && (row.BasePointer is "u" or "s" or "exp" || row.BasePointer[0] == 'c');
        if (!isKnown)
        {
            return rule == new UnwindRule(CfaKind.Unsupported);
        }

        if (rule.Cfa == CfaKind.Unsupported)
        {
            return row.Cfa == "exp" || row.BasePointer == "exp";
        }

        var fitsCfa = row.Cfa == "exp"
            ? rule.Cfa is CfaKind.ProcedureLinkage or CfaKind.AtBasePointer
            : rule.Cfa == (row.Cfa.StartsWith("rsp", StringComparison.Ordinal) ? CfaKind.StackPointer : CfaKind.BasePointer) && rule.CfaOffset == Number(row.Cfa[3..]);
        return fitsCfa && row.BasePointer switch
        {
            "u" or "s" => rule.BasePointer is BasePointerKind.Same or BasePointerKind.Undefined,
            "exp" => rule.BasePointer == BasePointerKind.AtBasePointer,
            _ => rule.BasePointer == BasePointerKind.AtCfa && rule.BasePointerOffset * 8 == Number(row.BasePointer[1..]),
        };
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
}
