using System.Globalization;
using System.Text;
using StackDepth.Native.Symbols;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Symbols;

public sealed class PerfMapTests(CompiledTargets targets, ITestOutputHelper output) : IClassFixture<CompiledTargets>
{
    [Fact]
    public void Code_that_Node_compiles_has_the_names_of_its_perf_map()
    {
        var script = targets.PathOf("deep.js");
        File.WriteAllText(script, "function deepest(n) { return n ? deepest(n - 1) + 1 : 0; } for (let i = 0; i < 2e5; i++) deepest(20); console.log('ready'); process.stdin.resume();");
        using var node = new SymbolTarget(Requires.Program("node"), "--perf-basic-prof", script);
        var path = $"/tmp/perf-{node.Pid}.map";
        try
        {
            // Node's own built-in functions are in the map too, and in the program's symbols.
            using var symbolizer = new Symbolizer();
            var oracle = new LastLines(path);
            var checkedLines = oracle.Compare(symbolizer, node.Pid, "[jit]", out var names);
            output.WriteLine($"{checkedLines} addresses");
            Assert.Contains(names, static name => name.Contains("deepest", StringComparison.Ordinal));
            node.End();
            Assert.Equal(checkedLines, oracle.Compare(symbolizer, node.Pid, "[jit]", out _));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Lines_that_are_written_later_are_found_when_they_are_needed()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "later"), "jit");
        var path = $"/tmp/perf-{target.Pid}.map";
        var jit = target.Places["jit"];
        using var symbolizer = new Symbolizer();
        symbolizer.Observe(target.Pid);
        Assert.Equal("second tier", Name(symbolizer, target.Pid, jit));
        Assert.Equal("other", Name(symbolizer, target.Pid, jit + 0x4f));
        Assert.Null(Name(symbolizer, target.Pid, jit + 0x50));
        File.AppendAllText(path, $"{jit + 0x50:x} 10 new\n{jit + 0x60:x} 10 not wh");
        Assert.Equal("new", Name(symbolizer, target.Pid, jit + 0x50));
        Assert.Null(Name(symbolizer, target.Pid, jit + 0x60));
        File.AppendAllText(path, "ole\n");
        Assert.Equal("not whole", Name(symbolizer, target.Pid, jit + 0x60));

