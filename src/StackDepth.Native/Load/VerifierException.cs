using System.Collections.Immutable;
using System.Text;
using StackDepth.Native.Asm;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>
/// The kernel's verifier rejected a program. The message has the reason, the instruction with where it came from, and the end of the log.
/// </summary>
internal sealed class VerifierException : KernelException
{
    private const int TailLines = 12;

    private VerifierException(
        string message, Errno errno, string log, bool truncated, string summary, int? slot, Instruction? instruction, ProgramSpec spec)
        : base(message, errno, KernelOperation.ProgramLoad.Name, "The program is at fault, or the kernel is older than what it uses: read the log.")
    {
        Log = log;
        IsLogTruncated = truncated;
        Summary = summary;
        Slot = slot;
        Instruction = instruction;
        Spec = spec;
    }

    /// <summary>The whole log of the verifier.</summary>
    internal string Log { get; }

    /// <summary>Whether the log was longer than the largest buffer (128 MiB): since 6.4 its beginning is missing then, before that its end.</summary>
    internal bool IsLogTruncated { get; }

    /// <summary>The line of the log that says what is wrong.</summary>
    internal string Summary { get; }

    /// <summary>The slot that the verifier was at; null where the log names none.</summary>
    internal int? Slot { get; }

    /// <summary>The instruction at <see cref="Slot"/>, with its comment.</summary>
    internal Instruction? Instruction { get; }

    internal ProgramSpec Spec { get; }

    /// <summary>The whole program, with comments.</summary>
    internal string Disassembly => Disassembler.Format(Spec.Instructions, Spec.Functions);

    internal static VerifierException Create(ProgramSpec spec, Errno errno, string log, bool truncated)
    {
        var summary = VerifierLog.Summary(log);
        var slot = VerifierLog.FailingSlot(log);
        var instruction = slot is { } at ? InstructionAt(spec.Instructions, at) : null;
        var message = new StringBuilder()
            .Append($"The kernel's verifier rejected program '{spec.Name}' ({KernelErrors.Describe(errno)}): {summary}\n");
        if (instruction is { } failing)
        {
            message.Append($"At slot {slot}: {Disassembler.Format(failing, slot!.Value, spec.Functions).TrimStart()}\n");
        }

        message.Append($"The end of its log{(truncated ? " (which is longer than the largest buffer)" : "")}:\n").Append(VerifierLog.Tail(log, TailLines));
        return new VerifierException(message.ToString(), errno, log, truncated, summary, slot, instruction, spec);
    }

    private static Instruction? InstructionAt(ImmutableArray<Instruction> instructions, int slot)
    {
        var at = 0;
        foreach (var instruction in instructions)
        {
            if (slot < at + instruction.Slots)
            {
                return instruction;
            }

            at += instruction.Slots;
        }

        return null;
    }
}
