namespace StackDepth.Tool.Parsing;

/// <summary>The kinds of probe that the tool knows.</summary>
internal enum ProbeKind
{
    User,
    UserReturn,
    Kernel,
    KernelReturn,
    Tracepoint,
    Profile,
    Software,
    RawTracepoint,
    FEntry,
    FExit,
    Usdt,
    Interval,
}

/// <summary>A probe as the user named it.</summary>
/// <param name="Text">As it was written.</param>
/// <param name="Binary">The file, program or library; the tracepoint's category; the software event; else empty.</param>
/// <param name="Symbols">The function, glob, <c>symbol+offset</c> or address; the tracepoint; the USDT probe; else empty.</param>
/// <param name="Kind">What kind of probe it is.</param>
/// <param name="Number">Samples a second of a profile, how many software events make a hit, or the microseconds of an interval; else 0.</param>
internal sealed record ProbeSpec(string Text, string Binary, string Symbols, ProbeKind Kind = ProbeKind.User, int Number = 0)
{
    /// <summary>The provider of a USDT probe; else empty.</summary>
    internal string Provider { get; init; } = "";
}
