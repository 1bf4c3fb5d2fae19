using System.Globalization;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>The PMU of kprobes as sysfs describes it; its type is another one on each machine.</summary>
/// <param name="Type">perf_event_attr.type.</param>
/// <param name="ReturnBit">The bit of perf_event_attr.config that asks for the return.</param>
internal readonly record struct KprobePmu(uint Type, int ReturnBit)
{
    internal const string TypePath = "/sys/bus/event_source/devices/kprobe/type";
    internal const string ReturnPath = "/sys/bus/event_source/devices/kprobe/format/retprobe";

    /// <exception cref="KernelException">The kernel has no such PMU, or sysfs is not mounted.</exception>
    internal static KprobePmu Read(SystemCalls sys)
    {
        if (ProcText.Number(sys.ReadText(TypePath)) is not (>= 0 and var type))
        {
            throw KernelErrors.Create(
                KernelOperation.KprobeEvent, Errno.ENODEV, "", sys,
                $"{TypePath} cannot be read: the kernel was built without CONFIG_KPROBE_EVENTS, or sysfs is not mounted at /sys. A tracepoint or fentry may do instead.");
        }

        // "config:0"
        const string prefix = "config:";
        var format = sys.ReadText(ReturnPath)?.Trim();
        return format is not null && format.StartsWith(prefix, StringComparison.Ordinal)
            && int.TryParse(format.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var bit) && bit < 64
            ? new KprobePmu((uint)type, bit)
            : throw KernelErrors.Create(KernelOperation.KprobeEvent, Errno.ENODEV, "", sys, $"{ReturnPath} does not say which bit asks for returns.");
    }
}
