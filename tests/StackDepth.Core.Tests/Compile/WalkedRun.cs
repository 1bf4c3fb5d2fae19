using System.Buffers.Binary;
using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Core.Tests.Compile;

/// <summary>What a walk came to.</summary>
internal readonly record struct Walked(long Count, StackReason Reason)
{
    internal Completeness Completeness => Reason.Completeness();
}

/// <summary>
/// A compiled query whose walks find what a test says. The program captures by the kernel, and when it first looks at a stack's header, that is replaced: all that follows a walk is
/// the compiler's own.
/// </summary>
internal sealed class WalkedRun
{
    private readonly ImmutableArray<IrStack> _captured;
    private readonly int _stride;

    internal WalkedRun(IrQuery query, CompileTarget target)
    {
        var steps = ProbeCompiler.Steps(query, target);
        _captured = [.. steps.Statements.OfType<Capture>().Select(static capture => capture.Stack)];
        _stride = StackHeader.Bytes + (target.MaxStackFrames * sizeof(long));
        var walked = steps with { Statements = [.. steps.Statements.Select(static step => step is Capture capture ? capture with { Walk = StackWalk.Kernel } : step)] };
        Run = new(ProgramLowering.Run(walked, target, SharedNumbers.Of(walked)));
    }

    internal CompiledRun Run { get; }

    internal long this[HealthCounter counter] => Run.Counter(counter);

    /// <summary>One hit whose stacks are as <paramref name="walks"/> says; the others are as the hit's.</summary>
    internal void Hit(Hit hit, IReadOnlyDictionary<IrStack, Walked> walks)
    {
        var program = Run.Start(hit);
        for (; !program.Ended; program.Step())
        {
            if (LooksAtHeader(program.Next) is { } index && walks.TryGetValue(_captured[index], out var walked))
                Replace(program, index * _stride, walked);
        }
        Run.AssertAtRest();
    }

    private int? LooksAtHeader(Instruction next) =>
        next.Code == (Opcode.BPF_LDX | Opcode.BPF_MEM | Opcode.BPF_W) && next.Src == Register.R8 && next.Comment!.StartsWith("capture", StringComparison.Ordinal)
        && next.Offset % _stride == StackHeader.Completeness ? next.Offset / _stride : null;

    private void Replace(ProgramRun program, int stack, Walked walked)
    {
        var (region, offset) = Run.Machine.Memory.Find(program[Register.R8] + (ulong)stack, StackHeader.Bytes);
        var header = region.Bytes.AsSpan(offset, StackHeader.Bytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[StackHeader.Count..], walked.Count);
        BinaryPrimitives.WriteInt32LittleEndian(header[StackHeader.Completeness..], (int)walked.Completeness);
        BinaryPrimitives.WriteInt32LittleEndian(header[StackHeader.Reason..], (int)walked.Reason);
    }
}
