using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Core.Tests.Golden;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>The programs that keep the set of followed processes, run in the interpreter on tracepoints' arguments.</summary>
public sealed class FollowerProgramTests
{
    private const int Largest = (4 << 20) - 1; // PID_MAX_LIMIT - 1
    private static readonly TaskOffsets Offsets = new(Tgid: 104, Signal: 160, Live: 12);
    private readonly CompiledRun _run = new(GoldenQueries.Source.Count().Query, GoldenQueries.Target with { Scope = new ProcessScope.Followed() });

    [Fact]
    public void An_exec_makes_the_waiting_command_a_followed_one_and_nobody_waits_any_more()
    {
        Wait(10);
        Exec(10);

        Assert.True(_run.Follows(10));
        Assert.Equal(0, Waiting);
    }

    [Fact]
    public void An_exec_of_anyone_else_changes_nothing()
    {
        Wait(10);
        Exec(11);

        Assert.Equal((false, false, 10), (_run.Follows(10), _run.Follows(11), Waiting));
    }

    [Fact]
    public void A_later_exec_of_the_command_leaves_it_followed()
    {
        Wait(10);
        Exec(10);
        Exec(10);

        Assert.True(_run.Follows(10));
    }

    [Fact]
    public void A_child_of_a_followed_process_is_followed_and_its_children_too()
    {
        _run.Follow(10);
        Fork(parent: 10, child: 11);
        Fork(parent: 11, child: Largest);

        Assert.Equal((true, true, true), (_run.Follows(10), _run.Follows(11), _run.Follows(Largest)));
    }

    [Fact]
    public void A_new_thread_changes_nothing()
    {
        _run.Follow(10);
        var before = Bits();
        Fork(parent: 10, child: 10);

        Assert.Equal(before, Bits());
    }

    [Fact]
    public void A_child_of_the_command_that_still_waits_is_not_followed()
    {
        Wait(10);
        Fork(parent: 10, child: 11);

        Assert.False(_run.Follows(11));
    }

    [Fact]
    public void A_process_stays_until_the_last_of_its_threads_exits()
    {
        _run.Follow(10);
        Exit(10, threadsLeft: 1);
        Assert.True(_run.Follows(10));

        Exit(10, threadsLeft: 0);
        Assert.False(_run.Follows(10));
        Exit(10, threadsLeft: 0);
        Assert.False(_run.Follows(10));
    }

    [Fact]
    public void Each_process_has_a_bit_of_its_own()
    {
        int[] pids = [1, 7, 8, 63, 64, 65, 127, 128, 4_096, 65_535, Largest];
        _run.Follow(2);
        foreach (var pid in pids)
            Fork(parent: 2, child: pid);
        Assert.All(pids, pid => Assert.True(_run.Follows(pid)));
        Assert.Equal(pids.Length + 1, Bits().Sum(static b => byte.PopCount(b)));

        foreach (var pid in pids)
            Exit(pid, threadsLeft: 0);
        Assert.Equal(1, Bits().Sum(static b => byte.PopCount(b)));
    }

    [Fact]
    public void The_probe_counts_the_hits_of_followed_processes_only()
    {
        _run.Follow(64);
        _run.Follow(Largest);
        foreach (var pid in (int[])[1, 63, 64, 65, 128, Largest, Largest - 1, Largest + 1, int.MaxValue])
            _run.Run(new Hit { Pid = pid });

        Assert.Equal(2, _run.Counter(HealthCounter.Hits));
    }

    private int Waiting => BinaryPrimitives.ReadInt32LittleEndian(_run.Machine[MapNames.Waiting].First().Bytes);

    private byte[] Bits() => [.. _run.Machine[MapNames.Followed].First().Bytes];

    private void Wait(int pid) => BinaryPrimitives.WriteInt32LittleEndian(_run.Machine[MapNames.Waiting].First().Bytes, pid);

    private void Exec(int pid) => Run("sched_process_exec", pid);

    private void Fork(int parent, int child) => Run("sched_process_fork", parent, Task(parent, 1), Task(child, 1));

    private void Exit(int pid, int threadsLeft) => Run("sched_process_exit", pid, Task(pid, threadsLeft));

    private ulong Task(int tgid, int live)
    {
        var signal = _run.Machine.Memory.Add("a signal_struct", 200, kernel: true);
        BinaryPrimitives.WriteInt32LittleEndian(signal.Bytes.AsSpan(Offsets.Live), live);
        var task = _run.Machine.Memory.Add("a task_struct", 200, kernel: true);
        BinaryPrimitives.WriteInt32LittleEndian(task.Bytes.AsSpan(Offsets.Tgid), tgid);
        BinaryPrimitives.WriteUInt64LittleEndian(task.Bytes.AsSpan(Offsets.Signal), signal.Address);
        return task.Address;
    }

    private void Run(string tracepoint, int current, params ulong[] arguments)
    {
        var context = _run.Machine.Memory.Add("the tracepoint's arguments", arguments.Length * sizeof(ulong));
        for (var index = 0; index < arguments.Length; index++)
            BinaryPrimitives.WriteUInt64LittleEndian(context.Bytes.AsSpan(index * sizeof(ulong)), arguments[index]);
        var follower = FollowerPrograms.Build(Offsets).Single(program => program.Tracepoint == tracepoint);
        var run = new ProgramRun(_run.Machine, follower.Spec, new Hit { Pid = current, Tid = current }, context);
        while (!run.Ended)
            run.Step();
    }
}
