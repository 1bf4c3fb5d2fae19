using System.Globalization;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// The PMU of uprobes as sysfs describes it. Types of PMUs are handed out at boot in no fixed order: a guessed one opens an event of something else.
/// </summary>
/// <param name="Type">perf_event_attr.type.</param>
/// <param name="ReturnBit">The bit of perf_event_attr.config that asks for the return.</param>
internal readonly record struct UprobePmu(uint Type, int ReturnBit)
{
    internal const string TypePath = "/sys/bus/event_source/devices/uprobe/type";
    internal const string ReturnPath = "/sys/bus/event_source/devices/uprobe/format/retprobe";

    /// <exception cref="KernelException">The kernel has no such PMU, or sysfs is not mounted.</exception>
    internal static UprobePmu Read(SystemCalls sys)
    {
        if (ProcText.Number(sys.ReadText(TypePath)) is not (>= 0 and var type))
        {
            throw KernelErrors.Create(
                KernelOperation.UprobeEvent, Errno.ENODEV, "", sys, $"{TypePath} cannot be read: the kernel was built without CONFIG_UPROBE_EVENTS, or sysfs is not mounted at /sys.");
        }

        // "config:0"
        const string prefix = "config:";
        var format = sys.ReadText(ReturnPath)?.Trim();
        return format is not null && format.StartsWith(prefix, StringComparison.Ordinal)
            && int.TryParse(format.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var bit) && bit < 64
            ? new UprobePmu((uint)type, bit)
            : throw KernelErrors.Create(KernelOperation.UprobeEvent, Errno.ENODEV, "", sys, $"{ReturnPath} does not say which bit asks for returns.");
    }
}
