using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Features;

namespace StackDepth.Live.Tests.Sources;

/// <summary>
/// Not beside other tests: where interrupts are off the kernel looks up one mapping, and all look-ups on that CPU are busy until its next interrupt.
/// </summary>
[CollectionDefinition(nameof(KernelSide), DisableParallelization = true)]
public sealed class KernelSide;

/// <summary>Stacks at probes of the kernel: the user's are those with which the thread entered it, and as libgcc's unwinder finds them in the target itself.</summary>
[Collection(nameof(KernelSide))]
public sealed class KernelSideTests(TracefsMount tracefs) : IClassFixture<TracefsMount>
{
    private const int SystemCalls = 100;
    private const int Pages = 300;

    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<int, StackWalk> Depths => new(
        from depth in (int[])[0, 10, 500]
        from walk in (StackWalk[])[StackWalk.Auto, StackWalk.Unwind]
        select (depth, walk));

    [Theory]
    [MemberData(nameof(Depths))]
    public async Task A_tracepoint_sees_the_stack_that_made_the_system_call(int depth, StackWalk walk)
    {
        Assert.NotNull(tracefs);
        var (run, callers) = await Run(Probe.Tracepoint("syscalls", "sys_enter_getppid").MaxBy(static s => s.UStack.Length), depth, 's', walk);
        Assert.Equal((SystemCalls, true), (run.Health.Hits, run.Health.IsExact));
        Assert.Equal(callers.Length + 1, run.Result!.Value);
        AssertSame(callers, run.Result.Stack);
        Assert.Equal("syscalls:sys_enter_getppid", run.Result.Function.Name);
    }

    [Fact]
    public async Task A_tracepoint_sees_the_kernels_stack_and_tells_processes_apart()
    {
        var source = Probe.Tracepoint("syscalls", "sys_e*_getppid");
        var (run, _) = await Run(source.MaxBy(static s => s.KStack.Length), 5, 's', StackWalk.Auto);
        Assert.Equal(2 * SystemCalls, run.Health.Hits);
        // Older kernels tell a program at these tracepoints of the process's registers only, and know no frame of the kernel: never a depth, each counted.
        if (KernelProfile.Detect(Native.Sys.SystemCalls.Real).Release < new Version(6, 12))
            Assert.Equal((null, 2 * SystemCalls), (run.Result, run.Health.StackErrors));
        else
            Assert.Contains(run.Result!.Stack.Frames, static frame => frame is { Symbol: "do_syscall_64", Module: "[kernel]" });
        var (groups, _) = await Run(source.GroupBy(static s => s.Function).Count(), 5, 's', StackWalk.Auto);
        Assert.Equal([("syscalls:sys_enter_getppid", SystemCalls), ("syscalls:sys_exit_getppid", SystemCalls)], groups.Result.Select(static group => (group.Key.Name, group.Value)).Order());
        await using var other = await source.ForProcess(Environment.ProcessId).Count().AttachAsync(Quiet, Cancellation);
        await Run(source.Count(), 5, 's', StackWalk.Auto);
        Assert.Equal(0, await other.StopAsync(Cancellation));
    }

    [Fact]
    public async Task Page_faults_are_hits_where_they_happen()
    {
        MappingsAreKept();
        var (run, callers) = await Run(Probe.SoftwareEvent("page-faults").Where(static s => s.UStack.IsComplete).MaxBy(static s => s.UStack.Length), 300, 'p', StackWalk.Auto);
        Assert.True(run.Health.Hits >= Pages, $"{run.Health.Hits} page faults");
        AssertSame(callers, run.Result!.Stack);
    }

    [Fact]
    public async Task A_profile_samples_what_runs()
    {
        MappingsAreKept();
        var (run, callers) = await Run(Probe.Profile(997).Where(static s => s.UStack.IsComplete).MaxBy(static s => s.UStack.Length), 50, 'x', StackWalk.Auto);
        AssertSame(callers, run.Result!.Stack);
        Assert.Equal(run.Result.Value, run.Result.Stack.Length);
    }

