using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Support;

namespace StackDepth.Native.Tests.Sys;

[Collection(FdLeakCheck.Alone)]
public sealed unsafe class KernelCallTests
{
    private static readonly Dictionary<string, BpfMap> NoMaps = [];

    [Fact]
    public void A_load_that_signals_interrupt_is_tried_again()
    {
        Requires.Bpf();
        var sys = new FaultySystemCalls
        {
            OnBpf = static (command, call, _) => command == BpfCommand.ProgLoad && call <= 6 ? -(long)(call % 2 == 0 ? Errno.EAGAIN : Errno.EINTR) : null,
        };
        using var program = BpfProgram.Load(Load.ProgramTests.Trivial, NoMaps, sys);
        Assert.Equal(7, sys.Calls(BpfCommand.ProgLoad));
    }

    [Theory]
    [InlineData(Errno.EAGAIN, KernelCall.MaxLoadAttempts)]
    [InlineData(Errno.EINTR, KernelCall.MaxInterrupted)]
    internal void A_load_that_is_interrupted_for_ever_ends_in_an_error(Errno errno, int attempts)
    {
        var sys = new FaultySystemCalls { OnBpf = (_, _, _) => -(long)errno };
        var error = Assert.Throws<KernelException>(() => BpfProgram.Load(Load.ProgramTests.Trivial, NoMaps, sys));
        Assert.Equal(errno, error.Errno);
        Assert.Equal(attempts, sys.Calls(BpfCommand.ProgLoad));
    }

    [Fact]
    public void An_answer_of_EAGAIN_to_other_commands_is_an_answer()
    {
        var sys = new FaultySystemCalls { OnBpf = static (_, _, _) => -(long)Errno.EAGAIN };
        Assert.Equal(Errno.EAGAIN, Assert.Throws<KernelException>(() => BpfMap.Create(new MapSpec("a", MapType.Array, 4, 4, 1), sys)).Errno);
        Assert.Equal(1, sys.Calls(BpfCommand.MapCreate));
    }

    [Fact]
    public void A_descriptor_is_closed_once_and_not_while_it_is_borrowed()
    {
        var sys = new FaultySystemCalls();
        var descriptor = new FileDescriptor((int)sys.EventFd(0, 0), sys);
        using (var lease = descriptor.Borrow())
        {
            descriptor.Dispose();
            descriptor.Dispose();
            Assert.True(lease.Value >= 0);
            Assert.Equal(0, sys.Closes);
        }

        Assert.Equal(1, sys.Closes);
        Assert.Throws<ObjectDisposedException>(() => descriptor.Value);
        Assert.Throws<ObjectDisposedException>(() => descriptor.Borrow().Dispose());
    }

    [Fact]
    public void A_failed_call_leaves_no_descriptor_to_close()
    {
        var sys = new FaultySystemCalls { OnBpf = static (_, _, _) => -(long)Errno.EMFILE };
        var error = Assert.Throws<KernelException>(() => BpfMap.Create(new MapSpec("a", MapType.Array, 4, 4, 1), sys));
        Assert.Contains("ulimit -n", error.Remedy, StringComparison.Ordinal);
        Assert.Equal(0, sys.Closes);
    }

    [Fact]
    public void A_thousand_maps_and_programs_leave_no_open_file_behind()
    {
        Requires.Bpf();
        void Round()
        {
            var maps = CountingProgram.Maps(SystemCalls.Real);
            using var counts = maps[CountingProgram.Counts.Name];
            using var program = BpfProgram.Load(CountingProgram.Spec, maps, SystemCalls.Real);
            using var callbacks = BpfProgram.Load(Load.ProgramTests.WithCallback(), NoMaps, SystemCalls.Real);
        }

        Round();
        using var leaks = new FdLeakCheck();
        for (var i = 0; i < 1000; i++)
        {
            Round();
        }
    }
}
