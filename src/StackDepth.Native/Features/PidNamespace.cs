
namespace StackDepth.Native.Features;

/// <summary>Whether this process sees the pids that BPF helpers see.</summary>
internal static class PidNamespace
{
    // PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h: the inode of the first pid namespace.
    private const string Initial = "pid:[4026531836]";

    /// <summary>Whether this process is in the initial pid namespace; null when /proc does not tell.</summary>
    internal static bool? IsInitial(string link = "/proc/self/ns/pid")
    {
        try
        {
            return File.ResolveLinkTarget(link, returnFinalTarget: false) is { } target ? target.Name == Initial : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
