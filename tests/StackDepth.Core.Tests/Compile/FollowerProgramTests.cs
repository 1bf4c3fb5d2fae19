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
    private const int PidOffset = 100;
    private const int TgidOffset = 104;
    private readonly CompiledRun _run = new(GoldenQueries.Source.Count().Query, GoldenQueries.Target with { Scope = new ProcessScope.Followed() });

    [Fact]
    public void An_exec_makes_a_waiting_command_an_observed_one()
    {
        _run.Follow(10, 0);
        Exec(10);

        Assert.Equal(1, State(10));
    }

    [Fact]
    public void An_exec_of_anyone_else_changes_nothing()
    {
        _run.Follow(10, 0);
        Exec(11);

        Assert.Equal((0, null), (State(10), State(11)));
    }

    [Fact]
    public void A_child_of_an_observed_process_is_observed()
    {
        _run.Follow(10, 1);
        Fork(parent: 10, childPid: 11, childTgid: 11);
        Fork(parent: 11, childPid: 12, childTgid: 12);

        Assert.Equal((1, 1, 1), (State(10), State(11), State(12)));
    }

    [Fact]
    public void A_new_thread_is_no_new_process()
    {
        _run.Follow(10, 1);
        Fork(parent: 10, childPid: 11, childTgid: 10);

        Assert.Null(State(11));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(null)]
    public void A_child_of_a_process_that_is_not_observed_yet_is_not_observed(int? state)
    {
        if (state is { } known)
            _run.Follow(10, known);
        Fork(parent: 10, childPid: 11, childTgid: 11);

        Assert.Null(State(11));
    }

    [Fact]
    public void A_child_that_finds_the_map_full_is_counted_as_missed()
    {
        var map = _run.Machine[MapNames.Followed];
        for (var pid = 1; pid <= map.Spec.MaxEntries; pid++)
            _run.Follow(pid, 1);
        Fork(parent: 10, childPid: 99_999, childTgid: 99_999);

        Assert.Null(State(99_999));
        Assert.Equal(1, _run.Counter(HealthCounter.Busy));
    }

    [Fact]
    public void The_last_of_a_process_takes_it_out_and_its_threads_do_not()
    {
        _run.Follow(10, 1);
        Free(pid: 11, tgid: 10);
        Assert.Equal(1, State(10));

        Free(pid: 10, tgid: 10);
        Assert.Null(State(10));
        Free(pid: 10, tgid: 10);
        Assert.Null(State(10));
    }

    private int? State(int pid) => _run.Machine[MapNames.Followed].Lookup(BitConverter.GetBytes(pid), 0) is { } value ? BinaryPrimitives.ReadInt32LittleEndian(value.Bytes) : null;

    private void Exec(int pid) => Run("sched_process_exec", pid);

    private void Fork(int parent, int childPid, int childTgid) => Run("sched_process_fork", parent, Task(parent, parent), Task(childPid, childTgid));

    private void Free(int pid, int tgid) => Run("sched_process_free", current: 1, Task(pid, tgid));

    private ulong Task(int pid, int tgid)
    {
        var task = _run.Machine.Memory.Add("a task", 200);
        BinaryPrimitives.WriteInt32LittleEndian(task.Bytes.AsSpan(PidOffset), pid);
        BinaryPrimitives.WriteInt32LittleEndian(task.Bytes.AsSpan(TgidOffset), tgid);
        return task.Address;
    }

    private void Run(string tracepoint, int current, params ulong[] arguments)
    {
        var context = _run.Machine.Memory.Add("the tracepoint's arguments", arguments.Length * sizeof(ulong));
        for (var index = 0; index < arguments.Length; index++)
            BinaryPrimitives.WriteUInt64LittleEndian(context.Bytes.AsSpan(index * sizeof(ulong)), arguments[index]);
        var follower = FollowerPrograms.Build(PidOffset, TgidOffset).Single(program => program.Tracepoint == tracepoint);
        var run = new ProgramRun(_run.Machine, follower.Spec, new Hit { Pid = current, Tid = current }, context);
        while (!run.Ended)
            run.Step();
    }
}
