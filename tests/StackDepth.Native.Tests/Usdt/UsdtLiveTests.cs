using System.Diagnostics;
using StackDepth.Native.Asm;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Support;
using StackDepth.Native.Usdt;

namespace StackDepth.Native.Tests.Usdt;

public sealed class UsdtLiveTests
{
    private const int Arguments = 6;

    private const string Source = """
        #ifdef SEMAPHORES
        #define _SDT_HAS_SEMAPHORES 1
        #endif
        #include <sys/sdt.h>
        #include <stdio.h>
        #include <stdlib.h>
        #ifdef SEMAPHORES
        __extension__ volatile unsigned short demo_tick_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
        __extension__ volatile unsigned short demo_never_semaphore __attribute__((unused)) __attribute__((section(".probes"))) __attribute__((visibility("hidden")));
        #define LISTENERS demo_tick_semaphore
        #else
        #define LISTENERS 0
        #endif
        volatile long zero;
        __attribute__((noinline)) void tick(long i, int *table) {
            STAP_PROBE6(demo, tick, i, (signed char)-i, (unsigned short)(65000 + i), table[i & 7], 42, -7);
        }
        int main(void) {
            char line[100]; int table[8];
            for (int i = 0; i < 8; i++) table[i] = i * 1000 - 3000;
            while (fgets(line, sizeof line, stdin)) {
                long n = atol(line);
                for (long i = 1; i <= n; i++) tick(i, table);
                if (zero) STAP_PROBE(demo, never);
                printf("%d\n", (int)LISTENERS);
                fflush(stdout);
            }
            return 0;
        }
        """;

    private static readonly MapSpec Sums = new("sums", MapType.PerCpuArray, 4, 8, Arguments + 1);
    private static readonly SystemCalls Sys = SystemCalls.Real;

    [Theory]
    [InlineData("-O0", false, false)]
    [InlineData("-O2", false, false)]
    [InlineData("-O2", true, false)]
    [InlineData("-O0", true, true)]
    [InlineData("-O2", true, true)]
    public void Arguments_are_those_of_the_call_and_the_semaphore_counts_who_listens(string optimization, bool hasSemaphore, bool byPerfEvent)
    {
        Requires.SysAdmin();
        if (!byPerfEvent)
            Requires.Linux(6, 6);
        var binary = Compile(optimization, hasSemaphore);
        using var target = UsdtResolver.Resolve(binary, "demo", "tick", new ResolveOptions());
        var site = Assert.Single(target.Sites);
        Assert.Equal(hasSemaphore, site.Semaphore != 0);
        Assert.Equal(Arguments, site.Arguments.Length);
        using var process = CommandTarget.Start(binary);
        Assert.Equal("0", process.Ask("3"));

        using var sums = BpfMap.Create(Sums, Sys);
        var profile = KernelProfile.Detect(Sys) with { Switches = new FeatureSwitches(byPerfEvent ? KernelFeatures.UprobeMulti : 0) };
        using (var attached = UprobeAttacher.Attach(Program(site), new Dictionary<string, BpfMap> { [Sums.Name] = sums }, target.Request(process.Pid), profile, Sys))
        {
            Assert.Equal(byPerfEvent ? "perf event" : "uprobe_multi", attached.Link.Kind);
            Assert.Equal(hasSemaphore ? "1" : "0", process.Ask("50"));
        }

        Assert.Equal("0", process.Ask("10"));
        var i = Enumerable.Range(1, 50).ToArray();
        Assert.Equal(
            [i.Sum(), i.Sum(static n => (sbyte)-n), i.Sum(static n => (ushort)(65000 + n)), i.Sum(static n => (n & 7) * 1000 - 3000), 50 * 42, 50 * -7, 50],
            Enumerable.Range(0, Arguments + 1).Select(slot => sums.SumPerCpu<long>((uint)slot)));
    }

    [Fact]
    public void Names_may_be_globs_and_an_unknown_one_has_near_names()
    {
        var binary = Compile("-O2", hasSemaphore: true);
        using (var both = UsdtResolver.Resolve(binary, "d*", "[nt]*", new ResolveOptions()))
        {
            Assert.Equal(["never", "tick"], both.Sites.Select(static site => site.Name).Order(StringComparer.Ordinal));
            Assert.Equal(2, both.Request(0).ReferenceCounters.Length);
        }

        string Fails(string provider, string name) => Assert.Throws<TargetNotFoundException>(() => UsdtResolver.Resolve(binary, provider, name, new ResolveOptions()).Dispose()).Message;
        Assert.Contains("Did you mean 'demo:tick'?", Fails("demo", "tik"), StringComparison.Ordinal);
        Assert.Contains("Did you mean 'tick'?", Fails("*", "tik"), StringComparison.Ordinal);
        Assert.Contains("no section .note.stapsdt", Assert.Throws<TargetNotFoundException>(
            () => UsdtResolver.Resolve(Support.ProbeTarget.Executable, "*", "*", new ResolveOptions()).Dispose()).Message, StringComparison.Ordinal);
        Assert.Equal(("a:b", "p", "n"), UsdtResolver.Split("a:b:p:n"));
        Assert.Equal(("python3", "*", "line"), UsdtResolver.Split("python3:line"));
        Assert.Throws<TargetException>(() => UsdtResolver.Split("python3"));
        Assert.Throws<TargetException>(() => UsdtResolver.Split("python3::line"));
    }

