using StackDepth.Native.Spec;

namespace StackDepth.Ir;

/// <summary>A uprobe on the returns of functions of a binary.</summary>
internal sealed record IrUserReturnProbe(string Binary, string Symbols, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Kprobe;

    internal override bool HasUserRegisters => true;

    internal override bool FiltersByLink => true;

    internal override bool IsReturn => true;

    /// <summary>The probe as bpftrace writes it.</summary>
    public override string ToString() => $"uretprobe:{Binary}:{Symbols}";
}

/// <summary>A kprobe on the returns of functions of the kernel.</summary>
internal sealed record IrKernelReturnProbe(string Symbols, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Kprobe;

    internal override bool IsReturn => true;

    public override string ToString() => $"kretprobe:{Symbols}";
}

/// <summary>What the function returned: the register that the calling convention has for an integer or a pointer, all 64 bits as the function left them.</summary>
internal sealed record IrReturnValue() : IrExpression(IrType.Int64);
