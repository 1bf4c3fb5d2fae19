using StackDepth.Native.Features;
using StackDepth.Native.Kernel;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>Tells the causes of a refused kprobe apart: the kernel gives one EINVAL to all that it will not probe.</summary>
internal static class KprobeDiagnosis
{
    /// <summary>What is wrong with a kprobe by perf event; null where nothing beyond the errno was found.</summary>
    internal static string? Explain(KprobeRequest request, int site, Errno errno, SystemCalls sys)
    {
        var function = request.Functions[site];
        return errno switch
        {
            Errno.ENOENT => "The kernel has no function of that name: the compiler may have inlined it, or its module is not loaded.",
            Errno.EADDRNOTAVAIL => "Several functions of the kernel have that name: its addresses, which would tell them apart, are hidden (CAP_SYSLOG, or kernel.kptr_restrict=0).",
            Errno.EILSEQ => "The offset is not the start of an instruction.",
            Errno.EINVAL when KprobeBlacklist.Read(sys)?.Covers(function) == true => KprobeBlacklist.Reason,
            Errno.EINVAL when request.Offset != 0 => "The offset is not the start of an instruction, or beyond the function, or the kernel forbids a probe there.",
            Errno.EINVAL => "The kernel forbids a probe there: the function belongs to what handles probes and exceptions (NOKPROBE, noinstr), or was dropped after boot (__init).",
            _ => null,
        };
    }

    /// <summary>What is wrong with a kprobe_multi link.</summary>
    internal static string? ExplainMulti(KprobeRequest request, Errno errno, FeatureProbes probes) => errno switch
    {
        Errno.ESRCH or Errno.ENOENT => Untraceable(request),
        Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP => probes.Ask(KernelFeatures.KprobeMulti) switch
        {
            FeatureAnswer.Absent => "This kernel has no kprobe_multi.",
            FeatureAnswer.Present => Untraceable(request),
            _ => "Whether this kernel has kprobe_multi could not be found out.",
        },
        _ => null,
    };

    private static string Untraceable(KprobeRequest request) =>
        $"{(request.Functions.Length == 1 ? "The function is" : "One of the functions is")} not there, or not one that ftrace can trace (notrace, or without its call): "
        + "/sys/kernel/tracing/available_filter_functions lists those that it can.";
}
