using StackDepth.Native.Sys;
using StackDepth.Tests.Support;

namespace StackDepth.Core.Tests;

/// <summary>What <see cref="Capabilities"/> makes of a kernel's answers, faked: where it says yes, attaching must work.</summary>
public sealed class CapabilitiesTests
{
    [Fact]
    public void All_capabilities_of_a_user_namespace_are_worth_nothing()
    {
        var capabilities = Capabilities.Detect(new Refusing("         0       1000          1\n"));
        Assert.False(capabilities.CanUProbe);
        Assert.Contains(capabilities.Checks, check => check is { Name: "uprobes by perf events", Available: false } && check.Remedy!.Contains("user namespace", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_no_program_loads_nothing_can_be_probed()
    {
        var capabilities = Capabilities.Detect(new Refusing("         0          0 4294967295\n"));
        Assert.False(capabilities.CanUProbe);
        Assert.Contains(capabilities.Checks, check => check is { Name: "BPF programs", Available: false, Remedy.Length: > 0 });
    }

    [Fact]
    public void What_is_missing_is_named_with_its_remedy()
    {
        var capabilities = Capabilities.Detect(new Refusing("         0          0 4294967295\n"));
        Assert.Equal(ProbeFeature.None, capabilities.Available);
        capabilities.ThrowIfMissing(ProbeFeature.None);
        foreach (var feature in Enum.GetValues<ProbeFeature>().Where(static feature => feature != ProbeFeature.None))
        {
            var error = Assert.Throws<ProbeUnavailableException>(() => capabilities.ThrowIfMissing(feature));
            Assert.StartsWith($"{feature} is not to be had here: BPF programs:", error.Message, StringComparison.Ordinal);
            Assert.NotEmpty(error.Remedy);
        }
    }

    [Fact]
    public void What_is_there_is_said_of_this_machine()
    {
        Requires.Bpf();
        var capabilities = Capabilities.Detect();
        const ProbeFeature Here = ProbeFeature.UProbe | ProbeFeature.Profile | ProbeFeature.ProvedDepths | ProbeFeature.Commands;
        Assert.Equal(Here, capabilities.Available & Here);
        capabilities.ThrowIfMissing(Here);
        // The kernel itself says whether it has kprobes.
        Assert.Equal(File.Exists("/sys/bus/event_source/devices/kprobe/type"), capabilities.CanKProbe);
        Assert.Equal(File.Exists("/sys/kernel/tracing/available_events") || File.Exists("/sys/kernel/debug/tracing/available_events"), capabilities.CanTracepoint);
    }

    /// <summary>A kernel that refuses every bpf(2) to a process with all capabilities.</summary>
    private sealed unsafe class Refusing(string uidMap) : SystemCalls
    {
        internal override long Bpf(BpfCommand command, void* attr, uint size) => -(long)Errno.EPERM;

        internal override string? ReadText(string path) => path == "/proc/self/uid_map" ? uidMap : base.ReadText(path);

        internal override bool FileExists(string path) => path.EndsWith("/uprobe/type", StringComparison.Ordinal) || base.FileExists(path);
    }
}
