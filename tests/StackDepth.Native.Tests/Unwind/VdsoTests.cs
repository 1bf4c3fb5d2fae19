using StackDepth.Native.Elf;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.Unwind;

public sealed class VdsoTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    [Fact]
    public void The_vdsos_rules_are_what_readelf_says_of_its_image()
    {
        var table = UnwindTables.LoadVdso();
        Assert.NotNull(table);
        Assert.True(table.HasRules);
        var path = targets.PathOf("vdso.so");
        File.WriteAllBytes(path, Image());
        var rows = ReadelfCheck.Compare(path, table);
        output.WriteLine($"{table.Report}; {rows} rows of readelf");
        Assert.True(rows > 5);
        Assert.Equal(0, table.Report.UnsupportedRows);
    }

    [Fact]
    public void A_damaged_image_gives_nothing_but_the_readers_own_exception()
    {
        var original = Image();
        var random = new Random(1);
        int read = 0, refused = 0;
        for (var round = 0; round < 3000; round++)
        {
            var bytes = original.AsSpan(0, random.Next(3) == 0 ? random.Next(original.Length) : original.Length).ToArray();
            for (var flips = random.Next(1, 6); flips > 0 && bytes.Length > 0; flips--)
            {
                bytes[random.Next(2) == 0 ? random.Next(Math.Min(512, bytes.Length)) : random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            try
            {
                Vdso.Build(bytes);
                read++;
            }
            catch (ElfException)
            {
                refused++;
            }
        }

        output.WriteLine($"{read} read, {refused} refused");
        Assert.True(read > 0 && refused > 0);
    }

    [Theory]
    [InlineData("7ffd0000-7ffd2000 r-xp 00000000 00:00 0                  [vdso]", true)]
    [InlineData("7ffd0000-7ffd2000 --xp 00000000 00:00 0                  [vdso]", false)]
    [InlineData("7ffd2000-7ffd0000 r-xp 00000000 00:00 0                  [vdso]", false)]
    [InlineData("70000000-7ffd2000 r-xp 00000000 00:00 0                  [vdso]", false)]
    [InlineData("zz-7ffd2000 r-xp 00000000 00:00 0                        [vdso]", false)]
    [InlineData("7ffd0000-7ffd2000 r-xp 00000000 08:01 77                 /tmp/x [vdso]", false)]
    [InlineData("[vdso]", false)]
    public void It_is_found_by_its_line_in_the_mappings(string line, bool expected)
    {
        Assert.Equal(expected, Vdso.TryFind(["7ff00000-7ff01000 rw-p 00000000 00:00 0", line], out var start, out var length));
        Assert.Equal(expected ? (0x7ffd0000UL, 0x2000UL) : (0UL, 0UL), (start, length));
    }

    private static byte[] Image()
    {
        if (!Vdso.TryFind(File.ReadLines("/proc/self/maps"), out var start, out var length))
        {
            CompiledTargets.SkipOrFail("this kernel has no vDSO");
        }

        var bytes = new byte[length];
        using var memory = File.OpenHandle("/proc/self/mem");
        Assert.Equal(bytes.Length, RandomAccess.Read(memory, bytes, (long)start));
        return bytes;
    }
}
