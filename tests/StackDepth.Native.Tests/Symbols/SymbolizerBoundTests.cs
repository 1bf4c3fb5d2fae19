using StackDepth.Native.Symbols;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Symbols;

/// <summary>What a symbolizer holds: descriptors, memory, processes.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class SymbolizerBoundTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    [Fact]
    public void No_file_is_left_open()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "leak"), "jit");
        using (new FdLeakCheck())
        {
            using var symbolizer = new Symbolizer();
            for (var round = 0; round < 3; round++)
            {
                symbolizer.Observe(target.Pid);
                Assert.Equal("hidden", Name(symbolizer, target.Pid, target.Places["hidden"]));
                Assert.Equal("second tier", Name(symbolizer, target.Pid, target.Places["jit"]));
                Assert.True(symbolizer.Files > 2);
                symbolizer.Forget(target.Pid);
                Assert.Equal((0, 0, 0L), (symbolizer.Files, symbolizer.Processes, symbolizer.TableBytes));
            }

            symbolizer.Observe(target.Pid);
        }

        File.Delete($"/tmp/perf-{target.Pid}.map");
    }

    [Fact]
    public void Tables_are_given_up_and_read_again_when_they_take_too_much()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "bounded"), "jit");
        using var symbolizer = new Symbolizer(limits: new SymbolizerLimits { TableBytes = 40_000 });
        symbolizer.Observe(target.Pid);
        for (var round = 0; round < 5; round++)
        {
            // libc's own table is above the limit, and stays alone.
            Assert.Equal("qsort", Name(symbolizer, target.Pid, target.Places["qsort"]));
            var most = symbolizer.TableBytes;
            Assert.True(most > 40_000);
            Assert.Equal("hidden", Name(symbolizer, target.Pid, target.Places["hidden"]));
            Assert.Equal("second tier", Name(symbolizer, target.Pid, target.Places["jit"]));
            Assert.InRange(symbolizer.TableBytes, 1, 40_000);
        }

        target.End();
        Assert.Equal("qsort", Name(symbolizer, target.Pid, target.Places["qsort"]));
        File.Delete($"/tmp/perf-{target.Pid}.map");
    }

    [Fact]
    public void Files_beyond_the_limit_give_a_module_without_names_and_the_reason()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "few"));
        using var symbolizer = new Symbolizer(limits: new SymbolizerLimits { Files = 1 });
        var process = symbolizer.Observe(target.Pid)!;
        Assert.Equal(1, symbolizer.Files);
        Assert.Equal("main", Name(symbolizer, target.Pid, target.Places["main"]));
        var frames = new SymbolizedAddress[1];
        symbolizer.Resolve(target.Pid, [target.Places["qsort"]], frames);
        Assert.EndsWith("libc.so.6", frames[0].Module, StringComparison.Ordinal);
        Assert.Null(frames[0].Symbol);
        Assert.Contains(process.Problems, static text => text.Contains("too many files", StringComparison.Ordinal));
    }

    [Fact]
    public void The_process_that_was_not_used_for_the_longest_time_is_forgotten()
    {
        var program = SymbolTarget.Compile(targets, "many");
        using SymbolTarget first = new(program), second = new(program), third = new(program);
        using var symbolizer = new Symbolizer(limits: new SymbolizerLimits { Processes = 2 });
        symbolizer.Observe(first.Pid);
        symbolizer.Observe(second.Pid);
        Assert.Equal("main", Name(symbolizer, first.Pid, first.Places["main"]));
        symbolizer.Observe(third.Pid);
        Assert.Equal(2, symbolizer.Processes);
        first.End();
        second.End();
        Assert.Equal("main", Name(symbolizer, first.Pid, first.Places["main"]));
        Assert.Null(Name(symbolizer, second.Pid, second.Places["main"]));
    }

    [Fact]
    public void Many_threads_get_the_same_names_while_processes_come_and_go()
    {
        var program = SymbolTarget.Compile(targets, "threads");
        using SymbolTarget stays = new(program, "jit"), goes = new(program);
        using var symbolizer = new Symbolizer(static name => "<" + name + ">", new SymbolizerLimits { TableBytes = 60_000 });
        symbolizer.Observe(stays.Pid);
        ulong[] stack = [stays.Places["hidden"], stays.Places["qsort"] + 1, stays.Places["jit"] + 1, stays.Places["main"] + 1];
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, worker =>
        {
            var frames = new SymbolizedAddress[stack.Length];
            for (var round = 0; round < 300; round++)
            {
                if (worker < 2)
                {
                    symbolizer.Observe(goes.Pid);
                    symbolizer.Forget(goes.Pid);
                    continue;
                }

                symbolizer.Resolve(stays.Pid, stack, frames);
                Assert.Equal(["<hidden>", "<qsort>", "<second tier>", "<main>"], frames.Select(static frame => frame.Symbol));
            }
        });
        File.Delete($"/tmp/perf-{stays.Pid}.map");
    }

    [Fact]
    public void A_name_of_the_mappings_cannot_be_more_than_text()
    {
        var regions = MapsReader.Parse("""
            7f00-7f10 r-xp 00001000 08:01 77       /a path\012with a line (deleted)
            7f10-7f20 rwxp 00000000 00:00 0
            7f20-7f30 r--p 00000000 08:01 77       /not executable
            7f40-7f30 r-xp 00000000 08:01 77       /backwards
            7f50-7f60 r-xp 00000000 08:01
            zz-7f30 r-xp 00000000 08:01 77         /no number
            7fff0000-7fff1000 r-xp 00000000 00:00 0     [vdso]
            8000-9000 --xp 00000000 00:01 99       /memfd:doublemapper (deleted)
            """u8);
        using var root = ProcessRoot.Of(Environment.ProcessId);
        Assert.Equal(["/a path\nwith a line", "[anon]", "[vdso]", "memfd:doublemapper"], regions.Select(region => region.ModuleName(root)));
        Assert.Equal((0x7f00ul, 0x7f10ul, 0x1000ul, 77ul, 0x800001u), (regions[0].Start, regions[0].End, regions[0].FileOffset, regions[0].Key.Inode, regions[0].Key.Device));
    }

    [Fact]
    public void Our_own_mappings_are_those_that_the_runtime_reads_line_by_line()
    {
        var expected = File.ReadLines("/proc/self/maps").Where(static line => line.Split(' ')[1][2] == 'x').Select(static line => line.Split('-')[0]).ToHashSet();
        var regions = MapsReader.Read(Environment.ProcessId);
        Assert.True(regions.Count(region => expected.Contains(region.Start.ToString("x8", System.Globalization.CultureInfo.InvariantCulture))) > expected.Count * 9 / 10);
        Assert.Contains(regions, static region => region.Path.EndsWith("/libcoreclr.so", StringComparison.Ordinal));
        Assert.Empty(MapsReader.Read(int.MaxValue));
    }

    private static string? Name(Symbolizer symbolizer, int pid, ulong address)
    {
        var frames = new SymbolizedAddress[1];
        symbolizer.Resolve(pid, [address], frames);
        return frames[0].Symbol;
    }
}
