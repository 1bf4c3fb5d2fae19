using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;

namespace StackDepth.Compile;

/// <summary>
/// A program that user space runs to take the extremes and last values of one CPU out of an aggregate, so that they begin anew: what it takes is exchanged for zero, so each hit raises what is taken now or what is
/// taken next, and none is lost. Counts, sums and buckets only grow, and need none of this: their results are differences.
/// </summary>
/// <param name="map">The map that holds the aggregate.</param>
/// <param name="keyBytes">The size of its key.</param>
/// <param name="offset">Where the aggregate lies in the value.</param>
/// <param name="layout">How it lies there.</param>
internal sealed class ExtremeTaker(string map, int keyBytes, int offset, AggregateLayout layout)
{
    /// <summary>Which CPU's value, in the context.</summary>
    internal const int Cpu = 0;

    /// <summary>The key, in the context.</summary>
    internal const int Key = sizeof(long);

    internal const AggregateParts Parts = AggregateParts.Minimum | AggregateParts.Maximum | AggregateParts.Last;

    internal string Map => map;

    /// <summary>What it takes, in the context: for each value of the aggregate the minimum, the maximum, the time and the value of the last hit, as far as they are kept.</summary>
    internal int Taken => Key + ((keyBytes + 7) & ~7);

    internal int ContextBytes => Taken + (Words().Count() * sizeof(long));

    /// <summary>The one for a query; null where it keeps nothing that has to be taken.</summary>
    internal static ExtremeTaker? Of(CompiledQuery query) => query.Aggregate is not { } layout || (layout.Parts & Parts) == 0 ? null
        : query.Key is { } key ? new(MapNames.Groups, key.Size, 0, layout)
        : new(MapNames.Results, sizeof(int), ResultLayout.AggregateOffset, layout);

    /// <summary>The words that are taken, by their offsets in the aggregate.</summary>
    internal IEnumerable<(AggregateParts Part, int Value, int Offset)> Words()
    {
        for (var value = 0; value < layout.Values; value++)
        {
            var start = value * layout.ValueSize;
            if (layout.Parts.HasFlag(AggregateParts.Minimum))
                yield return (AggregateParts.Minimum, value, start + layout.Minimum);
            if (layout.Parts.HasFlag(AggregateParts.Maximum))
                yield return (AggregateParts.Maximum, value, start + layout.Maximum);
            if (!layout.Parts.HasFlag(AggregateParts.Last))
                continue;
            yield return (AggregateParts.Last, value, start + layout.Last);
            yield return (AggregateParts.None, value, start + layout.LastValue);
        }
    }

    internal ProgramSpec Build()
    {
        var asm = new Assembler { Origin = "the aggregate of a CPU" };
        var absent = asm.CreateLabel("absent");
        var key = -((keyBytes + 7) & ~7);
        asm.Mov(Register.R6, Register.R1);
        for (var part = 0; part < -key; part += sizeof(long))
        {
            asm.Load(MemorySize.DW, Register.R1, Register.R6, Key + part);
            asm.Store(MemorySize.DW, Register.R10, key + part, Register.R1);
        }
        asm.LoadMap(Register.R1, map);
        asm.Mov(Register.R2, Register.R10);
        asm.Add(Register.R2, key);
        asm.Load(MemorySize.DW, Register.R3, Register.R6, Cpu);
        asm.Call(HelperId.MapLookupPercpuElem);
        asm.JumpIf(JumpOp.JEQ, Register.R0, 0, absent);
        asm.Origin = "take";
        var taken = Taken;
        foreach (var (part, _, at) in Words())
        {
            if (part == AggregateParts.None)
            {
                asm.Load(MemorySize.DW, Register.R1, Register.R0, offset + at);
            }
            else
            {
                asm.Mov(Register.R1, 0);
                asm.AtomicExchange(MemorySize.DW, Register.R0, offset + at, Register.R1);
            }
            asm.Store(MemorySize.DW, Register.R6, taken, Register.R1);
            taken += sizeof(long);
        }
        asm.Place(absent);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        return new() { Name = "sd_take", Type = ProgramType.Syscall, IsSleepable = true, Instructions = asm.Assemble().Instructions };
    }
}
