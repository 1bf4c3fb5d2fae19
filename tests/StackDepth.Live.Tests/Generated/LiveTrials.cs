using System.Collections.Immutable;

namespace StackDepth.Live.Tests.Generated;

/// <summary>A query that failed.</summary>
/// <param name="Number">By which it is drawn again.</param>
/// <param name="Report">What failed, the query and its hits as small as they still fail.</param>
internal sealed record LiveFailure(long Number, string Report);

/// <summary>What trials have come to.</summary>
/// <param name="Queries">How many there were.</param>
/// <param name="TooLarge">How many of them were refused, as too large for one program.</param>
/// <param name="Hits">How many hits there were, of all queries together.</param>
/// <param name="Failures">Those that failed.</param>
internal sealed record LiveFigures(int Queries, int TooLarge, long Hits, ImmutableArray<LiveFailure> Failures);

/// <summary>
/// Random queries in the real kernel: a batch of them at once at the functions of one target, which then makes hits. All queries of a batch see the same hits; a query is drawn from its number, the hits from the
/// batch's.
/// </summary>
internal sealed class LiveTrials : IDisposable
{
    private const int BatchSize = 100;
    private const int ShrinkAttempts = 400;

    private readonly LiveHits _hits = new();

    /// <summary>Tries the queries of <paramref name="count"/> numbers from <paramref name="first"/> on; tells of each batch and of each failure.</summary>
    internal LiveFigures Run(long first, int count, Action<string> tell)
    {
        var figures = new LiveFigures(0, 0, 0, []);
        while (figures.Queries < count)
        {
            var number = first + figures.Queries;
            var length = int.Min(count - figures.Queries, BatchSize - (int)(number % BatchSize));
            figures = RunBatch(number, length, figures, tell);
            tell($"{figures.Queries} queries, {figures.TooLarge} too large, {figures.Failures.Length} failed");
        }
        return figures;
    }

    private LiveFigures RunBatch(long first, int length, LiveFigures figures, Action<string> tell)
    {
        ImmutableArray<int> ids = [.. _hits.Ids];
        var trials = Enumerable.Range(0, length).Select(index => LiveTrial.Draw(first + index, ids)).ToArray();
        var runs = new KernelRun?[length];
        var errors = new Exception?[length];
        var plan = Plan(first / BatchSize);
        try
        {
            Parallel.For(0, length, index => errors[index] = Error(() => runs[index] = trials[index].Attach(_hits)));
            var played = plan.Select(_hits.Play).ToArray();
            for (var index = 0; index < length; index++)
            {
                if (runs[index] is { } run)
                    errors[index] ??= Error(() => trials[index].Check(run, played));
            }
        }
        finally
        {
            DisposeAll(runs);
        }
        var failures = new List<LiveFailure>();
        for (var index = 0; index < length; index++)
        {
            if (errors[index] is not { } error)
                continue;
            failures.Add(new(trials[index].Number, Report(trials[index], plan, error)));
            tell(failures[^1].Report);
        }
        return new(
            figures.Queries + length, figures.TooLarge + Enumerable.Range(0, length).Count(index => runs[index] is null && errors[index] is null), figures.Hits + ((long)length * plan.Length),
            [.. figures.Failures, .. failures]);
    }

    private static ImmutableArray<PlannedHit> Plan(long batch)
    {
        var random = new Random((int)(batch ^ (batch >> 32)));
        var numbers = new RandomQueries(random);
        return [.. Enumerable.Range(0, random.Next(5, 40)).Select(_ => LiveHits.Plan(random, numbers))];
    }

    private string Report(LiveTrial trial, ImmutableArray<PlannedHit> hits, Exception error)
    {
        var kind = LiveTrial.Kind(error);
        var (query, fewer) = QueryShrinker.Shrink(trial.Query, hits, (smaller, some) => Alone(trial with { Query = smaller }, some) is { } again && LiveTrial.Kind(again) == kind, ShrinkAttempts);
        var shrunken = trial with { Query = query };
        return $"""
            Number {trial.Number}: {kind}. Again: tests/random/run.sh 1 {trial.Number}
            {Alone(shrunken, fewer)?.Message ?? "Alone it does not fail; in its batch: " + error.Message}
            The query:
            {shrunken.Print()}
            The hits:
            {string.Join('\n', fewer)}
            The query as it was drawn:
            {trial.Print()}
            """;
    }

    /// <summary>What a query fails of that is alone at the functions.</summary>
    private Exception? Alone(LiveTrial trial, ImmutableArray<PlannedHit> plan) => Error(() =>
    {
        using var run = trial.Attach(_hits);
        var played = plan.Select(_hits.Play).ToArray();
        if (run is not null)
            trial.Check(run, played);
    });

    /// <summary>At once: each waits for the kernel's grace periods.</summary>
    private static void DisposeAll(KernelRun?[] runs)
    {
        var threads = runs.OfType<KernelRun>().Select(static run => new Thread(run.Dispose)).ToArray();
        foreach (var thread in threads)
            thread.Start();
        foreach (var thread in threads)
            thread.Join();
    }

    private static Exception? Error(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception error)
        {
            return error;
        }
    }

    public void Dispose() => _hits.Dispose();
}
