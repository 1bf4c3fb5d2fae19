using System.Diagnostics;
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
        var kinds = new HashSet<CfaKind>();
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

            var table = UnwindTables.Load(real).Table;
            rows += ReadelfCheck.Compare(real, table);
            files++;
            kinds.UnionWith(table.Rules.Select(static rule => rule.Cfa));
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

        // readelf says no more than "exp" of expressions; that they are not all given up shows here, what they mean in CfiInstructionTests.
        Assert.Contains(CfaKind.ProcedureLinkage, kinds);
        Assert.Contains(CfaKind.BasePointer, kinds);
        Assert.Contains(CfaKind.Outermost, kinds);
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
}
