using StackDepth.Native.Elf;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

/// <summary>Damaged files: only <see cref="ElfException"/> comes out, no allocation out of proportion, and tables are sound in form whatever they say.</summary>
public sealed class UnwindMutationTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    private const long MaxAllocation = 24 << 20;

    private const string Source = """
        int used(int x, ...);
        int first(int x) { return used(x) * 3; }
        int second(int x) { char wide[x]; return used(x, wide) + first(x) + used(1, 2, 3, 4, 5, 6, 7, 8, 9); }
        #define MORE(n) int a##n(int x) { return first(x) + n; } int b##n(int x) { return second(x) + n; } int c##n(int x) { return a##n(x) + b##n(x); }
        MORE(1) MORE(2) MORE(3) MORE(4) MORE(5) MORE(6) MORE(7) MORE(8) MORE(9)
        """;

    [Theory]
    [InlineData("eh", 1, "-fexceptions")]
    [InlineData("debug", 2, "-g", "-fno-asynchronous-unwind-tables", "-fno-exceptions")]
    [InlineData("compressed", 3, "-g", "-Wl,--compress-debug-sections=zlib", "-fno-asynchronous-unwind-tables", "-fno-exceptions", "-Wl,-z,nognustack")]
    public void Flipped_bytes_and_cut_files_give_nothing_but_the_readers_own_exception(string name, int seed, params string[] arguments) =>
        Mutate(File.ReadAllBytes(targets.Compile($"mutated{name}.so", Source, ["-shared", "-fPIC", "-nostdlib", .. arguments])), seed, rounds: 1000, bare: false);

    [Fact]
    public void So_do_files_without_section_headers() =>
        Mutate(File.ReadAllBytes(targets.Compile("mutatedbare.so", Source, "-shared", "-fPIC", "-nostdlib")), 4, rounds: 1000, bare: true);

    [Theory]
    [InlineData("libz.so.1", 5)]
    [InlineData("libm.so.6", 6)]
    public void So_do_real_libraries(string library, int seed)
    {
        var path = new LibrarySearch(string.Empty, null).Find(library);
        if (path is null)
        {
            CompiledTargets.SkipOrFail($"{library} is not installed");
        }

        Mutate(File.ReadAllBytes(path!), seed, rounds: 150, bare: false);
    }

    [Fact]
    public void Entries_that_share_their_bytes_do_not_make_the_work_grow_without_end()
    {
        // Each FDE claims a CIE of its own, and all CIEs end with the same two MiB of instructions: read naively, that is 80 GB.
        const int entries = 40_000;
        const string distance = "((39999 - n) * 17)";
        var text = $"""
            .text
            .globl f
            .type f, @function
            f: nop
            .size f, .-f
            .section .debug_frame,"",@progbits
            .set n, 0
            .rept {entries}
            .long 13 + {distance} + 0x200000, -1
            .byte 1, 'z', 0, 1, 0x78, 16, 0x80 | ({distance} & 0x7f), 0x80 | (({distance} >> 7) & 0x7f), {distance} >> 14
            .set n, n + 1
            .endr
            .skip 0x200000
            .set n, 0
            .rept {entries}
            .long 21, n * 17
            .quad f, 1
            .byte 0
            .set n, n + 1
            .endr
            """;
        var path = CfiTarget.Assemble(targets, "shared.so", text);
        var table = UnwindTables.Load(path).Table;
        output.WriteLine(table.Report.ToString());
        Assert.Equal((1, entries - 1), (table.Report.Fdes, table.Report.SkippedFdes));
    }

    [Fact]
    public void Files_of_other_machines_and_classes_are_refused_by_name()
    {
        var bytes = File.ReadAllBytes(targets.Compile("machine.so", Source, "-shared", "-fPIC", "-nostdlib"));
        var path = targets.PathOf("machine2.so");
        bytes[18] = 183;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("AArch64", Assert.Throws<ElfException>(() => UnwindTables.Load(path)).Message, StringComparison.Ordinal);
        bytes[18] = 3;
        bytes[4] = 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("32-bit", Assert.Throws<ElfException>(() => UnwindTables.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_of_more_than_1_GiB_is_refused()
    {
        var path = targets.Compile("large.so", Source, "-shared", "-fPIC", "-nostdlib");
        var bytes = File.ReadAllBytes(path);
        using (var image = ElfImage.Open(path))
        {
            for (var i = 0; i < image.Segments.Length; i++)
            {
                if (image.Segments[i].IsCode)
                {
                    BitConverter.TryWriteBytes(bytes.AsSpan(64 + (i * 56) + 32), 2UL << 30);
                }
            }
        }

        File.WriteAllBytes(path, bytes);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(3L << 30);
        }

        Assert.Contains("executable byte", Assert.Throws<ElfException>(() => UnwindTables.Load(path)).Message, StringComparison.Ordinal);
    }

    private void Mutate(byte[] original, int seed, int rounds, bool bare)
    {
        if (bare)
        {
            DamagedFile.RemoveSections(original);
        }

        var path = targets.PathOf($"damaged{seed}.so");
        File.WriteAllBytes(path, original);
        var frames = FindFrames(path, original);
        var random = new Random(seed);
        int read = 0, refused = 0, unsupported = 0;
        var most = 0L;
        for (var round = 0; round < rounds; round++)
        {
            File.WriteAllBytes(path, DamagedFile.Of(original, random, frames.Start >= 0 ? frames : null));
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                var table = UnwindTables.Load(path).Table;
                CheckForm(table);
                read++;
                unsupported += table.Report.UnsupportedRows;
            }
            catch (ElfException)
            {
                refused++;
            }

            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        output.WriteLine($"seed {seed}: {read} read, {refused} refused, {unsupported} rows unsupported, at most {most} bytes allocated in a round");
        Assert.InRange(most, 0, MaxAllocation);
        Assert.True(read > 0 && refused > 0);
    }

    private static (int Start, int Length) FindFrames(string path, byte[] original)
    {
        using var image = ElfImage.Open(path);
        if (image.TryGetSection(".debug_frame"u8, out var section) || image.TryGetSection(".eh_frame"u8, out section))
        {
            return ((int)section.Offset, (int)section.Size);
        }

        var bytes = UnwindSource.Read(image).Sections[0].Bytes;
        return (original.AsSpan().IndexOf(bytes.AsSpan(0, Math.Min(64, bytes.Length))), bytes.Length);
    }

    private static void CheckForm(UnwindTable table)
    {
        Assert.Equal(default, table.Rules[0]);
        Assert.All(table.Rules, static rule => Assert.True(rule.IsValid, rule.ToString()));
        Assert.Equal((uint)table.Rows.Length, table.PageStarts[^1]);
        for (var page = 0; page < table.PageCount; page++)
        {
            var rows = table.Rows.AsSpan((int)table.PageStarts[page], (int)(table.PageStarts[page + 1] - table.PageStarts[page]));
            if (rows.IsEmpty || UnwindTable.OffsetOf(rows[0]) != 0)
            {
                Assert.Fail($"page {page} does not begin with a row");
            }

            for (var i = 0; i < rows.Length; i++)
            {
                if (UnwindTable.RuleOf(rows[i]) >= table.Rules.Length || (i > 0 && (UnwindTable.OffsetOf(rows[i]) <= UnwindTable.OffsetOf(rows[i - 1]) || UnwindTable.RuleOf(rows[i]) == UnwindTable.RuleOf(rows[i - 1]))))
                {
                    Assert.Fail($"page {page}, row {i} is out of order, repeats a rule or names none");
                }
            }
        }
    }
}
