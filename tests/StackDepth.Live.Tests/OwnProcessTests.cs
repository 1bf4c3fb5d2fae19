using System.Runtime.InteropServices;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Elf;

namespace StackDepth.Live.Tests;

/// <summary>A probe of all processes leaves this one out, and asks whose hit it is only where this one could hit it.</summary>
public sealed class OwnProcessTests
{
    private const string NotAsked = "filter no pid (the code cannot run in this process)";

    private static string OwnFilter => $"filter pid != {Environment.ProcessId} (this process)";

    private static string Filter(string binary, string function) => Probe.UProbe(binary, function).Count().Explain().Ir.Split('\n')[1].Trim();

    [Fact]
    public async Task Where_the_target_is_another_program_nobody_is_asked_and_the_count_is_the_same()
    {
        var program = CTarget.Named("unasked");
        Assert.Equal(NotAsked, Filter(program, "leaf_push"));
        using LiveTarget one = new(program), other = new(program);
        var probe = Probe.UProbe(program, "leaf_push");
        await using var unasked = await probe.Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        await using var asked = await probe.Where(hit => hit.Pid != Environment.ProcessId).Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
        one.Ask("raw 12");
        other.Ask("raw 30");
        Assert.Equal(42, await unasked.StopAsync(TestContext.Current.CancellationToken));
        Assert.Equal(42, await asked.StopAsync(TestContext.Current.CancellationToken));
        Check.Healthy(42, unasked.Health);
    }

    [Fact]
    public void A_library_and_this_process_own_program_are_asked()
    {
        Requires.Bpf();
        Assert.Equal(OwnFilter, Filter("libc.so.6", "qsort"));
        using var own = ElfImage.Open(Environment.ProcessPath!);
        Assert.True(own.IsProgram);
        Assert.Equal(OwnFilter, Filter(Environment.ProcessPath!, $"0x{own.EntryPoint:x}"));
    }

    [Fact]
    public async Task The_own_calls_of_a_library_are_not_counted()
    {
        var library = CTarget.Library("own");
        Assert.Equal(OwnFilter, Filter(library, "own_leaf"));
        var handle = NativeLibrary.Load(library);
        try
        {
            await using var session = await Probe.UProbe(library, "own_leaf").Count().AttachAsync(cancellationToken: TestContext.Current.CancellationToken);
            Assert.Equal(43, Call(NativeLibrary.GetExport(handle, "own_leaf"), 42));
            Assert.Equal(0, await session.StopAsync(TestContext.Current.CancellationToken));
        }
        finally
        {
            NativeLibrary.Free(handle);
        }
    }

    private static unsafe int Call(nint function, int argument) => ((delegate* unmanaged<int, int>)function)(argument);
}
