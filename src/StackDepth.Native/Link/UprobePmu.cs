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

    internal const string ReferenceCounterPath = "/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset";

    /// <summary>The lowest of the 32 bits of perf_event_attr.config that take the file offset of a reference counter (Linux 4.20); null where there are none.</summary>
    internal int? ReferenceCounterBit { get; init; }

    /// <exception cref="KernelException">The kernel has no such PMU, or sysfs is not mounted.</exception>
    internal static UprobePmu Read(SystemCalls sys)
    {
        if (ProcText.Number(sys.ReadText(TypePath)) is not (>= 0 and var type))
        {
            throw KernelErrors.Create(
                KernelOperation.UprobeEvent, Errno.ENODEV, "", sys, $"{TypePath} cannot be read: the kernel was built without CONFIG_UPROBE_EVENTS, or sysfs is not mounted at /sys.");
        }

        // "config:0", "config:32-63"
        return Bit(sys.ReadText(ReturnPath)) is { } bit
            ? new UprobePmu((uint)type, bit) { ReferenceCounterBit = Bit(sys.ReadText(ReferenceCounterPath)) }
            : throw KernelErrors.Create(KernelOperation.UprobeEvent, Errno.ENODEV, "", sys, $"{ReturnPath} does not say which bit asks for returns.");
    }

    private static int? Bit(string? format)
    {
        const string prefix = "config:";
        var text = format.AsSpan().Trim();
        if (!text.StartsWith(prefix, StringComparison.Ordinal))
        {
            return null;
        }

        text = text[prefix.Length..];
        var dash = text.IndexOf('-');
        return int.TryParse(dash < 0 ? text : text[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var bit) && bit < 64 ? bit : null;
    }
}
