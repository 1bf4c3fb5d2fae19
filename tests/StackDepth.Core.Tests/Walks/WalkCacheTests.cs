using StackDepth.Core.Tests.Compile;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>What a walk remembers of a process's code must not outlive it.</summary>
public sealed class WalkCacheTests
{
    private static readonly Walked Deep = new(10, StackReason.None);
    private static readonly Walked Shallow = new(1, StackReason.None);

    /// <summary>In another file, all code is that of an outermost function.</summary>
    private static CodeFile Other { get; } = new(99, 0x80_0001) { Rows = [(0, new(CfaKind.Outermost)), (0x1000, default)] };

    private static SimulatedMapping OtherMapping { get; } = WalkCases.Mapping with { Inode = 99 };

    public static TheoryData<StackWalk> Walks => [StackWalk.Auto, StackWalk.FramePointer, StackWalk.Unwind];

    [Theory]
    [MemberData(nameof(Walks))]
    public void The_second_walk_looks_up_nothing_and_comes_to_the_same(StackWalk walk)
    {
        var machine = Machine(walk);
        var (process, registers) = WalkCases.Chain(machine, 10);

        Assert.Equal(Deep, machine.Walk(process, registers));
        Assert.Equal(1, process.Lookups);
        Assert.Equal(Deep, machine.Walk(process, registers));
        Assert.Equal(1, process.Lookups);
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void Another_file_at_the_same_address_is_seen_when_the_sequence_says_so(StackWalk walk)
    {
        var machine = Machine(walk);
        var (process, registers) = WalkCases.Chain(machine, 10);
        for (var round = 0; round < 3; round++)
        {
            process.Mappings = [WalkCases.Mapping];
            process.Sequence += 2;
            Assert.Equal(Deep, machine.Walk(process, registers));
            process.Mappings = [OtherMapping];
            process.Sequence += 2;
            Assert.Equal(Shallow, machine.Walk(process, registers));
        }
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void After_an_exec_the_caches_know_nothing(StackWalk walk)
    {
        var machine = Machine(walk);
        var (process, registers) = WalkCases.Chain(machine, 10);
        Assert.Equal(Deep, machine.Walk(process, registers));

        // A new program may have the same sequence number as the old one had.
        process.Mappings = [OtherMapping];
        process.ExecId = 2;

        Assert.Equal(Shallow, machine.Walk(process, registers));
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void Processes_that_take_turns_do_not_see_each_others_code(StackWalk walk)
    {
        var machine = Machine(walk);
        // The same id with another start, an id that takes the same place, and one that takes another.
        foreach (var pid in (int[])[1000, 1016, 1001])
        {
            var (one, registers) = WalkCases.Chain(machine, 10);
            var (two, _) = WalkCases.Chain(machine, 10, pid: pid);
            two.Mappings = [OtherMapping];
            for (var round = 0; round < 3; round++)
            {
                Assert.Equal(Deep, machine.Walk(one, registers));
                Assert.Equal(Shallow, machine.Walk(two, registers));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_kernel_without_a_sequence_is_asked_anew_at_every_walk(StackWalk walk)
    {
        var machine = Machine(walk, hasSequence: false);
        var (process, registers) = WalkCases.Chain(machine, 10);
        for (var round = 0; round < 3; round++)
        {
            process.Mappings = [WalkCases.Mapping];
            Assert.Equal(Deep, machine.Walk(process, registers));
            process.Mappings = [OtherMapping];
            Assert.Equal(Shallow, machine.Walk(process, registers));
        }
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_file_that_nobody_knows_is_asked_for_once_and_its_table_is_used_as_soon_as_it_is_there(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 100);
        var (process, registers) = WalkCases.Chain(machine, 10);
        for (var round = 0; round < 3; round++)
            Assert.Equal(new(1, StackReason.TablePending), machine.Walk(process, registers));
        var (bytes, flags) = Assert.Single(machine.Run.Machine.Requests.Records);
        Assert.Equal(0, flags);
        Assert.Equal(new UnwindRequest(77, 0x80_0001, 1000, WalkCases.Code, WalkCases.Code + 0x1000, 0), System.Runtime.InteropServices.MemoryMarshal.Read<UnwindRequest>(bytes));

        machine.Add(WalkCases.Text(plain: true));
        Assert.Equal(Deep, machine.Walk(process, registers));
    }

    private static WalkMachine Machine(StackWalk walk, bool hasSequence = true)
    {
        var machine = new WalkMachine(walk, 100, hasSequence: hasSequence);
        machine.Add(WalkCases.Text(plain: true));
        machine.Add(Other);
        return machine;
    }
}
