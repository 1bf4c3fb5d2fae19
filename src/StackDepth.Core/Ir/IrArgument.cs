namespace StackDepth.Ir;

/// <summary>An argument of the probed function, by the registers of the calling convention: an integer or a pointer, all 64 bits as the caller left them.</summary>
internal sealed record IrArgument(int Index) : IrExpression(IrType.Int64)
{
    /// <summary>How many arguments come in registers (System V ABI for x86-64, 3.2.3).</summary>
    internal const int InRegisters = 6;
}
