using StackDepth.Native.Features;

namespace StackDepth.Runtime;

/// <summary>Refuses to observe from a pid namespace of one's own: its pids are not those that the kernel's helpers give, so every filter would silently keep the wrong processes.</summary>
internal static class PidNamespaceGuard
{
    /// <exception cref="ProbeUnavailableException">This process is in a pid namespace that is not the initial one.</exception>
    internal static void Check(bool? isInitial)
    {
        if (isInitial != false)
            return;
        throw new ProbeUnavailableException(
            "This process is in a pid namespace of its own (a container?): the process ids that it sees are not those that the probes see, so hits could not be told apart.",
            "Run it in the host's pid namespace, for instance by `docker run --pid=host`.");
    }

    internal static void Check() => Check(PidNamespace.IsInitial());
}
