using StackDepth.Core.Tests.Interpreter;
using StackDepth.Core.Tests.Walks;

namespace StackDepth.Core.Tests.Recursion;

/// <summary>A piece of memory that a thread can have frames on.</summary>
internal readonly record struct StackArea(ulong Low, ulong High)
{
    internal bool Holds(ulong address) => Low <= address && address < High;
}

/// <summary>A thread that calls, returns, jumps and is interrupted as it is told. Its stacks hold what those of a real one would: also what ended frames have left there.</summary>
internal sealed class RecursiveThread
{
    private const ulong Room = 8192;
    private const ulong RedZone = 128;
    private const ulong SignalFrameBytes = 600;
    private static readonly ulong[] _locals = [0, 8, 48, 304, 1200, 4200];

    private readonly Random _random;
    private readonly RecursiveCode _code;
    private readonly UserMemory _memory;
    private readonly Action<Registers> _entered;
    private readonly StackArea _alternate;
    private readonly (StackArea Area, List<Frame> Frames)[] _chains;
    private int _current;

    /// <param name="random">What decides all that nobody else does.</param>
    /// <param name="code">What it runs.</param>
    /// <param name="memory">Where its stacks are.</param>
    /// <param name="alternate">The alternate stack for signals; empty where it has none.</param>
    /// <param name="stacks">The stack that it begins on, and those of its coroutines.</param>
    /// <param name="entered">Told of each entry of the probed function, which is live by then.</param>
    internal RecursiveThread(Random random, RecursiveCode code, UserMemory memory, StackArea alternate, IEnumerable<StackArea> stacks, Action<Registers> entered)
    {
        (_random, _code, _memory, _alternate, _entered) = (random, code, memory, alternate, entered);
        _chains = [.. stacks.Select(static area => (area, new List<Frame>()))];
        Restart();
    }

    /// <summary>How many activations of the probed function are live on the stack that the thread is on, and on what a signal has interrupted.</summary>
    internal int Live => Frames.Count(frame => frame.Function == _code.Probed);

    internal int Depth => Frames.Count;

    private List<Frame> Frames => _chains[_current].Frames;

    /// <summary>Nothing has been called yet.</summary>
    internal void Restart()
    {
        _current = 0;
        foreach (var (area, frames) in _chains)
        {
            frames.Clear();
            frames.Add(new(_code.Outermost, area.High - 256, area.Low, 0) { Style = FrameStyle.Outermost });
        }
    }

    internal void Call(CodeFunction function)
    {
        var caller = Frames[^1];
        var (site, sp) = Site(caller);
        if (sp < caller.Low + Room)
        {
            Return();
            return;
        }
        Scribble(caller, sp);
        _memory.Write(sp - 8, RecursiveCode.Base + site.Offset + RecursiveCode.CallBytes);
        Enter(function, sp - 8, caller.Low, caller.Bp);
    }

    internal void Return()
    {
        if (Frames.Count > 1)
            Frames.RemoveRange(Frames[^2].Function is null ? Frames.Count - 2 : Frames.Count - 1, Frames[^2].Function is null ? 2 : 1);
    }

    /// <summary>The last function ends, and another one returns for it.</summary>
    internal void TailCall(CodeFunction function)
    {
        if (Frames.Count == 1)
            return;
        var ended = Frames[^1];
        Frames.RemoveAt(Frames.Count - 1);
        Enter(function, ended.Slot, ended.Low, ended.CallerBp);
    }

    /// <summary>longjmp, or an exception that is caught in the cold part of a function.</summary>
    internal void Unwind(bool isException)
    {
        var target = _random.Next(Frames.Count);
        if (Frames[target].Function is null)
            return;
        Frames.RemoveRange(target + 1, Frames.Count - target - 1);
        Frames[target].IsInCold = isException && Frames[target].Function == _code.Probed;
    }

