using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Support;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Native.Tests.Tracepoints;

[Collection(FdLeakCheck.Alone)]
public sealed class TracepointLiveTests
{
    private static readonly SystemCalls Sys = SystemCalls.Real;
    private static readonly MapSpec Hits = new("hits", MapType.PerCpuArray, 4, 8, 1);

    [Fact]
    public void Every_tracepoint_of_this_kernel_has_a_description_that_is_understood()
    {
        using var mounted = new MountedTracefs();
        var all = TracepointResolver.Resolve(mounted.Tracefs, "*", "*", most: 100_000);
        Assert.True(all.Length > 100);
        Assert.Equal(all.Length, all.Select(static tracepoint => tracepoint.Id).Distinct().Count());
        Assert.All(all, static tracepoint => Assert.Equal(
            [("common_type", 0, 2), ("common_flags", 2, 1), ("common_preempt_count", 3, 1), ("common_pid", 4, 4)],
            tracepoint.Fields.Take(4).Select(static field => (field.Name, field.Offset, field.Size))));

        // No field begins within another.
        Assert.All(all, static tracepoint => Assert.All(
            tracepoint.Fields.Zip(tracepoint.Fields.Skip(1)), pair => Assert.True(pair.First.Offset + pair.First.Size <= pair.Second.Offset, $"{tracepoint.Name}: {pair}")));
    }

    [Fact]
    public void System_calls_are_counted_exactly_at_their_tracepoints_each_by_its_cookie()
    {
        using var mounted = new MountedTracefs();
        Requires.That(mounted.Tracefs.TryRead("syscalls", "sys_enter_getppid") is not null, "tracepoints of system calls (CONFIG_FTRACE_SYSCALLS)");
        using var target = new SwitchingTarget();
        using var counts = new ThreadCounts(ProgramType.TracePoint);
        var tracepoints = TracepointResolver.Resolve(mounted.Tracefs, "syscalls", "sys_*_getppid");
        Assert.Equal(2, tracepoints.Length);
        using (var links = TracepointLinks.Attach(counts.Program, tracepoints, [11, 12], Sys))
        {
            Assert.Equal(("tracepoint", 2), (links.Kind, links.SiteCount));
            target.Call(1000);
        }

        target.Call(50);
        var mine = counts.Read().Where(row => row.Key.Process == target.Pid).ToDictionary(static row => row.Key.Cookie, static row => row.Value);
        Assert.Equal(new Dictionary<ulong, ulong> { [11] = 1000, [12] = 1000 }, mine);
    }

    [Fact]
    public void A_field_of_a_tracepoint_is_where_its_description_says()
    {
        using var mounted = new MountedTracefs();
        var tracepoint = Assert.Single(TracepointResolver.Resolve(mounted.Tracefs, "sched", "sched_switch"));
        var field = tracepoint.Field("prev_pid")!;
        CountsSwitches(
            pid => Program(ProgramType.TracePoint, AttachType.None, 0, pid, code => code.Load(MemorySize.W, Register.R0, Register.R1, field.Offset)),
            program => TracepointLinks.Attach(program, [tracepoint], [], Sys));
    }

    [Fact]
    public void An_argument_of_a_typed_tracepoint_is_known_by_its_name_and_its_struct_can_be_read()
    {
        Requires.Bpf();
        var btf = VmlinuxBtf.TryRead();
        Requires.That(btf is not null, "BTF of the kernel");
        var tracepoint = TypedTracepoint.Find(btf!, "sched_switch");
        Assert.Equal("struct task_struct *", tracepoint.Parameters[tracepoint.OffsetOf("prev")!.Value / 8].Type);
        Assert.True(btf!.TryGetFieldOffset("task_struct", "pid", out var pidAt));
        CountsSwitches(
            pid => Program(ProgramType.Tracing, AttachType.TraceRawTp, tracepoint.Id, pid, code =>
            {
                code.Load(MemorySize.DW, Register.R0, Register.R1, tracepoint.OffsetOf("prev")!.Value);
                code.Load(MemorySize.W, Register.R0, Register.R0, pidAt);
            }),
            program => RawTracepointLink.AttachTyped(program, "sched_switch", Sys));
    }

    [Fact]
    public void Typed_arguments_have_names_types_sizes_and_signs()
    {
        var btf = VmlinuxBtf.TryRead();
        Requires.That(btf is not null, "BTF of the kernel");
        Assert.Equal(
            [("regs", "struct pt_regs *", 8, KernelValueKind.Pointer), ("id", "long int", 8, KernelValueKind.Signed)],
            TypedTracepoint.Find(btf!, "sys_enter").Parameters.Select(static p => (p.Name, p.Type, p.Size, p.Kind)));
        var names = btf!.TracepointNames().ToList();
        Assert.Contains("sched_process_fork", names);
        Assert.All(names.Take(200), name => Assert.All(TypedTracepoint.Find(btf, name).Parameters, parameter => Assert.NotEqual("", parameter.Name)));
    }

