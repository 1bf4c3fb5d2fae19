using System.Diagnostics;
using System.Globalization;
using StackDepth.Native.Features;

namespace StackDepth.Live.Tests.Pairs;

/// <summary><c>kprobe:FUNCTION { @ = len(kstack) }</c>, by bpftrace and by us, in the same guest.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class KernelPairTests(TracefsMount tracefs, ITestOutputHelper output) : IClassFixture<TracefsMount>
{
    private const string Command = "/bin/cat", Argument = "/proc/filesystems";

    private static AttachOptions Quiet { get; } = new() { CommandOutput = CommandOutput.Discard };

    [Theory]
    [InlineData("seq_read_iter")]
    [InlineData("vfs_read")]
    public async Task The_last_and_the_greatest_depth_of_a_kernel_function_are_bpftraces(string function)
    {
        Assert.NotNull(tracefs);
        Requires.Bpf();
        Requires.KernelHas(FeatureProbes.Shared.Ask(KernelFeatures.PerfEventKprobe) == FeatureAnswer.Present, "kprobes (CONFIG_KPROBE_EVENTS)", 4, 17);
        var root = PairPeer.Find();
        // A command's own hits, as ours are; cpid is the command of -c.
        var theirs = await PairPeer.Ask(root, $"kprobe:{function} /pid == cpid/ {{ @ = len(kstack) }}", $"{Command} {Argument}");
        var greatest = await PairPeer.Ask(root, $"kprobe:{function} /pid == cpid/ {{ @ = max(len(kstack)) }}", $"{Command} {Argument}");

        var last = await Probe.KProbe(function).Select(s => s.KStack.Length).Last().RunAsync(new ProcessStartInfo(Command, [Argument]), Quiet, TestContext.Current.CancellationToken);
        var max = await Probe.KProbe(function).Select(s => s.KStack.Length).Max().RunAsync(new ProcessStartInfo(Command, [Argument]), Quiet, TestContext.Current.CancellationToken);

        output.WriteLine($"kprobe:{function}: bpftrace {theirs} and at most {greatest}, StackDepth {last.Result} and at most {max.Result}");
        Assert.Equal((theirs, greatest), (Text(last.Result), Text(max.Result)));
        Assert.True(last.Health.Hits > 0 && last.Health.IsExact && max.Health.IsExact, last.Health.ToString());
        Assert.True(last.Result > 3);
    }

    private static string Text(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "nothing";
}
