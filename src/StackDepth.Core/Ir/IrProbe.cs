using System.Globalization;
using StackDepth.Native.Spec;

namespace StackDepth.Ir;

/// <summary>The probe of a query, as the user wrote it. The set of kinds is closed: every switch over it ends in <see cref="IrNodes.Unknown"/>.</summary>
/// <param name="ProcessId">The process whose hits count; null for all.</param>
internal abstract record IrProbe(int? ProcessId)
{
    /// <summary>Whether its hits only change variables, and are in no result.</summary>
    internal bool IsSilent { get; init; }

    /// <summary>What kind of program runs at its hits.</summary>
    internal abstract ProgramType ProgramType { get; }

    /// <summary>Whether the registers that the program is given are those of user code. Else they are found from the task: those with which it entered the kernel, or was interrupted.</summary>
    internal virtual bool HasUserRegisters => false;

    /// <summary>Whether the kernel can keep other processes' hits away, so that they cost nothing.</summary>
    internal virtual bool FiltersByLink => false;

    /// <summary>Whether its hits are the returns of functions.</summary>
    internal virtual bool IsReturn => false;

    /// <summary>Whether the kernel tells the program at which of the probe's sites it was hit; else there is one.</summary>
    internal virtual bool HasCookie => true;
}

/// <summary>A uprobe on functions of a binary.</summary>
internal sealed record IrUserProbe(string Binary, string Symbols, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Kprobe;

    internal override bool HasUserRegisters => true;

    internal override bool FiltersByLink => true;

    /// <summary>The probe as bpftrace writes it.</summary>
    public override string ToString() => $"uprobe:{Binary}:{Symbols}";
}

/// <summary>A kprobe on functions of the kernel.</summary>
internal sealed record IrKernelProbe(string Symbols, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Kprobe;

    public override string ToString() => $"kprobe:{Symbols}";
}

/// <summary>Tracepoints of the kernel; both parts may be globs.</summary>
internal sealed record IrTracepoint(string Group, string Name, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.TracePoint;

    public override string ToString() => $"tracepoint:{Group}:{Name}";
}

/// <summary>A raw tracepoint of the kernel, with its arguments as the kernel's types describe them.</summary>
internal sealed record IrRawTracepoint(string Name, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Tracing;

    internal override bool HasCookie => false;

    public override string ToString() => $"rawtracepoint:{Name}";
}

/// <summary>The entry of a function of the kernel, or its exit, without a breakpoint.</summary>
internal sealed record IrTracing(string Function, bool IsExit, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Tracing;

    internal override bool HasCookie => false;

    public override string ToString() => $"{(IsExit ? "fexit" : "fentry")}:{Function}";
}

/// <summary>USDT probes of a binary; provider and name may be globs.</summary>
internal sealed record IrUsdtProbe(string Binary, string Provider, string Name, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.Kprobe;

    internal override bool HasUserRegisters => true;

    internal override bool FiltersByLink => true;

    public override string ToString() => $"usdt:{Binary}:{Provider}:{Name}";
}

/// <summary>Samples of all CPUs, so many a second of each.</summary>
internal sealed record IrProfile(int Hertz, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.PerfEvent;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"profile:hz:{Hertz}");
}

/// <summary>One hit each period, of whatever one CPU runs then.</summary>
internal sealed record IrInterval(TimeSpan Period, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.PerfEvent;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"interval:us:{Period.Ticks / TimeSpan.TicksPerMicrosecond}");
}

/// <summary>Each so-many-th occurrence of one of perf's software events, on all CPUs.</summary>
internal sealed record IrSoftwareEvent(string Name, long Period, int? ProcessId = null) : IrProbe(ProcessId)
{
    internal override ProgramType ProgramType => ProgramType.PerfEvent;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"software:{Name}:{Period}");
}
