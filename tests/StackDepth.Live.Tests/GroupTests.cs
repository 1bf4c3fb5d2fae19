using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>Groups by every key against the model: each group's values, and that there are no others.</summary>
public sealed class GroupTests
{
    // Threads t0..t4 in two processes, and main threads in three.
    private const string Load = "calls any 3 5 400 60 ; fork calls any 4 5 400 90 ; vfork calls any 5 0 400 150 ; calls push 6 0 100 10";

    private static async Task Against<TKey, TModel, T>(
        Func<ProbeContext, Expr<TKey>> key, Func<Calls, TModel> model, Func<TKey, TModel> name, Func<ProbeGroups<EntryContext, TKey>, ProbeQuery<ProbeTable<TKey, T>>> query,
        Action<Report, T> same, bool stacks = true)
        where TKey : notnull
        where TModel : notnull
    {
        using var command = new Command(Load);
        var run = await query(Probe.UProbe(command.Start.FileName, "leaf_*").GroupBy(key)).RunAsync(command.Start, Command.Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(0, run.ExitCode);
        var report = command.Report.OfLeaves();
        var expected = report.By(model);
        Assert.True(expected.Count > 1);
        Assert.Equal(expected.Keys.Order(), run.Result.Keys.Select(name).Order());
        foreach (var (group, value) in run.Result)
            same(expected[name(group)], value);
        if (stacks)
            Check.Healthy(report, run.Health);
        else
            Check.Healthy(report.Count, run.Health);
    }

    [Fact]
    public Task By_process() => Against(hit => hit.Pid, line => line.Pid, pid => pid, groups => groups.Summary(hit => hit.UStack.Length), Check.Same);

    [Fact]
    public Task By_thread() => Against(hit => hit.Tid, line => line.Tid, tid => tid, groups => groups.Summary(hit => hit.UStack.Length), Check.Same);

    [Fact]
    public Task By_name() => Against(hit => hit.Comm, line => line.Comm, comm => comm, groups => groups.Summary(hit => hit.UStack.Length), Check.Same);

    [Fact]
    public Task By_function() =>
        Against(hit => hit.Function, line => line.Function, function => function.Name, groups => groups.Summary(hit => hit.UStack.Length), Check.Same);

    [Fact]
    public Task By_depth() =>
        Against(hit => hit.UStack.Length, line => int.Min(line.Depth, Report.KernelWalkLimit), depth => depth, groups => groups.Count(), (model, count) => Assert.Equal(model.Count, count));

    [Fact]
    public Task Counts() => Against(hit => hit.Tid, line => line.Tid, tid => tid, groups => groups.Count(), (model, count) => Assert.Equal(model.Count, count), stacks: false);

    [Fact]
    public Task Maxima() => Against(hit => hit.Comm, line => line.Comm, comm => comm, groups => groups.Max(hit => hit.UStack.Length), (model, max) => Assert.Equal(model.Max, max));

    [Fact]
    public Task Minima() => Against(hit => hit.Tid, line => line.Tid, tid => tid, groups => groups.Min(hit => hit.UStack.Length), (model, min) => Assert.Equal(model.Min, min));

    [Fact]
    public Task Sums() => Against(hit => hit.Pid, line => line.Pid, pid => pid, groups => groups.Sum(hit => hit.UStack.Length), (model, sum) => Assert.Equal(model.Sum, sum));

    [Fact]
    public Task Averages() => Against(
        hit => hit.Function, line => line.Function, function => function.Name, groups => groups.Average(hit => hit.UStack.Length),
        (model, mean) => Assert.Equal(model.Mean!.Value, mean, 1e-9));

    [Fact]
    public Task Histograms() => Against(hit => hit.Comm, line => line.Comm, comm => comm, groups => groups.Histogram(hit => hit.UStack.Length), Check.Same);

    [Fact]
    public async Task Keys_beyond_the_limit_are_counted_exactly()
    {
        const int Keys = 500, Limit = 64;
        using var command = new Command($"keys {Keys} ; keys {Keys}");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Comm).Count()
            .RunAsync(command.Start, Command.Quiet with { MaxKeys = Limit }, TestContext.Current.CancellationToken);
        Assert.Equal(2 * Keys, run.Health.Hits);
        Assert.Equal(Limit, run.Result.Count);
        Assert.All(run.Result, group => Assert.Equal(2, group.Value));
        Assert.Equal(2 * (Keys - Limit), run.Health.KeysLost);
        Assert.False(run.Health.IsExact);
    }

    /// <summary>The kernel cannot allocate large groups as fast as they come here: they are there before.</summary>
    [Fact]
    public async Task Many_new_keys_at_once_find_room_for_their_quantiles()
    {
        const int Keys = 1_000;
        using var command = new Command($"keys {Keys}");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Comm).Quantile(hit => hit.UStack.Length, 0.5)
            .RunAsync(command.Start, Command.Quiet with { MaxKeys = Keys }, TestContext.Current.CancellationToken);
        Assert.Equal((Keys, 0), (run.Result.Count, run.Health.KeysLost));
    }

    [Fact]
    public async Task A_key_is_in_the_result_or_counted_as_lost()
    {
        // There is room for all; but the kernel allocates the groups as they come, and new keys at this rate can outrun it.
        const int Keys = 5_000;
        using var command = new Command($"keys {Keys}");
        var run = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Comm).Summary(hit => hit.UStack.Length)
            .RunAsync(command.Start, Command.Quiet with { MaxKeys = Keys }, TestContext.Current.CancellationToken);
        Assert.Equal(Keys, run.Health.Hits);
        Assert.Equal(Keys, run.Result.Count + run.Health.KeysLost);
        Assert.Subset(Enumerable.Range(0, Keys).Select(key => $"k{key}").ToHashSet(), run.Result.Keys.ToHashSet());
        Assert.All(run.Result, group => Assert.Equal(1, group.Value.Count));
    }
}
