using System.Globalization;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// The PMU of kprobes or of uprobes as sysfs describes it. Types of PMUs are handed out at boot in no fixed order: a guessed one opens an event of something else.
/// </summary>
/// <param name="Type">perf_event_attr.type.</param>
/// <param name="ReturnBit">The bit of perf_event_attr.config that asks for the return.</param>
internal readonly record struct ProbePmu(uint Type, int ReturnBit)
{
    internal const string KprobeTypePath = Devices + "kprobe/type";
    internal const string KprobeReturnPath = Devices + "kprobe/format/retprobe";
    internal const string UprobeTypePath = Devices + "uprobe/type";

    private const string UprobeReturnPath = Devices + "uprobe/format/retprobe";
    private const string ReferenceCounterPath = Devices + "uprobe/format/ref_ctr_offset";
    private const string Devices = "/sys/bus/event_source/devices/";

    /// <summary>The lowest of the 32 bits of perf_event_attr.config that take the file offset of a uprobe's reference counter (Linux 4.20); null where there are none.</summary>
    internal int? ReferenceCounterBit { get; init; }

    /// <exception cref="KernelException">The kernel has no such PMU, or sysfs is not mounted.</exception>
    internal static ProbePmu OfKprobes(SystemCalls sys) =>
        Read(KprobeTypePath, KprobeReturnPath, KernelOperation.KprobeEvent, "CONFIG_KPROBE_EVENTS, or sysfs is not mounted at /sys. A tracepoint or fentry may do instead.", sys);

    /// <exception cref="KernelException">The kernel has no such PMU, or sysfs is not mounted.</exception>
    internal static ProbePmu OfUprobes(SystemCalls sys) =>
        Read(UprobeTypePath, UprobeReturnPath, KernelOperation.UprobeEvent, "CONFIG_UPROBE_EVENTS, or sysfs is not mounted at /sys.", sys) with
        {
            ReferenceCounterBit = Bit(sys.ReadText(ReferenceCounterPath)),
        };

    private static ProbePmu Read(string typePath, string returnPath, KernelOperation operation, string without, SystemCalls sys)
    {
        if (ProcText.Number(sys.ReadText(typePath)) is not (>= 0 and var type))
        {
            throw KernelErrors.Create(operation, Errno.ENODEV, "", sys, $"{typePath} cannot be read: the kernel was built without {without}");
        }

        return Bit(sys.ReadText(returnPath)) is { } bit
            ? new ProbePmu((uint)type, bit)
            : throw KernelErrors.Create(operation, Errno.ENODEV, "", sys, $"{returnPath} does not say which bit asks for returns.");
    }

    /// <summary>The first bit of a field of the config, such as "config:0" or "config:32-63".</summary>
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
