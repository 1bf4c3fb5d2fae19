using System.Collections.Immutable;
using StackDepth.Live.Tests.Support;
using StackDepth.Native.Btf;
using StackDepth.Native.Features;

namespace StackDepth.Live.Tests.Sources;

/// <summary>Raw tracepoints, and entries and exits of functions of the kernel, by the kernel's own types.</summary>
[Collection(nameof(KernelSide))]
public sealed class TypedProbeTests
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_raw_tracepoint_has_its_arguments_and_what_they_point_to()
    {
        Typed();
        using var printed = new PrintedLines();
        var calls = await Run(
            Probe.RawTracepoint("sys_enter").Where(static s => s.Field<long>("id") == 8 & s.Field<ulong>("regs.dx") > 2).Select(static s => (s.Field<ulong>("regs.di"), s.Field<ulong>("regs.si"), s.Field<ulong>("regs.dx"))), printed);
        Assert.Equal(printed.Of("lseek").Select(static call => ((ulong)call[0], (ulong)call[1], (ulong)call[2])), calls.Result);
        Assert.Equal("typed tracepoint", await AttachedBy(Probe.RawTracepoint("sys_enter").ForProcess(Environment.ProcessId).Count()));
    }

    [Fact]
    public async Task Pointers_are_followed_from_struct_to_struct()
    {
        Typed();
        using var printed = new PrintedLines();
        var parents = await Run(Probe.RawTracepoint("sched_switch").Where(static s => s.Field<int>("prev.pid") == s.Tid).GroupBy(static s => (s.Field<int>("prev.tgid"), s.Field<int>("prev.real_parent.tgid"), s.Field<bool>("prev.mm.def_flags"))).Count(), printed);
        var self = Assert.Single(printed.Of("self"));
        Assert.Equal((((int)self[0]), (int)self[1]), parents.Result.Keys.Select(static key => (key.Item1, key.Item2)).Single());
    }

    [Fact]
    public async Task A_pointer_is_a_number_that_can_be_computed_with()
    {
        Typed();
        using var printed = new PrintedLines();
        var pointers = await Run(Probe.RawTracepoint("sched_switch").Select(static s => (s.Field<ulong>("prev") ^ s.Field<ulong>("prev"), s.Field<ulong>("prev") >> 63, s.Field<long>("prev.mm") != 0)).Take(5), printed);
        Assert.Equal(5, pointers.Result.Length);
        // Addresses of the kernel have their highest bit set.
        Assert.All(pointers.Result, static pointer => Assert.Equal((0UL, 1UL), (pointer.Item1, pointer.Item2)));
    }

    [Fact]
    public async Task A_raw_tracepoint_sees_the_stacks_of_its_thread()
    {
        Typed();
        using var printed = new PrintedLines();
        var deepest = await Run(Probe.RawTracepoint("sys_enter").Where(static s => s.Field<long>("id") == 140).MaxBy(static s => s.UStack.Length), printed);
        Assert.Contains(deepest.Result!.Stack.Frames, static frame => frame.Symbol == "main");
        Assert.Equal(("sys_enter", "[kernel]"), (deepest.Result.Function.Name, deepest.Sites[0].Binary));
        var kernel = await Run(Probe.RawTracepoint("sys_enter").MaxBy(static s => s.KStack.Length), printed);
        Assert.Contains(kernel.Result!.Stack.Frames, static frame => frame.Symbol == "do_syscall_64");
    }

    [Fact]
    public async Task The_entry_and_the_exit_of_a_function_have_its_arguments_and_its_result()
    {
        Traced();
        using var printed = new PrintedLines();
        var entries = await Run(Probe.FEntry("vfs_read").GroupBy(static s => (s.Field<ulong>("file.f_inode.i_ino"), s.Field<ulong>("count"))).Count(), printed);
        foreach (var read in printed.Of("read"))
            Assert.Equal(1, entries.Result[((ulong)read[2], (ulong)read[0])]);
        var exits = await Run(Probe.FExit("vfs_read").GroupBy(static s => (s.Field<ulong>("file.f_inode.i_ino"), s.Field<ulong>("count"), s.ReturnValue)).Count(), printed);
        foreach (var read in printed.Of("read"))
            Assert.Equal(1, exits.Result[((ulong)read[2], (ulong)read[0], read[1])]);
        Assert.Equal("vfs_read", exits.Sites[0].Symbol);
        var errors = await Run(Probe.FExit("__x64_sys_lseek").Where(static s => s.ReturnValue < 0).Select(static s => (s.ReturnValue, s.Field<ulong>("regs.dx"))), printed);
        Assert.Equal(printed.Of("lseek").Select(static call => (-9L, (ulong)call[2])), errors.Result);
    }

    [Fact]
    public async Task An_entry_sees_the_stacks_of_its_thread()
    {
        Traced();
        using var printed = new PrintedLines();
        var deepest = await Run(Probe.FEntry("__x64_sys_getpriority").MaxBy(static s => s.UStack.Length), printed);
        Assert.Contains(deepest.Result!.Stack.Frames, static frame => frame.Symbol == "main");
        Assert.Equal("__x64_sys_getpriority", deepest.Result.Function.Name);
        var kernel = await Run(Probe.FEntry("__x64_sys_getpriority").MaxBy(static s => s.KStack.Length), printed);
        Assert.Contains(kernel.Result!.Stack.Frames, static frame => frame.Symbol == "do_syscall_64");
    }

    [Fact]
    public void Misuse_says_what_to_write()
    {
        Typed();
        var switches = Probe.RawTracepoint("sched_switch");
        Assert.Contains("Did you mean 'prev'", Refused(switches.Select(static s => s.Field<int>("prevv"))), StringComparison.Ordinal);
        Assert.Contains("It has preempt, prev, next, prev_state", Refused(switches.Select(static s => s.Field<int>("nothing_near"))), StringComparison.Ordinal);
        Assert.Contains("prev (struct task_struct *) has no \"pidd\". Did you mean 'pid'", Refused(switches.Select(static s => s.Field<int>("prev.pidd"))), StringComparison.Ordinal);
        Assert.Contains("Write Field<int>(\"prev.pid\")", Refused(switches.Select(static s => s.Field<uint>("prev.pid"))), StringComparison.Ordinal);
        Assert.Contains("Write Field<ulong>(\"prev\")", Refused(switches.Select(static s => s.Field<int>("prev"))), StringComparison.Ordinal);
        Assert.Contains("Name a member of it, such as \"prev.se.load\"", Refused(switches.Select(static s => s.Field<int>("prev.se"))), StringComparison.Ordinal);
        Assert.Contains("whose members cannot be followed", Refused(switches.Select(static s => s.Field<int>("prev.pid.x"))), StringComparison.Ordinal);
        Assert.Contains("and no number", Refused(switches.Select(static s => s.Field<int>("prev.comm"))), StringComparison.Ordinal);
        Assert.Contains("returns nothing (void)", Refused(Probe.FExit("schedule").Select(static s => s.ReturnValue)), StringComparison.Ordinal);
        Assert.Contains("use Probe.KProbe, which takes a glob", Refused(Probe.FEntry("vfs_*").Count()), StringComparison.Ordinal);
        var unknown = Assert.Throws<ProbeTargetNotFoundException>(() => Probe.RawTracepoint("sched_swich").Count().Explain());
        Assert.Contains("sched_switch", unknown.Suggestions);
    }

    [Fact]
    public async Task A_kernel_that_forbids_the_patching_of_functions_is_told_from_a_lack_of_privilege()
    {
        Typed();
        if (FeatureProbes.Shared.Ask(KernelFeatures.Fentry) == FeatureAnswer.Present)
            Assert.Skip("This machine's kernel takes fentry.");
        var error = await Assert.ThrowsAsync<ProbeUnavailableException>(async () => await Probe.FEntry("vfs_read").Count().AttachAsync(Quiet, Cancellation));
        Assert.Contains("use a tracepoint or a kprobe", $"{error.Message} {error.Remedy}", StringComparison.Ordinal);
    }

    private static void Typed()
    {
        Requires.Bpf();
        Requires.That(File.Exists(VmlinuxBtf.DefaultPath), "the description of the kernel's types");
    }

    private static void Traced()
    {
        Typed();
        Requires.KernelHas(FeatureProbes.Shared.Ask(KernelFeatures.Fentry) == FeatureAnswer.Present, "fentry", 5, 5);
    }

    private static string Refused<T>(ProbeQuery<T> query) => Assert.Throws<ProbeQueryException>(() => query.Explain()).Message;

    private static string Refused<T>(ProbeStream<T> stream) => Assert.Throws<ProbeQueryException>(() => stream.Explain()).Message;

    private static async Task<string> AttachedBy<T>(ProbeQuery<T> query)
    {
        await using var session = await query.AttachAsync(Quiet, Cancellation);
        return session.AttachedBy;
    }

    private static async Task<ProbeRun<T>> Run<T>(ProbeQuery<T> query, PrintedLines printed)
    {
        var run = await query.RunAsync(new(CTarget.Of("fields.c", "fields", ["-O1", "-g"]), [printed.Path]), Quiet, Cancellation);
        Assert.Equal((0, 0), (run.ExitCode, run.Health.Missed + run.Health.Dropped));
        return run;
    }

    private static async Task<ProbeRun<ImmutableArray<T>>> Run<T>(ProbeStream<T> stream, PrintedLines printed)
    {
        var run = await stream.RunAsync(new(CTarget.Of("fields.c", "fields", ["-O1", "-g"]), [printed.Path]), Quiet, Cancellation);
        Assert.Equal((0, 0), (run.ExitCode, run.Health.Missed + run.Health.Dropped));
        return run;
    }
}
