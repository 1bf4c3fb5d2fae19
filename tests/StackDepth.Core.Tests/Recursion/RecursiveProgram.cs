using StackDepth.Core.Tests.Golden;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Core.Tests.Walks;

namespace StackDepth.Core.Tests.Recursion;

/// <summary>What a program does that makes some of its counts less than exact.</summary>
[Flags]
internal enum Hindrances
{
    None = 0,
    CodeWithoutRows = 1,
    Coroutines = 2,
    CoroutinesOnOwnStack = 4,
    NoSlots = 8,
    BusyMappings = 16,
    SmallMaps = 32,
    LateProbes = 64,
    UnknownParts = 128,
}

/// <summary>A hit: what was answered, and what is so.</summary>
internal readonly record struct RecursiveHit(Counted Answer, int Live, bool IsOnOwnStack)
{
    internal bool IsExact => Answer == new Counted(Live, Completeness.Complete, StackReason.None);

    internal bool IsHonest => Answer.Completeness == Answer.Reason.Completeness() && Answer.Completeness switch
    {
        Completeness.Complete => IsExact,
        Completeness.Approximate => true,
        _ => Answer.Count <= Live,
    };
}

/// <summary>Some threads of a process that do what a seed says, and what the bytecode makes of it.</summary>
internal sealed class RecursiveProgram
{
    private const int Pid = 1000;
    private const int MostThreads = 3;
    private const int Steps = 250;
    private const ulong StackBytes = 4 << 20;
    private const ulong CoroutineBytes = 0x1_0000;
    private const ulong FirstStack = 0x7ffd_0000_0000;
    private const ulong Apart = 0x1000_0000;

    private readonly Random _random;
    private readonly Hindrances _hindrances;
    private readonly RecursiveCode _code;
    private readonly RecursionMachine _machine;
    private readonly SimulatedProcess _process;
    private readonly List<Thread> _threads = [];
    private readonly List<RecursiveHit> _hits = [];
    private readonly CodeFunction[] _functions;
    private ulong _clock = 10;
    private bool _isAttached;
    private int _running;

    internal RecursiveProgram(int seed, Hindrances hindrances)
    {
        _random = new(seed);
        _hindrances = hindrances;
        _code = new(probedKeepsFramePointer: _random.Next(2) == 0);
        _machine = new(_code, !Has(Hindrances.UnknownParts), Has(Hindrances.SmallMaps) ? 2 : 100, Has(Hindrances.SmallMaps) ? _random.Next(3) : 100);
        _process = new(_machine.Run.Machine.Memory, GoldenQueries.Fields, Pid, started: 1) { StackStart = FirstStack + StackBytes - 64 };
        _functions = Has(Hindrances.CodeWithoutRows)
            ? [_code.Probed, _code.Probed, _code.Plain, _code.Frameless, _code.Unknown]
            : [.. Enumerable.Repeat(_code.Probed, _random.Next(1, 4)), _code.Plain, _code.Frameless];
        List<SimulatedMapping> mappings = [WalkCases.Mapping with { End = WalkCases.Code + 0x4000 }];
        for (var index = 0; index < MostThreads; index++)
            _threads.Add(NewThread(index, mappings));
        _process.Mappings = mappings;
    }

    /// <summary>All hits that were answered.</summary>
    internal IReadOnlyList<RecursiveHit> Run()
    {
        if (Has(Hindrances.LateProbes))
            Go(Steps / 4);
        _machine.Attached = _clock++;
        _isAttached = true;
        Go(Steps);
        return _hits;
    }

    private bool Has(Hindrances hindrance) => (_hindrances & hindrance) != 0;

