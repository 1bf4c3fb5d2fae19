using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;
using StackDepth.Runtime;

namespace StackDepth.Core.Tests.Compile;

/// <summary>A compiled query on an interpreted machine, and what user space would read out of it.</summary>
internal sealed class CompiledRun : IQueryAnswer
{
    internal CompiledRun(IrQuery query, CompileTarget target, int cpus = 1, int ringRecords = int.MaxValue)
        : this(ProbeCompiler.Compile(query, target), cpus, ringRecords)
    {
    }

    internal CompiledRun(CompiledQuery compiled, int cpus = 1, int ringRecords = int.MaxValue)
    {
        Compiled = compiled;
        Machine = new(Compiled.Maps, cpus, ringRecords);
        Cpus = cpus;
    }

    public CompiledQuery Compiled { get; }

    internal Machine Machine { get; }

    internal int Cpus { get; }

    /// <summary>The program as a person debugging a failure wants it.</summary>
    internal string Listing => string.Concat(Compiled.Programs.Select(static program => IrPrinter.Print(program.Ir) + Disassembler.Format(program.Program.Instructions, program.Program.Functions)));

    /// <summary>Puts a process into the set of those that are followed, where there is such a set.</summary>
    internal void Follow(int pid) => Machine[MapNames.Followed].First().Bytes[pid / 8] |= (byte)(1 << (pid % 8));

    internal bool Follows(int pid) => (Machine[MapNames.Followed].First().Bytes[pid / 8] >> (pid % 8) & 1) != 0;

    internal void Run(Hit hit, int probe = 0)
    {
        var program = Compiled.Programs[probe].Program;
        if (program.ExpectedAttachType is AttachType.TraceUprobeSession or AttachType.TraceKprobeSession)
            Machine.RunSession(program, hit);
        else
            Machine.Run(program, hit);
    }

    internal ProgramRun Start(Hit hit, int probe = 0) => new(Machine, Compiled.Programs[probe].Program, hit);

    public IEnumerable<string>? Records => Machine.Ring?.Records.Select(record => Canonical(record.Bytes, Compiled.Event!));

    public long Unset => Compiled.CountsUnset ? Enumerable.Range(0, Cpus).Sum(cpu => BinaryPrimitives.ReadInt64LittleEndian(Machine[MapNames.Unset].First(cpu).Bytes)) : 0;

    public long Counter(HealthCounter counter) => Enumerable.Range(0, Cpus).Sum(cpu => BinaryPrimitives.ReadInt64LittleEndian(Results(cpu)[ResultLayout.Offset(counter)..]));

    internal AggregateValue Total()
    {
        var total = new AggregateValue(Compiled.Aggregate!);
        for (var cpu = 0; cpu < Cpus; cpu++)
            total.Merge(Results(cpu)[ResultLayout.AggregateOffset..]);
        return total;
    }

    public Dictionary<string, AggregateValue> Groups()
    {
        if (Compiled.Key is null)
            return new() { [""] = Total() };
        Dictionary<string, AggregateValue> groups = new(StringComparer.Ordinal);
        foreach (var (key, values) in Machine[MapNames.Groups].Entries)
        {
            var merged = new AggregateValue(Compiled.Aggregate!);
            foreach (var value in values)
                merged.Merge(value.Bytes);
            groups.Add(Canonical(key, Compiled.Key), merged);
        }
        return groups;
    }

    private string Canonical(byte[] bytes, EventLayout layout) => WireText.Of(bytes, layout, node => Machine[MapNames.StackNodes].Lookup((uint)node)!.Bytes);

    public Dictionary<string, byte[][]> Kept()
    {
        var layout = Compiled.Kept!;
        if (layout.Key is not { } key)
            return new() { [""] = Places(0) };
        return Machine[MapNames.KeptOrder].Entries.ToDictionary(entry => Canonical(entry.Key, key), entry => Places(BinaryPrimitives.ReadInt32LittleEndian(entry.Values[0].Bytes.AsSpan(layout.OrderFirst))));

        byte[][] Places(int first) =>
        [
            .. Enumerable.Range(first, layout.Places).Select(place => Machine[MapNames.Kept].Lookup((uint)place)?.Bytes).OfType<byte[]>()
                .Where(static place => BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Value)) != 0),
        ];
    }

    /// <summary>All that must hold after every run, whatever the query: no slot is held, no record is open, the template of new groups is zero.</summary>
    internal void AssertAtRest()
    {
        for (var cpu = 0; cpu < Cpus; cpu++)
        {
            Assert.Equal(-1, Results(cpu)[Compiled.Results.TemplateOffset..].IndexOfAnyExcept((byte)0));
            foreach (var scratch in Compiled.Maps.Where(static map => map.Name.StartsWith(MapNames.Scratch, StringComparison.Ordinal)))
                Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(Machine[scratch.Name].First(cpu).Bytes));
        }
        Assert.Equal(0, Machine.Ring?.Open ?? 0);
        if (Compiled.Kept is null)
            return;
        foreach (var order in Machine[MapNames.KeptOrder].Entries.Select(static entry => entry.Values[0].Bytes))
        {
            for (var place = 0; place < Compiled.Kept.OrderEntries; place++)
                Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(order.AsSpan((place * KeptLayout.OrderEntryBytes) + KeptLayout.OrderLock)));
        }
        Assert.All(Kept().Values.SelectMany(static places => places), static place => Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Version)) & 1));
    }

    private ReadOnlySpan<byte> Results(int cpu) => Machine[MapNames.Results].First(cpu).Bytes;
}