        // Written anew, and then replaced by another file.
        File.WriteAllText(path, $"{jit:x} 10 rewritten\n");
        Assert.Equal("rewritten", Name(symbolizer, target.Pid, jit + 0x100) ?? Name(symbolizer, target.Pid, jit));
        File.Delete(path);
        File.WriteAllText(path, $"{jit:x} 8 replaced\n{jit + 0x200:x} 10 far\n");
        Assert.Equal("far", Name(symbolizer, target.Pid, jit + 0x200));
        Assert.Equal("replaced", Name(symbolizer, target.Pid, jit));
        File.Delete(path);
        Assert.Equal("replaced", Name(symbolizer, target.Pid, jit));
    }

    [Theory]
    [InlineData("link", "ELOOP")]
    [InlineData("directory", "not a regular file")]
    [InlineData("fifo", "not a regular file")]
    [InlineData("owner", "belongs to user 65534")]
    [InlineData("old", "older than the process")]
    public void A_file_that_may_not_be_the_processs_is_not_read(string kind, string problem)
    {
        Requires.SysAdmin();
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "suspect" + kind), "jit");
        var path = $"/tmp/perf-{target.Pid}.map";
        var jit = target.Places["jit"];
        var aside = targets.PathOf("aside.map");
        File.Move(path, aside, overwrite: true);
        try
        {
            switch (kind)
            {
                case "link": CompiledTargets.Run("ln", "-s", aside, path); break;
                case "directory": Directory.CreateDirectory(path); break;
                case "fifo": CompiledTargets.Run("mkfifo", path); break;
                case "owner":
                    File.Copy(aside, path);
                    CompiledTargets.Run("chown", "65534", path);
                    break;
                default:
                    File.Copy(aside, path);
                    File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-2));
                    break;
            }

            using var symbolizer = new Symbolizer();
            var process = symbolizer.Observe(target.Pid)!;
            Assert.Null(Name(symbolizer, target.Pid, jit));
            Assert.Contains(process.Problems, text => text.Contains(problem, StringComparison.Ordinal));
        }
        finally
        {
            CompiledTargets.Run("rm", "-rf", path);
        }
    }

    [Fact]
    public void A_process_that_got_the_number_later_does_not_name_the_earlier_ones_code()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "earlier"), "jit");
        var path = $"/tmp/perf-{target.Pid}.map";
        var status = ProcessStatus.Read(target.Pid)!;
        using var root = ProcessRoot.Of(target.Pid);
        using var own = new PerfMapFile(() => root, target.Pid, status);
        using var others = new PerfMapFile(() => root, target.Pid, status with { StartTicks = status.StartTicks - 1 });
        Assert.Equal(3, own.Read(new PerfMap(), isWhole: false).Count);
        Assert.Equal(0, others.Read(new PerfMap(), isWhole: false).Count);
        File.Delete(path);
    }

    [Fact]
    public void Damaged_lines_are_left_out_and_the_others_are_there()
    {
        var map = new PerfMap();
        map.Append("""
            1000 10 good
            zzz 10 bad
            2000 10
            2000  nothing
            2000 0 empty
            ffffffffffffffff 10 past the end
            10000000000000000 10 too long a number
            -5 10 negative

            3000 10 tabs	and	crs
            0x4000 0x10 with prefix
            """u8);
        Assert.Equal(["good", "tabs\tand\tcrs", "with prefix"], Enumerable.Range(0, map.Count).Select(map.NameOf));
        map.Append(Encoding.UTF8.GetBytes($"5000 10 {new string('x', 100_000)}\n"));
        Assert.Equal(PerfMap.MostNameLength, map.NameOf(3).Length);
    }

    [Fact]
    public void Random_bytes_break_nothing_and_cost_no_more_than_their_length()
    {
        var random = new Random(14);
        var seeds = "0123456789abcdef xX \n\n\r\t\u00ff\u0000-"u8.ToArray();
        var lines = 0;
        for (var round = 0; round < 500; round++)
        {
            var text = new byte[random.Next(4000)];
            foreach (ref var value in text.AsSpan())
            {
                value = seeds[random.Next(seeds.Length)];
            }

            var map = new PerfMap();
            map.Append(text);
            lines += map.Count;
            for (var i = 0; i < 20; i++)
            {
                var line = map.Find((ulong)random.NextInt64(), out _);
                Assert.True(line < map.Count);
            }

            Assert.InRange(map.Bytes, 0, (text.Length * 20) + 20_000);
        }

        output.WriteLine($"{lines} lines");
        Assert.True(lines > 100);
    }

    [Fact]
    public void A_map_without_end_is_read_up_to_a_bound()
    {
        var map = new PerfMap();
        var text = new StringBuilder();
        for (var i = 0; i < 1 << 16; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{i * 16:x} 10 f\n");
        }

        var bytes = Encoding.ASCII.GetBytes(text.ToString());
        for (var i = 0; i < 20; i++)
        {
            map.Append(bytes);
        }

        Assert.True(map.IsFull);
        Assert.Equal(PerfMap.MostLines, map.Count);
        Assert.InRange(map.Bytes, 0, 256L << 20);
        Assert.Equal(PerfMap.MostLines - 1, map.Find(((1 << 16) - 1) * 16, out _));
    }

    [Fact]
    public void A_sparse_file_of_any_length_is_read_up_to_a_bound()
    {
        using var target = new SymbolTarget(SymbolTarget.Compile(targets, "sparse"), "jit");
        var path = $"/tmp/perf-{target.Pid}.map";
        using (var file = File.OpenWrite(path))
        {
            file.SetLength(1L << 40);
        }

        using var symbolizer = new Symbolizer();
        var process = symbolizer.Observe(target.Pid)!;
        Assert.Equal("second tier", Name(symbolizer, target.Pid, target.Places["jit"]));
        Assert.Contains(process.Problems, static text => text.Contains("too long", StringComparison.Ordinal));
        File.Delete(path);
    }

    private static string? Name(Symbolizer symbolizer, int pid, ulong address)
    {
        var frames = new SymbolizedAddress[1];
        symbolizer.Resolve(pid, [address], frames);
        return frames[0].Symbol;
    }
}
