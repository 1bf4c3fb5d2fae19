using System.Runtime.InteropServices;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Core.Tests.Walks;
using StackDepth.Native.Unwind;
using StackDepth.Runtime.Threads;

namespace StackDepth.Core.Tests.Threads;

/// <summary>The walk in user space against the model that the bytecode of the walks is held to, over the same made-up processes.</summary>
public sealed class StackUnwinderTests
{
    private const int MaxFrames = 9;

    [Fact]
    public void A_walk_comes_to_what_the_model_comes_to()
    {
        var machine = new WalkMachine(StackWalk.Unwind, MaxFrames, entersAtFunctions: false);
        Dictionary<StackReason, int> reasons = [];
        var (followed, hijacked) = (0, 0);
        for (var seed = 0; seed < 500; seed++)
        {
            var (process, registers) = new RandomStacks(new Random(seed), machine).Next();
            var expected = machine.Model(process, registers);

            Assert.Equal((seed, (expected.Count, expected.Reason)), (seed, Walk(process, registers, machine)));
            followed += machine.LastModel!.NeedsBx ? 1 : 0;
            hijacked += machine.LastModel.Hijacked;
            reasons[expected.Reason] = reasons.GetValueOrDefault(expected.Reason) + 1;
        }

        // The stacks are worth walking: they end in all the ways that there are, bar those that cannot be here.
        StackReason[] rare = [StackReason.UnprovedLimit, StackReason.MappingBusy, StackReason.SignalLimit, StackReason.Running];
        Assert.True(followed >= 5 && hijacked >= 20, $"rbx followed {followed} times, {hijacked} returns put right");
        Assert.Empty(Enum.GetValues<StackReason>().Where(static reason => reason <= StackReason.GuessFailed).Except(reasons.Keys).Except(rare));
    }

    [Fact]
    public void Rules_and_stacks_of_random_bytes_end_the_walk_as_the_model_says()
    {
        var machine = new WalkMachine(StackWalk.Unwind, MaxFrames, entersAtFunctions: false);
        for (var seed = 0; seed < 1000; seed++)
        {
            var random = new Random(seed);
            machine.Clear();
            machine.Add(new(77, 0x80_0001) { Rows = [.. Enumerable.Range(0, 200).Select(index => ((uint)index * 16, random.Next(4) == 0 ? CodeFile.FramePointer : Rule(random))), (0x1000, default)] });
            var process = machine.NewProcess();
            process.Mappings = [WalkCases.Mapping];
            for (var at = 0UL; at < 0x3000; at += 8)
                process.Memory.Write(WalkCases.Stack + at, Word(random));
            var registers = new Registers(Code(random), WalkCases.Stack + ((ulong)random.Next(0, 300) * 8), Word(random), Word(random), Word(random), Word(random));
            var expected = machine.Model(process, registers);

            Assert.Equal((seed, (expected.Count, expected.Reason)), (seed, Walk(process, registers, machine)));
        }
    }

    [Fact]
    public void Signal_frames_that_lead_in_a_circle_end_the_walk()
    {
        var machine = new WalkMachine(StackWalk.Unwind, 1 << 20, entersAtFunctions: false);
        machine.Add(LaidOutStack.Text);
        var process = machine.NewProcess();
        process.Mappings = [WalkCases.Mapping];
        var circle = new Registers(WalkCases.Code + LaidOutStack.SignalReturn, WalkCases.Stack, 0, 0, 0, 0);
        SignalFrame.Write(process.Memory, WalkCases.Stack, circle);

        Assert.Equal((16_385, StackReason.SignalLimit), Walk(process, circle, machine));
    }

    private static (long, StackReason) Walk(SimulatedProcess process, Registers registers, WalkMachine machine)
    {
        var (ip, sp, bp, bx, r10, r13) = registers;
        var result = new StackUnwinder(new ModelScene(process, machine.Files), machine.MaxFrames).Walk(new(ip, sp, bp, bx, r10, r13));
        return (result.Frames, result.Reason);
    }

    private static ulong Code(Random random) => WalkCases.Code + (ulong)random.Next(0, 0x1001);

    private static ulong Word(Random random) => random.Next(10) switch
    {
        < 5 => Code(random),
        < 9 => WalkCases.Stack + ((ulong)random.Next(-64, 0x600) * (random.Next(8) == 0 ? 1u : 8u)),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
    };

    private static UnwindRule Rule(Random random)
    {
        Span<byte> bytes = stackalloc byte[8];
        random.NextBytes(bytes);
        if (random.Next(3) != 0)
        {
            MemoryMarshal.Write(bytes, random.Next(-20, 20) * 8);
            (bytes[5], bytes[6]) = ((byte)(random.Next(2) * 255), (byte)(random.Next(12) | (random.Next(5) << 4)));
            bytes[7] = random.Next(4) switch { 0 => 127, 1 => (byte)random.Next(-8, 8), _ => 0 };
        }
        return MemoryMarshal.Read<UnwindRule>(bytes);
    }
}
