using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Link;

public sealed class RawTracepointTests
{
    [Fact]
    public void System_calls_are_counted()
    {
        Requires.Bpf();
        var maps = CountingProgram.Maps(SystemCalls.Real);
        using var counts = maps[CountingProgram.Counts.Name];
        using var program = BpfProgram.Load(CountingProgram.Build(ProgramType.RawTracePoint, byCookie: false), maps, SystemCalls.Real);
        using (RawTracepointLink.Attach(program, "sys_enter", SystemCalls.Real))
        {
            for (var i = 0; i < 100; i++)
            {
                Assert.True(File.Exists("/proc/self/status"));
            }
        }

        Assert.InRange(counts.SumPerCpu<ulong>(0), 100UL, ulong.MaxValue);
    }

    [Fact]
    public void A_tracepoint_that_is_not_there_is_named()
    {
        Requires.Bpf();
        var maps = CountingProgram.Maps(SystemCalls.Real);
        using var counts = maps[CountingProgram.Counts.Name];
        using var program = BpfProgram.Load(CountingProgram.Build(ProgramType.RawTracePoint, byCookie: false), maps, SystemCalls.Real);
        var error = Assert.Throws<KernelException>(() => RawTracepointLink.Attach(program, "no_such_thing", SystemCalls.Real));
        Assert.Equal(Errno.ENOENT, error.Errno);
        Assert.Contains("no_such_thing", error.Message, StringComparison.Ordinal);
    }
}
