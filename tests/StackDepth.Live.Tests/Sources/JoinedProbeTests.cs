using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Sources;

/// <summary>Joined probes and their variables, against what the target reports that it did. Not beside other tests: some count descriptors, and some have the kernel give thread ids again.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class JoinedProbeTests(TracefsMount tracefs) : IClassFixture<TracefsMount>
{
    private const int Threads = 8;
    private const int Rounds = 300;

    private static readonly AttachOptions Options = new() { CommandOutput = CommandOutput.Discard, RingBufferBytes = 8 << 20 };
    private static readonly ProbeState<int> Depth = Probe.State<int>("depth");
    private static readonly ProbeState<long, int> Opener = Probe.State<long, int>("opener");

    /// <summary>A close as the target reports it.</summary>
    private sealed record Close(int Tid, long Key, int Frames, int Opener);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static string Binary => CTarget.Of("state.c", "state", ["-O1", "-g", "-fno-optimize-sibling-calls", "-fno-inline", "-pthread"]);

    private static ProbeSource<EntryContext> Opened => Probe.UProbe(Binary, "opened");

    private static ProbeSource<EntryContext> Closed => Probe.UProbe(Binary, "closed");

    [Fact]
    public async Task What_is_remembered_of_threads_and_of_keys_is_what_the_target_did()
    {
        var query = Probe.Any(
            Opened.Set(s => Opener[s.Arg(0)], s => s.Tid).Clear(Depth).Where(s => s.UStack.IsComplete).Set(Depth, s => s.UStack.Length).Silent(),
            Closed.Where(s => s.UStack.IsComplete)).Select(s => (s.Arg(0), s.UStack.Length - Depth.Value, Opener[s.Arg(0)].Value));
        var (run, closes) = await Run(query);

        AssertAllOfCompleteStacks(closes.Select(static close => (close.Key, close.Frames, close.Opener)), run.Result, run.Health);
        Assert.Equal(run.Result.Length, run.Health.Hits - run.Health.Unset);
    }

    [Fact]
    public async Task A_value_that_is_cleared_where_it_is_used_makes_room_for_others()
    {
        // A key at a time for each thread, in a table that has room for no more.
        var query = Probe.Any(Opened.Set(s => Opener[s.Arg(0)], s => s.Tid).Silent(), Closed.Set(Depth, s => Opener[s.Arg(0)].Value).Clear(s => Opener[s.Arg(0)])).GroupBy(_ => Depth.Value).Count();
        var (run, closes) = await Run(query, Options with { MaxKeys = Threads });

        Assert.Equal(closes.GroupBy(static close => close.Opener).Select(static group => (group.Key, (long)group.Count())).Order(), run.Result.Select(static group => (group.Key, group.Value)).Order());
        Assert.Equal(0, run.Health.KeysLost);
        var (full, _) = await Run(Probe.Any(Opened.Set(s => Opener[s.Arg(0)], s => s.Tid).Silent(), Closed).Select(s => Opener[s.Arg(0)].Value).Count(), Options with { MaxKeys = Threads });
        Assert.Equal(closes.Length - Threads, full.Health.Unset);
        Assert.Equal((Threads, closes.Length - Threads, closes.Length), (full.Result, full.Health.KeysLost, full.Health.Hits));
    }

    [Fact]
    public async Task Hits_of_all_threads_at_once_are_all_added()
    {
        var total = Probe.State<int, long>("total");
        var query = Probe.Any(Opened.Add(s => total[0], _ => 1), Closed.Add(s => total[0], _ => 1)).Select(_ => total[0].Value).Max();
        var (run, closes) = await Run(query);

        Assert.Equal(2 * closes.Length, run.Result);
        var (counts, _) = await Run(Probe.Any(Opened, Closed, Probe.UProbe(Binary, "look")).GroupBy(s => s.Function).Count());
        Assert.Equal([("closed", closes.Length), ("opened", closes.Length)], counts.Result.Select(static group => (group.Key.Name, group.Value)).Order());
        Assert.Equal(["opened", "closed", "look"], counts.Sites.Select(static site => site.Symbol));
    }

    [Fact]
    public async Task Probes_of_the_kernel_use_what_a_function_has_set()
    {
        Assert.NotNull(tracefs);
        var query = Probe.Any(
            Opened.Clear(Depth).Where(s => s.UStack.IsComplete).Set(Depth, s => s.UStack.Length).Silent().AsProbe(),
            Probe.Tracepoint("syscalls", "sys_enter_getppid").Where(s => s.UStack.IsComplete).AsProbe()).Select(s => s.UStack.Length - Depth.Value);
        var (run, closes) = await Run(query);

        // The tracepoint's stack has the frame of libc's syscall() above that of closed().
        AssertAllOfCompleteStacks(closes.Select(static close => close.Frames + 1), run.Result, run.Health);
        var (sampled, _) = await Run(Probe.Any(Opened.AsProbe(), Probe.Profile(997)).GroupBy(s => s.Function).Count(), spins: true);
        Assert.Equal(closes.Length, sampled.Result.Single(static group => group.Key.Name == "opened").Value);
        Assert.True(sampled.Result.Single(static group => group.Key.Name == "profile:hz:997").Value > 0);
    }

    [Fact]
    public async Task Recursion_and_kept_hits_work_with_several_probes()
    {
        var source = Probe.Any(Opened, Probe.UProbe(Binary, "down"));
        var (run, _) = await Run(source.GroupBy(s => s.Function).Max(s => s.Recursion));
        var deepest = run.Result.Single(static group => group.Key.Name == "down").Value;
        Assert.InRange(deepest, 50, 60);
        Assert.Equal(1, run.Result.Single(static group => group.Key.Name == "opened").Value);
        var (kept, _) = await Run(source.MaxBy(s => s.UStack.CountOf("down")));
        Assert.Equal(deepest, kept.Result!.Value);
        Assert.Equal(deepest, kept.Result.Stack.Frames.Count(static frame => frame.Symbol == "down"));
    }

    [Fact]
    public async Task A_thread_that_gets_the_id_of_one_that_has_ended_begins_without_a_value()
    {
        Requires.SysAdmin();
        var path = Path.GetTempFileName();
        var query = Probe.Any(Opened.Set(Depth, s => s.Tid).Silent(), Probe.UProbe(Binary, "look")).Select(s => (s.Arg(0), s.Tid, Depth.ValueOr(-1)));
        var run = await query.RunAsync(new("sh", ["-c", "exec \"$0\" again 200 > \"$1\"", Binary, path]), Options, Cancellation);
        var tids = File.ReadAllLines(path).Select(static line => int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture)).ToArray();
        File.Delete(path);

        Assert.Equal((0, 200), (run.ExitCode, tids.Length));
        Assert.True(tids.Distinct().Count() < tids.Length / 2, "no id came again");
        Assert.Equal(tids.SelectMany(static tid => ((long, int, int)[])[(0, tid, -1), (1, tid, tid)]), run.Result);
    }

    [Fact]
    public async Task A_probe_that_cannot_be_attached_leaves_none_of_the_others_in_place()
    {
        // The kernel's limit of samples is found to be exceeded when the others are in place.
        var query = Probe.Any(Opened.AsProbe(), Probe.Tracepoint("syscalls", "sys_enter_getppid").AsProbe(), Probe.Profile(int.MaxValue)).Count();
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await query.AttachAsync(Options, Cancellation));
        using (new FdLeakCheck())
        {
            for (var round = 0; round < 5; round++)
            {
                await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await query.AttachAsync(Options, Cancellation));
                await Assert.ThrowsAsync<ProbeTargetNotFoundException>(async () => await Probe.Any(Opened, Probe.UProbe(Binary, "closd")).Count().AttachAsync(Options, Cancellation));
            }
        }
    }

    [Fact]
    public async Task Sessions_of_joined_probes_leave_nothing_behind()
    {
        var query = Probe.Any(Opened.Set(Depth, s => s.UStack.Length).Set(s => Opener[s.Arg(0)], s => s.Tid).Silent().AsProbe(), Closed.AsProbe(), Probe.Profile(99)).Select(_ => Depth.ValueOr(0)).Summary();
        await Run(query);
        using (new FdLeakCheck())
        {
            for (var round = 0; round < 5; round++)
                await Run(query);
        }
    }

    [Fact]
    public async Task Each_probe_keeps_its_process_and_all_are_explained()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.Any(Probe.UProbe(CTarget.Shared, "leaf_*").ForProcess(target.Pid), Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(Environment.ProcessId)).GroupBy(s => s.Pid).Count().AttachAsync(Options, Cancellation);
        var before = session.Snapshot();
        Assert.DoesNotContain(before.Keys, key => key != target.Pid);
        var plan = Probe.Any(Opened.Set(Depth, s => s.UStack.Length).Silent(), Closed).Select(_ => Depth.Value).Max().Explain(new(Verify: true));
        Assert.Equal([$"uprobe:{Binary}:opened", $"uprobe:{Binary}:closed"], plan.Programs.Select(static program => program.Probe));
        Assert.All(plan.Programs, program => Assert.Contains(program.Ir, plan.Ir, StringComparison.Ordinal));
        Assert.All(plan.Programs, program => Assert.Contains(program.Disassembly, plan.Disassembly, StringComparison.Ordinal));
        Assert.Equal(["opened", "closed"], plan.Sites.Select(static site => site.Symbol));
        Assert.NotEmpty(plan.VerifierLog!);
    }

    /// <summary>A stack can be incomplete on a machine that is busy, and is counted as such; what the others gave is what the target did.</summary>
    private static void AssertAllOfCompleteStacks<T>(IEnumerable<T> expected, IReadOnlyList<T> actual, ProbeHealth health)
    {
        var missing = expected.ToList();
        Assert.All(actual, value => Assert.True(missing.Remove(value), $"{value} is not what the target did. {health}"));
        Assert.InRange(missing.Count, 0, (int)health.Broken);
        Assert.InRange(actual.Count, Threads * Rounds * 9 / 10, Threads * Rounds);
        Assert.Equal((0, 0, 0), (health.KeysLost, health.Dropped, health.Missed));
    }

    private static Task<(ProbeRun<T> Run, Close[] Closes)> Run<T>(ProbeQuery<T> query, AttachOptions? options = null, bool spins = false) =>
        Run((command, with) => query.RunAsync(command, with, Cancellation), options, spins);

    private static Task<(ProbeRun<System.Collections.Immutable.ImmutableArray<T>> Run, Close[] Closes)> Run<T>(ProbeStream<T> stream) =>
        Run((command, with) => stream.RunAsync(command, with, Cancellation), null, false);

    private static async Task<(ProbeRun<T> Run, Close[] Closes)> Run<T>(Func<System.Diagnostics.ProcessStartInfo, AttachOptions, Task<ProbeRun<T>>> run, AttachOptions? options, bool spins)
    {
        var path = Path.GetTempFileName();
        var result = await run(new("sh", ["-c", "exec \"$0\" pairs \"$1\" $3 > \"$2\"", Binary, Rounds.ToString(CultureInfo.InvariantCulture), path, spins ? "spin" : ""]), options ?? Options);
        var closes = File.ReadAllLines(path).Select(static line => line.Split(' ')).Select(static fields => new Close(Number(fields[1]), Number(fields[2]), Number(fields[3]), Number(fields[4]))).ToArray();
        File.Delete(path);
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(Threads * Rounds, closes.Length);
        return (result, closes);

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }
}
