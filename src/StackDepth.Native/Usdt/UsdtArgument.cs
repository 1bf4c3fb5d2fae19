namespace StackDepth.Native.Usdt;

/// <summary>Where an argument of a USDT probe is.</summary>
internal enum UsdtOperand
{
    /// <summary>In no place that is understood; <see cref="UsdtArgument.Problem"/> says why.</summary>
    Unsupported,

    /// <summary>Nowhere: it is always <see cref="UsdtArgument.Value"/>.</summary>
    Constant,

    /// <summary>In <see cref="UsdtArgument.Register"/>.</summary>
    Register,

    /// <summary>In the process's memory, at <see cref="UsdtArgument.Register"/> + <see cref="UsdtArgument.Value"/> + <see cref="UsdtArgument.Index"/> * <see cref="UsdtArgument.Scale"/>.</summary>
    Memory,
}

/// <summary>A register, as the context of a uprobe's program holds it (<c>struct pt_regs</c>, <c>struct user_pt_regs</c>: 64 bits each).</summary>
/// <param name="Name">As in the machine's assembler.</param>
/// <param name="ContextOffset">Its offset in the context, in bytes.</param>
/// <param name="Size">How many bytes of it the name means.</param>
/// <param name="Shift">How many bits of it lie below them: 8 for <c>%ah</c> and its like, else 0.</param>
internal sealed record UsdtRegister(string Name, int ContextOffset, int Size, int Shift = 0);

/// <summary>One argument of a USDT probe.</summary>
/// <param name="Text">As the note has it: <c>-4@-20(%rbp)</c>. It comes from the file: escape it where it is shown.</param>
/// <param name="Size">1, 2, 4 or 8 bytes.</param>
/// <param name="IsSigned">Whether it is sign-extended to 64 bits.</param>
/// <param name="Operand">Where it is.</param>
internal sealed record UsdtArgument(string Text, int Size, bool IsSigned, UsdtOperand Operand)
{
    /// <summary>The constant, or the displacement in memory.</summary>
    internal long Value { get; init; }

    internal UsdtRegister? Register { get; init; }

    internal UsdtRegister? Index { get; init; }

    /// <summary>1, 2, 4, 8 or another power of two.</summary>
    internal int Scale { get; init; } = 1;

    /// <summary>Why it is not supported, as a clause: <c>it is a floating-point number</c>; null for all others.</summary>
    internal string? Problem { get; init; }
}
