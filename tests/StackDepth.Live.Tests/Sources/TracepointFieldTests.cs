using System.Collections.Immutable;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Sources;

/// <summary>Fields of tracepoints, against the arguments that the target says it gave the kernel.</summary>
[Collection(nameof(KernelSide))]
public sealed class TracepointFieldTests(TracefsMount tracefs) : IClassFixture<TracefsMount>
{
    private static readonly AttachOptions Quiet = new() { CommandOutput = CommandOutput.Discard };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ProbeSource<TypedContext> Call(string name) => Probe.Tracepoint("syscalls", $"sys_enter_{name}");

    [Fact]
    public async Task Arguments_of_system_calls_are_those_that_the_system_call_looks_at()
    {
        Assert.NotNull(tracefs);
        using var printed = new PrintedLines();
        var priorities = await Run(Call("getpriority").Select(static s => (s.Field<int>("which"), s.Field<int>("who"))), printed);
        Assert.Equal(printed.Of("getpriority").Select(static call => ((int)call[0], (int)call[1])), priorities.Result);
        var seeks = await Run(Call("lseek").Where(static s => s.Field<uint>("whence") > 2).Select(static s => (s.Field<uint>("fd"), s.Field<long>("offset"), s.Field<uint>("whence"))), printed);
        Assert.Equal(printed.Of("lseek").Select(static call => ((uint)call[0], call[1], (uint)call[2])), seeks.Result);
        var modes = await Run(Call("fchmod").Select(static s => (s.Field<uint>("fd"), s.Field<int>("mode"), s.Field<long>("mode") << 32)), printed);
        Assert.Equal(printed.Of("fchmod").Select(static call => ((uint)call[0], (int)(ushort)call[1], (long)(ushort)call[1] << 32)), modes.Result);
    }

    [Fact]
    public async Task What_a_system_call_returns_is_a_field_and_groups_and_aggregates_take_fields()
    {
        using var printed = new PrintedLines();
        var errors = await Run(Probe.Tracepoint("syscalls", "sys_exit_lseek").Where(static s => s.Field<long>("ret") == -9).Count(), printed);
        Assert.Equal(printed.Of("lseek").Length, errors.Result); // EBADF
        var groups = await Run(Call("getpriority").GroupBy(static s => s.Field<int>("which")).Max(static s => s.Field<int>("who")), printed);
        Assert.Equal(printed.Of("getpriority").Select(static call => KeyValuePair.Create((int)call[0], (int?)call[1])).OrderBy(static pair => pair.Key), groups.Result.Select(static pair => KeyValuePair.Create(pair.Key, (int?)pair.Value)).OrderBy(static pair => pair.Key));
    }

    [Fact]
    public async Task An_element_of_an_array_is_named_by_its_index()
    {
        using var printed = new PrintedLines();
        var raw = await Run(
            Probe.Tracepoint("raw_syscalls", "sys_enter").Where(static s => s.Field<long>("id") == 8 & s.Field<ulong>("args[2]") > 2).Select(static s => (s.Field<ulong>("args[0]"), s.Field<ulong>("args[1]"), s.Field<ulong>("args[2]"))), printed);
        Assert.Equal(printed.Of("lseek").Select(static call => ((ulong)call[0], (ulong)call[1], (ulong)call[2])), raw.Result);
    }

    [Fact]
    public async Task The_thread_that_is_switched_from_is_the_one_that_hits()
    {
        using var printed = new PrintedLines();
        var switches = await Run(Probe.Tracepoint("sched", "sched_switch").GroupBy(static s => s.Field<int>("prev_pid") == s.Tid).Count(), printed);
        var only = Assert.Single(switches.Result);
        Assert.True(only.Key);
        Assert.True(only.Value >= 20, $"{only.Value} switches");
    }

    [Fact]
    public async Task Several_tracepoints_have_a_field_where_all_of_them_have_it_in_one_place()
    {
        using var printed = new PrintedLines();
        var both = await Run(Probe.Tracepoint("syscalls", "sys_e*_lseek").GroupBy(static s => (s.Field<int>("__syscall_nr"), s.Function)).Count(), printed);
        Assert.All(both.Result.Keys, static key => Assert.Equal(8, key.Item1));
        Assert.Equal(2, both.Result.Count);
        var missing = Refused(Probe.Tracepoint("syscalls", "sys_e*_lseek").Select(static s => s.Field<long>("offset")));
        Assert.Contains("tracepoint:syscalls:sys_exit_lseek has no \"offset\"", missing, StringComparison.Ordinal);
        var differs = Refused(Probe.Tracepoint("sched", "sched_[sw]*").Select(static s => s.Field<int>("pid")));
        Assert.True(differs.Contains("Probe those for themselves", StringComparison.Ordinal) || differs.Contains("has no \"pid\"", StringComparison.Ordinal), differs);
    }

    [Fact]
    public void Misuse_says_what_to_write()
    {
        var switches = Probe.Tracepoint("sched", "sched_switch");
        var unknown = Refused(switches.Select(static s => s.Field<int>("prev_pidd")));
        Assert.Contains("Did you mean 'prev_pid'", unknown, StringComparison.Ordinal);
        Assert.Contains("It has prev_comm, prev_pid, prev_prio, prev_state, next_comm, next_pid, next_prio", unknown, StringComparison.Ordinal);
        Assert.Contains("Write Field<long>(\"prev_state\")", Refused(switches.Select(static s => s.Field<int>("prev_state"))), StringComparison.Ordinal);
        Assert.Contains("Write Field<int>(\"prev_pid\")", Refused(switches.Select(static s => s.Field<uint>("prev_pid"))), StringComparison.Ordinal);
        Assert.Contains("prev_comm is a text", Refused(switches.Select(static s => s.Field<int>("prev_comm"))), StringComparison.Ordinal);
        Assert.Contains("Write s.Tid", Refused(switches.Select(static s => s.Field<int>("common_pid"))), StringComparison.Ordinal);
        Assert.Contains("leave the index away", Refused(switches.Select(static s => s.Field<int>("prev_pid[0]"))), StringComparison.Ordinal);
        var array = Probe.Tracepoint("raw_syscalls", "sys_enter");
        Assert.Contains("\"args[0]\" to \"args[5]\"", Refused(array.Select(static s => s.Field<ulong>("args"))), StringComparison.Ordinal);
        Assert.Contains("and no [6]", Refused(array.Select(static s => s.Field<ulong>("args[6]"))), StringComparison.Ordinal);
    }

    private static string Refused<T>(ProbeQuery<T> query) => Assert.Throws<ProbeQueryException>(() => query.Explain()).Message;

    private static string Refused<T>(ProbeStream<T> stream) => Assert.Throws<ProbeQueryException>(() => stream.Explain()).Message;

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
