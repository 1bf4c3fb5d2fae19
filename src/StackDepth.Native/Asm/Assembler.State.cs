namespace StackDepth.Native.Asm;

/// <summary>What the assembler remembers until labels are resolved.</summary>
internal sealed partial class Assembler
{
    private sealed class PendingLabel(string name)
    {
        internal string Name { get; } = name;

        internal int Slot { get; set; }

        /// <summary>The index of the function it was placed in; negative while it is not placed.</summary>
        internal int Function { get; set; } = -1;

        internal bool StartsFunction { get; set; }
    }

    private readonly record struct PendingFunction(string Name, int Slot);

    /// <summary>An instruction (by index) that needs the distance to a label.</summary>
    private readonly record struct Reference(int Instruction, ReferenceKind Kind, int Label);

    private readonly record struct AssemblyError(int Instruction, int Slot, string? Origin, string Message);
}

/// <summary>How an instruction refers to a label, which decides where the distance goes.</summary>
internal enum ReferenceKind
{
    /// <summary>A jump with a 16-bit offset.</summary>
    Jump,

    /// <summary>A conditional jump or may_goto, also 16 bits, but without a long form.</summary>
    ConditionalJump,

    /// <summary>A jump with the distance in the immediate.</summary>
    LongJump,

    /// <summary>A call or a function pointer: the distance to a function in the immediate.</summary>
    Call,

    /// <inheritdoc cref="Call"/>
    LoadFunction,
}

internal static class ReferenceKinds
{
    /// <summary>What the instruction does, as the subject of an error message.</summary>
    internal static string Verb(this ReferenceKind kind) => kind switch
    {
        ReferenceKind.Call => "a call",
        ReferenceKind.LoadFunction => "a function pointer",
        _ => "a jump",
    };
}
