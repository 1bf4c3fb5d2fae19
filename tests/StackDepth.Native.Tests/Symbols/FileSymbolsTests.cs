using StackDepth.Native.Elf;
using StackDepth.Native.Symbols;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>Separate debug files, and files that are not as they should be.</summary>
public sealed class FileSymbolsTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    private const long MaxAllocation = 32 << 20;

    [Theory]
    [InlineData("by build-id", "-Wl,--build-id=0xabcdef0123456789")]
    [InlineData("by link", "-Wl,--build-id=none")]
    public void A_stripped_program_is_named_by_its_debug_file(string how, string option)
    {
        CompiledTargets.Require("objcopy");
        var path = SymbolTarget.Compile(targets, $"stripped {how}", option);
        var functions = new Nm(path);
        var debug = path + ".debug";
        CompiledTargets.Run("objcopy", "--only-keep-debug", path, debug);
        CompiledTargets.Run("objcopy", "--strip-all", $"--add-gnu-debuglink={debug}", path);
        var store = targets.PathOf($"store {how}");
        if (how == "by build-id")
        {
            Directory.CreateDirectory(store + "/.build-id/ab");
            File.Move(debug, store + "/.build-id/ab/cdef0123456789.debug");
        }

        var bare = FileSymbols.Read(path, path, new DebugFileFinder(debugDirectory: targets.PathOf("nothing")), SymbolNaming.Raw);
        var symbols = FileSymbols.Read(path, path, new DebugFileFinder(debugDirectory: store), SymbolNaming.Raw);
        Assert.Equal(how == "by link", bare.Table.Count == symbols.Table.Count);
        Assert.Null(symbols.Problem);
        Assert.True(functions.Sized.Count > 6);
        foreach (var (address, size) in functions.Sized)
        {
            foreach (var place in new[] { address, address + size - 1 })
            {
                Assert.Contains(symbols.Table.NameOf(symbols.Table.Find(place, out var start)), functions.NamesAt(address));
                Assert.Equal(address, start);
            }
        }
    }

    [Fact]
    public void A_debug_file_that_is_not_the_files_says_so()
    {
        CompiledTargets.Require("objcopy");
        var path = SymbolTarget.Compile(targets, "mismatch", "-Wl,--build-id=none");
        CompiledTargets.Run("objcopy", "--only-keep-debug", path, path + ".debug");
        CompiledTargets.Run("objcopy", "--strip-all", $"--add-gnu-debuglink={path}.debug", path);
        File.AppendAllText(path + ".debug", "x");
        var symbols = FileSymbols.Read(path, path, new DebugFileFinder(), SymbolNaming.Raw);
        Assert.Contains("checksum", symbols.Problem, StringComparison.Ordinal);
        Assert.True(symbols.IsElf);
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("MZ\u0090 not ELF", false)]
    [InlineData("\u007fELF", true)]
    public void What_is_no_ELF_file_has_no_addresses(string content, bool isDamaged)
    {
        var path = targets.PathOf("other");
        File.WriteAllText(path, content);
        var symbols = FileSymbols.Read(path, path, new DebugFileFinder(), SymbolNaming.Raw);
        Assert.False(symbols.IsElf);
        Assert.Equal(isDamaged, symbols.Problem is not null);
        Assert.NotNull(FileSymbols.Read(path + "2", path, new DebugFileFinder(), SymbolNaming.Raw).Problem);
        Assert.NotNull(FileSymbols.Read(targets.Folder, path, new DebugFileFinder(), SymbolNaming.Raw).Problem);
    }

    [Fact]
    public void Offsets_become_the_addresses_that_the_program_headers_say()
    {
        var path = new LibrarySearch(string.Empty, null).Find("libc.so.6")!;
        using var image = ElfImage.Open(path);
        var symbols = FileSymbols.Read(image, null, SymbolNaming.Raw);
        foreach (var segment in image.CodeSegments)
        {
            Assert.True(symbols.TryGetAddress(segment.Offset + 100, out var address));
            Assert.Equal(segment.Address + 100, address);
            Assert.True(image.TryGetCodeOffset(address, out var offset));
            Assert.Equal(segment.Offset + 100, offset);
        }

        Assert.False(symbols.TryGetAddress(ulong.MaxValue, out _));
        Assert.False(symbols.TryGetAddress(image.CodeSegments[^1].Offset + image.CodeSegments[^1].FileSize, out _));
    }

    [Theory]
    [InlineData(true, 21)]
    [InlineData(false, 22)]
    public void Damage_gives_no_exception_and_no_allocation_out_of_proportion(bool isLibrary, int seed)
    {
        var original = File.ReadAllBytes(isLibrary ? targets.Compile("damaged.so", SymbolTarget.LibrarySource, "-shared", "-fPIC") : SymbolTarget.Compile(targets, "damaged", "-no-pie"));
        var random = new Random(seed);
        var path = targets.PathOf($"damage{seed}");
        int named = 0, refused = 0;
        var most = 0L;
        for (var round = 0; round < 2000; round++)
        {
            var bytes = original.AsSpan().ToArray();
            for (var flips = random.Next(1, 6); flips > 0; flips--)
            {
                // Half of the damage goes to the headers at both ends.
                var at = random.Next(4) switch { 0 => random.Next(1024), 1 => bytes.Length - 1 - random.Next(2048), _ => random.Next(bytes.Length) };
                bytes[at] = random.Next(3) switch { 0 => 0xff, 1 => 0, _ => (byte)random.Next(256) };
            }

            File.WriteAllBytes(path, random.Next(4) == 0 ? bytes[..random.Next(bytes.Length)] : bytes);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var symbols = FileSymbols.Read(path, path, new DebugFileFinder(debugDirectory: targets.Folder), SymbolNaming.Raw);
            for (var i = 0; i < 50; i++)
            {
                if (symbols.TryGetAddress((ulong)random.NextInt64(bytes.Length), out var address) && symbols.Table.Find(address, out var start) is >= 0 and var symbol)
                {
                    Assert.True(start <= address && symbols.Table.NameOf(symbol).Length > 0);
                    named++;
                }
            }

            refused += symbols.Problem is null ? 0 : 1;
            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        output.WriteLine($"{named} named, {refused} of 2000 with a problem, at most {most} bytes allocated in a round");
        Assert.InRange(most, 0, MaxAllocation);
        Assert.True(named > 0 && refused > 0);
    }

    [Fact]
    public void A_sparse_file_that_claims_huge_tables_is_refused()
    {
        var bytes = File.ReadAllBytes(SymbolTarget.Compile(targets, "huge"));
        var sections = BitConverter.ToInt32(bytes, 40);
        for (var i = 0; i < BitConverter.ToUInt16(bytes, 60); i++)
        {
            if (BitConverter.ToInt32(bytes, sections + (i * 64) + 4) is (int)ElfConstants.SectionSymbols or (int)ElfConstants.SectionDynamicSymbols)
            {
                BitConverter.TryWriteBytes(bytes.AsSpan(sections + (i * 64) + 32), 24L * (16 << 20));
            }
        }

        var path = targets.PathOf("huge table");
        File.WriteAllBytes(path, bytes);
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(1L << 36);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        var symbols = FileSymbols.Read(path, path, new DebugFileFinder(), SymbolNaming.Raw);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaxAllocation);
        Assert.Contains("symbol table of", symbols.Problem, StringComparison.Ordinal);
        Assert.Equal(0, symbols.Table.Count);
    }
}