    private Thread NewThread(int index, List<SimulatedMapping> mappings)
    {
        // The process's first thread has the stack that the kernel made; the others' have their control block at the end.
        var low = FirstStack - ((ulong)index * Apart);
        var (own, signal, other) = (new StackArea(low, low + StackBytes), new StackArea(low + (2 * StackBytes), low + (2 * StackBytes) + CoroutineBytes), new StackArea(low + (3 * StackBytes), low + (3 * StackBytes) + CoroutineBytes));
        mappings.AddRange(new[] { own, signal, other }.Select(area => new SimulatedMapping(area.Low, area.High, HasFile: false, IsExecutable: false, GrowsDown: index == 0 && area == own)));
        List<StackArea> stacks = [new(own.Low + CoroutineBytes, own.High - CoroutineBytes)];
        if (Has(Hindrances.Coroutines))
            stacks.Add(other);
        if (Has(Hindrances.CoroutinesOnOwnStack))
            stacks.AddRange([new(own.Low, own.Low + CoroutineBytes), new(own.High - CoroutineBytes, own.High - 1024)]);
        var alternate = _random.Next(2) == 0 ? signal : default;
        var state = new SimulatedThread(Pid + index, _clock++, 1, own.High - 512, alternate.Low, alternate.High - alternate.Low);
        if (!Has(Hindrances.LateProbes))
            state = state with { Started = state.Started + 1000 };
        else if (index == 0 && _random.Next(2) == 0)
            state = state with { Started = 1_000_000, IsForked = true };
        return new(new(_random, _code, _process.Memory, alternate, stacks, Entered), state, own);
    }

    private void Go(int steps)
    {
        _clock += 1_000_000;
        while (steps-- > 0)
        {
            if (_random.Next(8) == 0)
                _running = _random.Next(_threads.Count);
            if (_random.Next(60) == 0)
                _process.Sequence += 2;
            Act(_threads[_running].Program);
        }
    }

    private void Act(RecursiveThread thread)
    {
        switch (_random.Next(100))
        {
            case < 45:
                thread.Call(_functions[_random.Next(_functions.Length)]);
                break;
            case < 75:
                for (var count = _random.Next(1, 5); count > 0; count--)
                    thread.Return();
                break;
            case < 81:
                thread.TailCall(_functions[_random.Next(_functions.Length)]);
                break;
            case < 86:
                thread.Unwind(isException: _random.Next(2) == 0);
                break;
            case < 90:
                thread.Signal(_functions[_random.Next(_functions.Length)]);
                break;
            case < 94:
                thread.Switch();
                break;
            case 94 when _random.Next(2) == 0:
                Restart();
                break;
            case 95 or 96:
                // As deep as the books of one record, and now and then as more than one chunk.
                for (var count = _random.Next(20) == 0 ? 700 : _random.Next(10, 50); count > 0; count--)
                    thread.Call(_functions[_random.Next(_functions.Length)]);
                break;
            default:
                // One that is called over and over, at the same place or not.
                for (var count = _random.Next(2, 6); count > 0; count--)
                {
                    thread.Call(_code.Probed);
                    thread.Return();
                }
                break;
        }
    }

    /// <summary>The thread exits and its id is another's, or it calls exec.</summary>
    private void Restart()
    {
        var thread = _threads[_running];
        thread.Program.Restart();
        if (_random.Next(3) == 0)
        {
            thread.State = thread.State with { ExecId = thread.State.ExecId + 1, IsForked = false };
            return;
        }
        if (_random.Next(2) == 0)
            _machine.Exit(_process, thread.State.ThreadId);
        thread.State = thread.State with { Started = _clock++, IsForked = false };
    }

    private void Entered(Registers registers)
    {
        if (!_isAttached)
            return;
        var thread = _threads[_running];
        _process.SetThread(thread.State);
        _process.ExecId = thread.State.ExecId;
        _process.SetRegisters(registers.Ip, registers.Sp, registers.Bp, registers.Bx, registers.R10, registers.R13);
        _process.BusyTries = Has(Hindrances.BusyMappings) && _random.Next(20) == 0 ? _random.Next(2000) : 0;
        _process.Memory.Reads.Clear();
        var isBusy = Has(Hindrances.NoSlots) && _random.Next(20) == 0;
        if (_machine.Hit(_process, thread.State.ThreadId, _random.Next(RecursionMachine.Cpus), isBusy) is { } answer)
            _hits.Add(new(answer, thread.Program.Live, thread.OwnStack.Holds(registers.Sp)));
    }

    private sealed class Thread(RecursiveThread program, SimulatedThread state, StackArea ownStack)
    {
        internal RecursiveThread Program { get; } = program;

        internal SimulatedThread State { get; set; } = state;

        internal StackArea OwnStack { get; } = ownStack;
    }
}
