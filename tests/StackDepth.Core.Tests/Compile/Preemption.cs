using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Interpreter;

namespace StackDepth.Core.Tests.Compile;

/// <summary>
/// Several runs of one program on one CPU, switched between any two instructions, as preemption (or another CPU, for maps that are shared) can. Watches the capture slots: who
/// claims one holds it alone until it gives it back, and touches no other.
/// </summary>
internal sealed class Preemption
{
    internal const int Slots = 4;

    private readonly CompiledRun _run;
    private readonly ProgramRun[] _programs;
    private readonly Region? _scratch;
    private readonly ProgramRun?[] _owners = new ProgramRun?[Slots];
    private ulong _busy;

    internal Preemption(CompiledRun run, IEnumerable<Hit> hits)
    {
        _run = run;
        _programs = [.. hits.Select(hit => run.Start(hit))];
        _scratch = run.Compiled.Maps.Any(static map => map.Name == MapNames.Scratch) ? run.Machine[MapNames.Scratch].First() : null;
        run.Machine.Accessing = CheckSlot;
    }

    internal int Alive => _programs.Count(static program => !program.Ended);

    internal void Step(int program)
    {
        _programs[program].Step();
        WatchClaims(_programs[program]);
    }

    internal bool Ended(int program) => _programs[program].Ended;

    internal void Finish(int program)
    {
        while (!_programs[program].Ended)
            Step(program);
    }

    /// <summary>Switches at random until all have ended; <paramref name="switchOdds"/> is how many steps one runs on average.</summary>
    internal void RunRandomly(Random random, int switchOdds)
    {
        var current = 0;
        while (Alive > 0)
        {
            if (_programs[current].Ended || random.Next(switchOdds) == 0)
                current = random.Next(_programs.Length);
            if (!_programs[current].Ended)
                Step(current);
        }
        _run.AssertAtRest();
    }

    private void CheckSlot(ProgramRun program, Region region, int offset, int size)
    {
        if (region != _scratch || offset < sizeof(ulong))
            return;
        var slotBytes = (region.Bytes.Length - sizeof(ulong)) / Slots;
        var slot = (offset - sizeof(ulong)) / slotBytes;
        if (_owners[slot] != program || (offset + size - 1 - sizeof(ulong)) / slotBytes != slot)
            throw new MachineException($"slot {slot} is touched by a program that does not hold it");
    }

    private void WatchClaims(ProgramRun program)
    {
        if (_scratch is null)
            return;
        var busy = BinaryPrimitives.ReadUInt64LittleEndian(_scratch.Bytes);
        for (var slot = 0; slot < Slots; slot++)
        {
            var (was, now) = ((_busy >> slot & 1) != 0, (busy >> slot & 1) != 0);
            if (was == now)
                continue;
            if (!now && _owners[slot] != program)
                throw new MachineException($"slot {slot} is given back by a program that does not hold it");
            _owners[slot] = now ? program : null;
        }
        if (_owners.Count(owner => owner == program) > 1 || busy >> Slots != 0)
            throw new MachineException($"one program holds two slots, or one that does not exist: 0x{busy:x}");
        _busy = busy;
    }
}
