using System.Runtime.InteropServices;
using StackDepth.Native.Unwind;

namespace StackDepth.Core.Tests.Walks;

/// <summary>Stacks and tables of random bytes: a walk ends, stays within its memory, and proves nothing that is not so. The interpreter fails every access that leaves its memory.</summary>
public sealed class HostileWalkTests
{
    private const int Rounds = 250;

    public static TheoryData<StackWalk> Walks => [StackWalk.Auto, StackWalk.FramePointer, StackWalk.Unwind];

    [Theory]
    [MemberData(nameof(Walks))]
    public void Tables_and_stacks_of_random_bytes_end_the_walk_as_the_model_says(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 50);
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            machine.Clear();
            // Rules of any bytes: kinds that there are not, offsets of any size.
            machine.Add(new(77, 0x80_0001)
            {
                Rows = [.. Enumerable.Range(0, 200).Select(index => ((uint)index * 16, random.Next(4) == 0 ? CodeFile.FramePointer : Rule(random))), (0x1000, default)],
            });
            var process = machine.NewProcess();
            process.Mappings = [WalkCases.Mapping];
            for (var at = 0UL; at < 0x3000; at += 8)
                process.Memory.Write(WalkCases.Stack + at, Word(random));
            if (random.Next(2) == 0)
                process.StackStart = Word(random);
            var registers = new Registers(Code(random), WalkCases.Stack + (ulong)random.Next(0, 300) * 8, Word(random), Word(random), Word(random), Word(random));
            var expected = machine.Model(process, registers);

            Assert.Equal((seed, expected), (seed, machine.Walk(process, registers)));
        }
    }

    [Theory]
    [MemberData(nameof(Walks))]
    public void Words_of_the_tables_that_lead_anywhere_stay_within_the_tables(StackWalk walk)
    {
        var machine = new WalkMachine(walk, 50);
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            machine.Clear();
            machine.Add(WalkCases.Text(plain: false));
            // The index, the rows and the numbers in them are overwritten; slots and rules that are not there are met too.
            var chunk = machine.Run.Machine[UnwindMaps.TablesName].Inner[0].First().Bytes;
            random.NextBytes(chunk.AsSpan(0, 4096));
            var entry = machine.Run.Machine[UnwindMaps.FilesName].Entries.Single().Values[0].Bytes;
            if (random.Next(2) == 0)
            {
                random.NextBytes(entry.AsSpan(0, UnwindFileEntry.FlagsAt));
                random.NextBytes(entry.AsSpan(UnwindFileEntry.PlainStartAt));
            }
            var (process, registers) = WalkCases.Chain(machine, 60);

            Assert.InRange(machine.Walk(process, registers).Count, 1, 50);
        }
    }

    private static ulong Code(Random random) => WalkCases.Code + (ulong)random.Next(0, 0x1001);

    private static ulong Word(Random random) => random.Next(10) switch
    {
        < 5 => Code(random),
        < 9 => WalkCases.Stack + (ulong)random.Next(-64, 0x600) * (random.Next(8) == 0 ? 1u : 8u),
        _ => (ulong)random.NextInt64(long.MinValue, long.MaxValue),
    };

    private static UnwindRule Rule(Random random)
    {
        Span<byte> bytes = stackalloc byte[UnwindMaps.RuleBytes];
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
