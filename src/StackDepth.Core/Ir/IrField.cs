namespace StackDepth.Ir;

/// <summary>A number that the probe has by name, or whether it is not zero: a field of a tracepoint, a parameter of a function of the kernel or a member behind it, an argument of a USDT probe. Where it lies is known once the probe is resolved.</summary>
internal sealed record IrField(string Name, IrType Type) : IrExpression(Type)
{
    /// <summary>What a function of the kernel returns: a keyword of C, which no parameter is called by.</summary>
    internal const string Result = "return";
}