    internal void Signal(CodeFunction handler)
    {
        var interrupted = Frames[^1];
        var (site, sp) = Site(interrupted);
        var switches = _alternate.High > 0 && !_alternate.Holds(sp);
        // A handler that was left for a coroutine would be overwritten.
        if (switches && _chains.Any(chain => chain.Frames.Exists(frame => _alternate.Holds(frame.Slot))))
            return;
        var low = switches ? _alternate.Low : interrupted.Low;
        var slot = (((switches ? _alternate.High : sp - RedZone) - SignalFrameBytes) & ~15UL) - 8;
        if (slot < low + Room || sp < interrupted.Low + Room)
            return;
        _memory.Write(slot, RecursiveCode.Base + RecursiveCode.SignalReturnOffset + 1);
        SignalFrame.Write(_memory, slot + 8, new(RecursiveCode.Base + site.Offset + RecursiveCode.Interrupted, sp, interrupted.Bp, Word(), Word(), Word()));
        Frames.Add(new(null, slot, low, interrupted.Bp));
        Enter(handler, slot, low, interrupted.Bp);
    }

    /// <summary>Goes on with another coroutine, where it was.</summary>
    internal void Switch() => _current = _random.Next(_chains.Length);

    private void Enter(CodeFunction function, ulong slot, ulong low, ulong callerBp)
    {
        var frame = new Frame(function, slot, low, callerBp);
        Frames.Add(frame);
        if (function == _code.Probed)
            _entered(new(RecursiveCode.Base + function.Offset, slot, callerBp, Word(), Word(), Word()));
        frame.Style = function.Sites[_random.Next(function.Sites.Count)].Style;
        switch (frame.Style)
        {
            case FrameStyle.BasePointer:
            case FrameStyle.Unknown when _random.Next(2) == 0:
                _memory.Write(slot - 8, callerBp);
                frame.Bp = slot - 8;
                break;
            case FrameStyle.Saved:
                _memory.Write(slot - 8, callerBp);
                frame.Bp = Word();
                break;
            case FrameStyle.Unknown:
                _memory.Write(slot - 8, Word());
                frame.Bp = Word();
                break;
        }
    }

    /// <summary>Where in a frame's function it is, and its stack pointer there.</summary>
    private (CallSite Site, ulong StackPointer) Site(Frame frame)
    {
        var sites = frame.Function!.Sites.Where(site => site.Style == frame.Style && site.IsCold == frame.IsInCold).ToArray();
        var site = sites[_random.Next(sites.Length)];
        if (site.FrameBytes > 0)
            return (site, frame.Slot + 8 - (ulong)site.FrameBytes);
        // The code that a thread begins with is written by hand, and has no frame that changes.
        return (site, frame.Slot - 8 - (frame.Style == FrameStyle.Outermost ? 0 : _locals[_random.Next(_locals.Length)]));
    }

    /// <summary>What the function has in its own part of the stack: anything.</summary>
    private void Scribble(Frame frame, ulong sp)
    {
        for (var count = _random.Next(3); count > 0 && sp + 16 < frame.Slot; count--)
            _memory.Write(sp + (ulong)_random.Next((int)(frame.Slot - 8 - sp) / 8) * 8, Word());
    }

    private ulong Word() => _random.Next(4) switch
    {
        0 => RecursiveCode.Base + _code.Probed.Sites[_random.Next(_code.Probed.Sites.Count)].Offset + RecursiveCode.CallBytes,
        1 => Frames.Count == 0 ? 0 : Frames[_random.Next(Frames.Count)].Slot - 8,
        2 => 0,
        _ => (ulong)_random.NextInt64(),
    };

    /// <param name="function">Of which function; null for what the kernel puts onto the stack before a signal's handler.</param>
    /// <param name="slot">Where the return address is.</param>
    /// <param name="low">Where the stack ends.</param>
    /// <param name="callerBp">rbp at the entry.</param>
    private sealed class Frame(CodeFunction? function, ulong slot, ulong low, ulong callerBp)
    {
        internal CodeFunction? Function { get; } = function;

        internal ulong Slot { get; } = slot;

        internal ulong Low { get; } = low;

        internal ulong CallerBp { get; } = callerBp;

        internal FrameStyle Style { get; set; }

        /// <summary>rbp since the prologue.</summary>
        internal ulong Bp { get; set; } = callerBp;

        internal bool IsInCold { get; set; }
    }
}
