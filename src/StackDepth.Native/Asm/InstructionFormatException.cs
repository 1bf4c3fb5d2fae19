namespace StackDepth.Native.Asm;

/// <summary>Bytes that are not eBPF instructions, or an instruction that has no encoding.</summary>
internal sealed class InstructionFormatException(string message) : FormatException(message);
