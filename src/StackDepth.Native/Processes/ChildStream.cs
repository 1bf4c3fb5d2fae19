namespace StackDepth.Native.Processes;

/// <summary>Where a gated child's standard output goes. Its standard input and standard error are always this process's.</summary>
internal enum ChildStream
{
    /// <summary>To this process's standard output.</summary>
    Inherit,

    /// <summary>To <c>/dev/null</c>.</summary>
    Null,

    /// <summary>To this process's standard error: keeps this process's standard output for results.</summary>
    ToStandardError,
}
