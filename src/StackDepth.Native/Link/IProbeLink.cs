namespace StackDepth.Native.Link;

/// <summary>A program attached to probes. Disposing detaches; losing it without disposing detaches when it is finalized, which nobody can foresee.</summary>
internal interface IProbeLink : IDisposable
{
    /// <summary>How it is attached: <c>uprobe_multi</c>, <c>perf event</c>, <c>raw tracepoint</c>.</summary>
    string Kind { get; }

    /// <summary>At how many places.</summary>
    int SiteCount { get; }
}
