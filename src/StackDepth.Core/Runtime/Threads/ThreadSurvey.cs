using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Threads;

namespace StackDepth.Runtime.Threads;

/// <summary>
/// One look at threads. All of them are sampled in one pass of the iterator, then their processes' mappings, and a third pass tells which threads have run meanwhile; then the stacks are walked, and for those that were not
/// copied whole another pass tells it again. Threads that ran are looked at again, one by one. A number is given for a thread only when all that it was made from is of one moment.
/// </summary>
internal sealed class ThreadSurvey(ThreadReader reader, ThreadOptions options, FileTables tables) : IDisposable
{
    /// <summary>How often a thread that ran is looked at again.</summary>
    private const int Attempts = 6;

    /// <summary>The code segment of 64-bit user code (__USER_CS of the kernel's arch/x86/include/asm/segment.h).</summary>
    private const ushort UserCode64 = 0x33;

    private readonly ThreadMemory _memory = new(options.SystemCalls);
    private readonly bool _hasSequence = KernelTypes.Fields?.MemorySequence is not null;
    private readonly int _kernelLimit = int.Min(ThreadProgram.MaxKernelFrames, KernelProfile.ReadMaxStackFrames(options.SystemCalls));

    /// <summary>The threads of a scope, by process and thread id; null where there is nobody in it.</summary>
    internal List<ThreadDepth>? Look(TaskScope scope)
    {
        var samples = reader.Sample(scope);
        if (samples.Count == 0)
            return null;
        var codes = ProcessCode.ByMemory(reader.Mappings(scope));
        var afterMappings = reader.Check(scope);
        var looks = samples.Where(static sample => !IsLeftOut(sample.Record)).Select(sample => Look(sample, codes.GetValueOrDefault(sample.Record.Memory))).ToArray();
        var afterWalks = looks.Any(static look => look.ReadBeyond) ? reader.Check(scope) : afterMappings;
        var result = new List<ThreadDepth>(looks.Length);
        foreach (var look in looks)
        {
            // A thread that ended meanwhile has no stack any more.
            if ((look.ReadBeyond ? afterWalks : afterMappings).TryGetValue(look.Sample.Record.ThreadId, out var record) && (Holds(look, record) && look.Code?.IsStale != true ? look.Depth : LookAgain(record.ThreadId)) is { } depth)
                result.Add(depth);
        }
        result.Sort(static (a, b) => a.Pid != b.Pid ? a.Pid.CompareTo(b.Pid) : a.Tid.CompareTo(b.Tid));
        return result;
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>The thread that asks the kernel works for this call alone; a thread that has begun to exit, or is dead and not waited for, has no user code to go back to.</summary>
    private static bool IsLeftOut(in ThreadRecord record) => (record.State & SampleState.Self) != 0 || record.IsExiting || (!record.IsKernelThread && record.Memory == 0);

    /// <summary>What a sample says, if it holds; without a depth where the thread ran while the sample was taken.</summary>
    private ThreadLook Look(ThreadSample sample, ProcessCode? code)
    {
        ref readonly var record = ref sample.Record;
        if ((record.State & (SampleState.Ran | SampleState.MappingBusy)) != 0)
            return new(sample, code, null, false);
        if (record.IsKernelThread)
            return new(sample, code, Depth(record, new(0, StackReason.None)), false);
        if ((record.State & SampleState.HasUser) == 0)
            return new(sample, code, null, false);
        // 32-bit code: there are no rows for it, whatever its files say.
        if (record.CodeSegment != UserCode64)
            return new(sample, code, Depth(record, new(1, StackReason.TableUnusable)), false);
        if (code is null)
            return new(sample, code, null, false);
        _memory.Enter(record.ThreadId, record.Sp, sample.Stack);
        var walk = new StackUnwinder(new ThreadScene(sample, code, tables, _memory), options.MaxFrames).Walk(new(record.Ip, record.Sp, record.Bp, record.Bx, record.R10, record.R13));
        return new(sample, code, Depth(record, walk), _memory.WasReadBeyond);
    }

    /// <summary>Whether all that a look was made from is of one moment, by what a later look at the same thread found.</summary>
    private bool Holds(in ThreadLook look, in ThreadRecord later)
    {
        if (look.Depth is null)
            return false;
        ref readonly var record = ref look.Sample.Record;
        // Registers, kernel stack and top of the stack are: the program that copied them made sure. What was read later is, when the thread has not run until now.
        if (later.IsSameMomentAs(record) || record.IsKernelThread || look.Code is null)
            return true;
        return !look.ReadBeyond && _hasSequence && look.Code.HasOneSequence && look.Code.Sequence == record.MemorySequence && later.HasMappingsOf(record);
    }

    private ThreadDepth? LookAgain(int threadId)
    {
        ThreadRecord? last = null;
        ProcessCode? code = null;
        ThreadRecord mapped = default;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            // It may run because there is work for it now: let some of it pass. Others must wait for the CPU as well, so this is not done each time.
            if (attempt == Attempts / 2)
                Thread.Yield();
            var scope = TaskScope.Thread(threadId);
            if (reader.Sample(scope) is not [var sample] || IsLeftOut(sample.Record))
                return null;
            var record = sample.Record;
            last = record;
            // Mappings take longer to read than all else: not for a sample that is none.
            if ((record.State & (SampleState.Ran | SampleState.MappingBusy)) != 0)
                continue;
            if (!record.IsKernelThread && (code is null or { IsStale: true } || !_hasSequence || code.Sequence != record.MemorySequence || !mapped.HasMappingsOf(record)))
            {
                code = ProcessCode.ByMemory(reader.Mappings(TaskScope.Process(record.ProcessId))).GetValueOrDefault(record.Memory);
                mapped = record;
            }
            var look = Look(sample, code);
            if (look.Depth is { } depth && reader.Check(scope).TryGetValue(threadId, out var later) && Holds(look, later) && (code?.IsStale != true || attempt == Attempts - 1))
                return depth;
        }
        return last is { } ran
            ? Depth(ran, new(ran.IsKernelThread ? 0 : 1, (ran.State & (SampleState.Ran | SampleState.MappingBusy)) == SampleState.MappingBusy ? StackReason.MappingBusy : StackReason.Running), isKnown: false)
            : null;
    }

    private ThreadDepth Depth(in ThreadRecord record, WalkResult user, bool isKnown = true)
    {
        var kernel = isKnown ? (int)long.Max(0, record.KernelBytes / sizeof(long)) : 0;
        var reason = user.Reason != StackReason.None || !isKnown ? user.Reason
            : record.KernelBytes < 0 ? StackReason.ReadFailed
            : kernel >= _kernelLimit ? StackReason.FrameLimit
            : StackReason.None;
        return new(record.ProcessId, record.ThreadId, Encoding.UTF8.GetString(record.CommText), user.Frames, kernel, reason.Completeness(), reason, isKnown && !record.IsKernelThread ? BytesInUse(record) : 0);
    }

    private static long BytesInUse(in ThreadRecord record)
    {
        // As on_sig_stack of the kernel's include/linux/sched/signal.h has it.
        if (record.Sp > record.AlternateStack && record.Sp - record.AlternateStack <= record.AlternateSize)
            return (long)(record.AlternateStack + record.AlternateSize - record.Sp);
        return (long)(record.StackEnd == 0 ? 0 : record.StackEnd - record.Sp);
    }

    /// <summary>A sample and what was made of it.</summary>
    private readonly record struct ThreadLook(ThreadSample Sample, ProcessCode? Code, ThreadDepth? Depth, bool ReadBeyond);
}