    [Fact]
    public void An_unknown_name_has_near_names()
    {
        using var mounted = new MountedTracefs();
        string Fails(string group, string name) => Assert.Throws<TargetNotFoundException>(() => TracepointResolver.Resolve(mounted.Tracefs, group, name)).Message;
        Assert.Contains("Did you mean 'sched:sched_switch'?", Fails("sched", "sched_swich"), StringComparison.Ordinal);
        Assert.Contains("Did you mean 'sched:sched_switch'?", Fails("task", "sched_switch"), StringComparison.Ordinal);
        Assert.Contains("no tracepoint 'ftrace:function'", Fails("ftrace", "function"), StringComparison.Ordinal);
        Assert.Contains("no tracepoint '../events/sched", Fails("../events/sched", "sched_switch"), StringComparison.Ordinal);
        Assert.Throws<TargetException>(() => TracepointResolver.Resolve(mounted.Tracefs, "*", "*", most: 10));
        Assert.Throws<TargetException>(() => TracepointResolver.Resolve(mounted.Tracefs, "", "sched_switch"));

        var btf = VmlinuxBtf.TryRead();
        Requires.That(btf is not null, "BTF of the kernel");
        Assert.Contains("Did you mean 'sched_switch'", Assert.Throws<TargetNotFoundException>(() => TypedTracepoint.Find(btf!, "sched_swich")).Message, StringComparison.Ordinal);
        Assert.Contains("Did you mean 'sched_switch'?", Assert.Throws<TargetNotFoundException>(() => TypedTracepoint.Find(btf!, "sched:sched_switch")).Message, StringComparison.Ordinal);
        using var counts = new ThreadCounts(ProgramType.RawTracePoint, byCookie: false);
        Assert.Contains("'sched_switch'", Assert.Throws<KernelException>(() => RawTracepointLink.Attach(counts.Program, "sched_swich", Sys)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_tracefs_is_not_mounted_the_error_says_how_to()
    {
        var error = Assert.Throws<TargetException>(() => Tracefs.Find(Sys, ["/nowhere", "/tmp"]));
        Assert.Contains("mount -t tracefs tracefs /sys/kernel/tracing", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_that_reads_beyond_the_record_is_refused_and_nothing_stays_open()
    {
        using var mounted = new MountedTracefs();
        var tracepoint = Assert.Single(TracepointResolver.Resolve(mounted.Tracefs, "sched", "sched_switch"));
        using var hits = BpfMap.Create(Hits, Sys);
        using var program = BpfProgram.Load(
            Program(ProgramType.TracePoint, AttachType.None, 0, 1, static code => code.Load(MemorySize.W, Register.R0, Register.R1, 2000)),
            new Dictionary<string, BpfMap> { [Hits.Name] = hits }, Sys);
        using var leaks = new FdLeakCheck();
        var error = Assert.Throws<KernelException>(() => TracepointLinks.Attach(program, [tracepoint], [], Sys));
        Assert.Equal(Errno.EACCES, error.Errno);
        Assert.Contains("reads beyond the tracepoint's record", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => TracepointLinks.Attach(program, [tracepoint, tracepoint], [], Sys));
    }

    /// <summary>A program at sched_switch counts as often as the kernel says that the target has left its CPU.</summary>
    private static void CountsSwitches(Func<int, ProgramSpec> build, Func<BpfProgram, ProbeLink> attach)
    {
        using var target = new SwitchingTarget();
        using var hits = BpfMap.Create(Hits, Sys);
        target.Sleep(1);
        using var program = BpfProgram.Load(build(target.Pid), new Dictionary<string, BpfMap> { [Hits.Name] = hits }, Sys);
        long before, after;
        using (attach(program))
        {
            before = target.Switches() - hits.SumPerCpu<long>(0);
            target.Sleep(300);
            after = target.Switches() - hits.SumPerCpu<long>(0);
        }

        Assert.Equal(before, after);
        // A sleep whose time is over before the thread leaves its CPU, in a slow guest, is no switch.
        Assert.InRange(hits.SumPerCpu<long>(0), 250, long.MaxValue);
        var counted = hits.SumPerCpu<long>(0);
        target.Sleep(20);
        Assert.Equal(counted, hits.SumPerCpu<long>(0));
    }

    private static ProgramSpec Program(ProgramType type, AttachType attachType, int attachFunction, int pid, Action<Assembler> loadPid)
    {
        var code = new Assembler();
        var exit = code.CreateLabel("exit");
        loadPid(code);
        code.Jump32If(JumpOp.JNE, Register.R0, pid, exit);
        code.Store(MemorySize.W, Register.R10, -4, 0);
        code.LookUp(Hits.Name, -4, exit);
        code.Mov(Register.R1, 1);
        code.AtomicAdd(MemorySize.DW, Register.R0, 0, Register.R1);
        code.Place(exit);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "switches", Type = type, ExpectedAttachType = attachType, AttachFunction = attachFunction, Instructions = code.Assemble().Instructions };
    }
}