    [Fact]
    public async Task A_profile_of_all_processes_sees_each_stack_or_counts_its_failure()
    {
        await using var session = await Probe.Profile(199).Select(static s => s.KStack.Length).Summary().AttachAsync(Quiet, Cancellation);
        await Eventually.True(() => session.Health.Hits >= 50, "50 samples");
        var summary = await session.StopAsync(Cancellation);
        Assert.Equal(session.Health.Hits, summary.Count + session.Health.StackErrors + session.Health.Missed);
    }

    /// <summary>
    /// Before 6.4 (mm_lock_seq) a walk cannot tell whether a mapping that it knows is still there, and asks at each hit, which the kernel mostly refuses where a sample or a fault interrupted it: the stacks are
    /// Broken by MappingBusy.
    /// </summary>
    private static void MappingsAreKept() => Requires.Linux(6, 4);

    [Theory]
    [InlineData(10)]
    [InlineData(500)]
    public async Task A_kernel_function_sees_both_stacks(int depth)
    {
        Requires.KernelHas(File.Exists("/sys/bus/event_source/devices/kprobe/type"), "kprobes (CONFIG_KPROBE_EVENTS)", 6, 1);
        var (run, callers) = await Run(Probe.KProbe("__x64_sys_getppid").MaxBy(static s => s.UStack.Length), depth, 's', StackWalk.Auto);
        Assert.Equal((SystemCalls, callers.Length + 1), (run.Health.Hits, run.Result!.Value));
        AssertSame(callers, run.Result.Stack);
        var (kernel, _) = await Run(Probe.KProbe("__x64_sys_getppid").MaxBy(static s => s.KStack.Length), depth, 's', StackWalk.Auto);
        Assert.Equal("__x64_sys_getppid", kernel.Result!.Stack.Frames[0].Symbol);
        Assert.Contains(kernel.Result.Stack.Frames, static frame => frame.Symbol == "do_syscall_64");
    }

    [Fact]
    public async Task What_is_not_there_is_refused_with_near_names()
    {
        var tracepoint = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(async () => await Probe.Tracepoint("sched", "sched_swich").Count().AttachAsync(Quiet, Cancellation));
        Assert.Contains("sched_switch", string.Join(' ', tracepoint.Suggestions), StringComparison.Ordinal);
        var function = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(async () => await Probe.KProbe("vfs_raed").Count().AttachAsync(Quiet, Cancellation));
        Assert.Contains("vfs_read", function.Suggestions);
        await Assert.ThrowsAnyAsync<Exception>(async () => await Probe.SoftwareEvent("page-fault").Count().AttachAsync(Quiet, Cancellation));
    }

    private static async Task<(ProbeRun<T> Run, ulong[] Callers)> Run<T>(ProbeQuery<T> query, int depth, char task, StackWalk walk)
    {
        var output = Path.GetTempFileName();
        // No shell: it would make system calls of its own, and the rows of what it starts are not there at once.
        var run = await query.RunAsync(
            new(CTarget.Of("deepest.c", "deepest-nofp", Flags), ["enter", depth.ToString(CultureInfo.InvariantCulture), task.ToString(), output]), Quiet with { Walk = walk }, Cancellation);
        var fields = Assert.Single(File.ReadAllLines(output)).Split(' ');
        File.Delete(output);
        return (run, [.. fields.Skip(2).Select(static field => ulong.Parse(field, NumberStyles.HexNumber, CultureInfo.InvariantCulture))]);
    }

    private static readonly string[] Flags = ["-O2", "-g", "-fno-optimize-sibling-calls", "-fasynchronous-unwind-tables", "-pthread", "-fomit-frame-pointer"];

    /// <summary>The stack goes through leaf(), whose callers the target has reported; what leaf() itself has called comes before.</summary>
    private static void AssertSame(ulong[] callers, CallStack stack)
    {
        Assert.Equal(StackReason.None, stack.Reason);
        var leaf = 0;
        while (leaf < stack.Frames.Length && stack.Frames[leaf].Symbol != "leaf")
            leaf++;
        Assert.Equal(callers, stack.Frames.Skip(leaf + 1).Select(static frame => frame.Address));
    }
}
