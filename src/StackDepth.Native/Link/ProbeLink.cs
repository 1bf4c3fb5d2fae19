namespace StackDepth.Native.Link;

/// <summary>A program attached to probes. Disposing detaches; losing it without disposing detaches when it is finalized, which nobody can foresee.</summary>
/// <param name="kind">How it is attached: <c>uprobe_multi</c>, <c>perf event</c>, <c>raw tracepoint</c>.</param>
/// <param name="siteCount">At how many places.</param>
/// <param name="handles">What holds it there.</param>
internal abstract class ProbeLink(string kind, int siteCount, IDisposable handles) : IDisposable
{
    /// <summary>How it is attached: <c>uprobe_multi</c>, <c>perf event</c>, <c>raw tracepoint</c>.</summary>
    internal string Kind => kind;

    /// <summary>At how many places: functions, tracepoints, CPUs or threads.</summary>
    internal int SiteCount => siteCount;

    /// <summary>Detaches all and waits for it. Idempotent.</summary>
    public void Dispose() => handles.Dispose();
}
