using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Sources;

/// <summary>Returns of functions of the kernel, which tests/kernels/suite.sh has in guests.</summary>
[Collection(nameof(KernelSide))]
public sealed class KernelReturnTests
{
    private const string Function = "__x64_sys_getppid";

    private const int Calls = 50;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Program => CTarget.Of("returns.c", "returns", ["-O1", "-g", "-fno-optimize-sibling-calls", "-pthread"]);

    [Fact]
    public async Task The_result_is_what_the_system_call_answered()
    {
        RequireKprobes(6, 1);
        using var target = new LiveTarget(Program);
        await using var session = await Probe.KRetProbe(Function).ForProcess(target.Pid).GroupBy(static s => (s.ReturnValue, s.Function)).Count().AttachAsync(cancellationToken: Cancellation);
        var parent = long.Parse(target.Ask($"parent {Calls - 1}")[1], CultureInfo.InvariantCulture);
        var results = await session.StopAsync(Cancellation);

        Assert.Equal((parent, Function, (long)Calls), Assert.Single(results.Select(static result => (result.Key.Item1, result.Key.Item2.Name, result.Value))));
        Assert.Equal((Calls, 0), (session.Health.Hits, session.Health.Missed));
    }

    [Fact]
    public async Task The_stacks_are_those_of_the_caller()
    {
        RequireKprobes(6, 1);
        var run = await Probe.KRetProbe(Function).MaxBy(static s => s.KStack.Length).RunAsync(new(Program, [$"parent {Calls}"]), new() { CommandOutput = CommandOutput.Discard }, Cancellation);
        var names = run.Result!.Stack.Frames.Select(static frame => frame.Symbol).ToArray();
        Assert.DoesNotContain(Function, names);
        Assert.Contains("do_syscall_64", names);

        var user = await Probe.KRetProbe(Function).MaxBy(static s => s.UStack.Length).RunAsync(new(Program, [$"parent {Calls}"]), new() { CommandOutput = CommandOutput.Discard }, Cancellation);
        Assert.Equal(StackReason.None, user.Result!.Stack.Reason);
        Assert.Contains("main", user.Result.Stack.Frames.Select(static frame => frame.Symbol));
    }

    [Fact]
    public async Task The_time_is_part_of_the_targets()
    {
        RequireKprobes(6, 10);
        using var target = new LiveTarget(Program);
        await using var session = await Probe.KRetProbe(Function).ForProcess(target.Pid).Select(static s => s.Elapsed).Summary().AttachAsync(cancellationToken: Cancellation);
        var whole = long.Parse(target.Ask($"parent {Calls}")[0], CultureInfo.InvariantCulture);
        var times = await session.StopAsync(Cancellation);

        Assert.Equal(Calls + 1, times.Count);
        Assert.InRange(times.Min!.Value, 1, whole);
    }

    private static void RequireKprobes(int major, int minor)
    {
        Requires.KernelHas(File.Exists("/sys/bus/event_source/devices/kprobe/type"), "kprobes (CONFIG_KPROBE_EVENTS)", 6, 1);
        if (minor > 1)
            Requires.Linux(major, minor);
    }
}