    [Fact]
    public void A_note_that_does_not_point_to_a_nop_is_not_attached()
    {
        var copy = Path.Combine(Directory.CreateTempSubdirectory("stackdepth-usdt-").FullName, "copy");
        try
        {
            ulong address;
            using (var target = UsdtResolver.Resolve(Compile("-O2", hasSemaphore: false), "demo", "tick", new ResolveOptions()))
            {
                address = target.Sites[0].Address;
                File.Copy(target.Path, copy);
            }

            var bytes = File.ReadAllBytes(copy);
            var at = bytes.AsSpan().IndexOf(BitConverter.GetBytes(address));
            BitConverter.TryWriteBytes(bytes.AsSpan(at), address - 1);
            File.WriteAllBytes(copy, bytes);
            var error = Assert.Throws<TargetException>(() => UsdtResolver.Resolve(copy, "demo", "tick", new ResolveOptions()).Dispose());
            Assert.Contains("is no nop", error.Message, StringComparison.Ordinal);
            BitConverter.TryWriteBytes(bytes.AsSpan(at), ulong.MaxValue - 5);
            File.WriteAllBytes(copy, bytes);
            error = Assert.Throws<TargetException>(() => UsdtResolver.Resolve(copy, "demo", "tick", new ResolveOptions()).Dispose());
            Assert.Contains("not in the file's code", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(copy)!, recursive: true);
        }
    }

    [Fact]
    public void Python_tells_of_each_garbage_collection_and_its_generation()
    {
        const string python = "/usr/bin/python3.11";
        Requires.Bpf();
        Requires.That(File.Exists(python), "Debian's python3.11");
        using var target = UsdtResolver.Resolve(python, "python", "gc__start", new ResolveOptions());
        var site = Assert.Single(target.Sites);
        const string script = """
            import gc, sys
            gc.disable()
            for line in sys.stdin:
                for i in range(int(line)): gc.collect(i % 3)
                print("ok", flush=True)
            """;
        using var process = Process.Start(new ProcessStartInfo(python, ["-I", "-c", script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Ask("2");
        using var sums = BpfMap.Create(Sums, Sys);
        using (UprobeAttacher.Attach(
            Program(site), new Dictionary<string, BpfMap> { [Sums.Name] = sums }, target.Request(process.Id), KernelProfile.Detect(Sys) with { Switches = default }, Sys))
        {
            Ask("200");
        }

        Ask("5");
        Assert.Equal([Enumerable.Range(0, 200).Sum(static i => i % 3), 200], [sums.SumPerCpu<long>(0), sums.SumPerCpu<long>(1)]);
        process.StandardInput.Close();
        process.WaitForExit();

        void Ask(string line)
        {
            process.StandardInput.WriteLine(line);
            process.StandardInput.Flush();
            Assert.Equal("ok", process.StandardOutput.ReadLine());
        }
    }

    private static string Compile(string optimization, bool hasSemaphore)
    {
        Requires.That(Directory.EnumerateFiles("/usr/include", "sdt.h", SearchOption.AllDirectories).Any(), "sys/sdt.h (systemtap-sdt-dev)");
        return CommandTarget.Compile(Source, [optimization, .. hasSemaphore ? ["-DSEMAPHORES"] : Array.Empty<string>()]);
    }

    /// <summary>Adds up each argument, and behind them counts.</summary>
    private static ProgramSpec Program(UsdtSite site)
    {
        var code = new Assembler();
        var exit = code.CreateLabel("exit");
        code.Mov(Register.R6, Register.R1);
        for (var i = 0; i <= site.Arguments.Length; i++)
        {
            if (i < site.Arguments.Length)
            {
                UsdtArgumentLoad.Emit(code, site.Arguments[i], Register.R6, -8, exit);
                code.Mov(Register.R7, Register.R0);
            }
            else
            {
                code.Mov(Register.R7, 1);
            }

            code.Store(MemorySize.W, Register.R10, -12, i);
            code.LookUp(Sums.Name, -12, exit);
            code.AtomicAdd(MemorySize.DW, Register.R0, 0, Register.R7);
        }

        code.Place(exit);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "arguments", Type = ProgramType.Kprobe, Instructions = code.Assemble().Instructions };
    }
}
