using StackDepth.Native.Features;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Tells the causes of a refused uprobe apart. The kernel gives one EINVAL to an offset outside the file, a wrong pid, a program loaded for something else, and
/// an attach type it does not know.
/// </summary>
internal static class UprobeDiagnosis
{
    /// <summary>What is wrong, as a sentence; null where nothing beyond the errno was found.</summary>
    internal static string? Explain(UprobeRequest request, Errno errno, SystemCalls sys)
    {
        switch (errno)
        {
            case Errno.ENOENT when !sys.FileExists(request.AttachPath):
                return "The file does not exist, or not in this mount namespace.";
            case Errno.EBADF or Errno.EINVAL or Errno.ENODEV when Directory.Exists(request.AttachPath):
                return "The path is a directory.";
            case Errno.ESRCH or Errno.EINVAL when request.Pid != 0 && ProcessProblem(request.Pid, sys) is { } problem:
                return problem;
            case Errno.EINVAL or Errno.EIO or Errno.ENOEXEC or Errno.ENOTSUPP or Errno.EFAULT:
                return OffsetProblem(request) ?? errno switch
                {
                    Errno.EINVAL => null,
                    Errno.EIO => "The file system of the file cannot be probed (it has no page cache), or the file is shorter than it was.",
                    _ => "At one of the offsets is an instruction that the kernel cannot probe, or no instruction's start.",
                };
            default:
                return null;
        }
    }

    /// <summary>As <see cref="Explain"/>, and for an EINVAL that nothing explains asks whether the kernel has uprobe_multi at all.</summary>
    internal static string? ExplainMulti(UprobeRequest request, Errno errno, SystemCalls sys, FeatureProbes probes) =>
        Diagnose(request, errno, sys, probes, KernelFeatures.UprobeMulti, "uprobe_multi", nameof(AttachType.TraceUprobeMulti));

    /// <summary>As <see cref="ExplainMulti"/>, for sessions.</summary>
    internal static string? ExplainSession(UprobeRequest request, Errno errno, SystemCalls sys, FeatureProbes probes) =>
        Diagnose(request, errno, sys, probes, KernelFeatures.UprobeSession, "uprobe sessions", nameof(AttachType.TraceUprobeSession));

    private static string? Diagnose(UprobeRequest request, Errno errno, SystemCalls sys, FeatureProbes probes, KernelFeatures feature, string name, string attachType)
    {
        if (Explain(request, errno, sys) is { } found)
        {
            return found;
        }

        return errno is not (Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP) ? null : probes.Ask(feature) switch
        {
            FeatureAnswer.Absent => $"This kernel has no {name}.",
            FeatureAnswer.Present => $"This kernel has {name}, the path is a file, the offsets lie within it and the process exists: "
                + $"the program was not loaded with the expected attach type {attachType}, or the file changed meanwhile"
                + (request.ReferenceCounters.IsDefaultOrEmpty ? "." : ", or another tool probes one of the places without its semaphore, or with another."),
            _ => $"Whether this kernel has {name} could not be found out.",
        };
    }

    private static string? ProcessProblem(int pid, SystemCalls sys)
    {
        if (sys.ReadText($"/proc/{pid}/status") is not { } status)
        {
            return $"Process {pid} does not exist, or no longer, or not in this pid namespace.";
        }

        return ProcText.Field(status, "Tgid") is { } leader && ProcText.Number(leader) is { } group && group != pid
            ? $"{pid} is a thread of process {group}: give the process."
            : null;
    }

    private static string? OffsetProblem(UprobeRequest request)
    {
        long length;
        try
        {
            // Opened, not asked by name: a path under /proc/self/fd is a link whose own length means nothing.
            using var file = File.OpenHandle(request.AttachPath);
            length = RandomAccess.GetLength(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return $"The file cannot be opened ({error.Message}).";
        }

        foreach (var offset in request.Offsets)
        {
            if (offset >= (ulong)length)
            {
                return $"Offset 0x{offset:x} is beyond the end of the file ({length} bytes): an address was taken for a file offset, or the file was replaced.";
            }
        }

        return null;
    }
}
