using System.Diagnostics;
using System.Globalization;
using StackDepth.Tool.Output;

namespace StackDepth.Tool.Running;

/// <summary>The library's query for a request, whatever it groups by.</summary>
internal abstract class DepthQuery
{
    internal static DepthQuery Build(QueryRequest request)
    {
        var source = Probe.UProbe(request.Probe.Binary, request.Probe.Symbols);
        if (request.ProcessId is { } pid)
            source = source.ForProcess(pid);
        foreach (var condition in request.Where)
            source = source.Where(condition.ToExpression);
        Func<EntryContext, Expr<int>> depth = request.Stack is MeasuredStack.Kernel ? static s => s.KStack.Length : static s => s.UStack.Length;
        return request.By switch
        {
            GroupKey.Comm => Grouped(source.GroupBy(static s => s.Comm), depth, static comm => new(comm)),
            GroupKey.Pid => Grouped(source.GroupBy(static s => s.Pid), depth, Number),
            GroupKey.Tid => Grouped(source.GroupBy(static s => s.Tid), depth, Number),
            GroupKey.Function => Grouped(source.GroupBy(static s => s.Function), depth, static function => new(function.Name, Address: function.Address)),
            GroupKey.Completeness => Grouped(
                source.GroupBy<Completeness>(request.Stack is MeasuredStack.Kernel ? static s => s.KStack.Completeness : static s => s.UStack.Completeness),
                depth, static completeness => new(ReasonNames.Of(completeness))),
            _ => new DepthQuery<Summary<int>>(source.Select(depth).Summary(), Depths.Of),
        };
    }

    /// <summary>Attaches the probes; with a command, starts it under them.</summary>
    internal abstract DepthSession Start(ProcessStartInfo? command, AttachOptions options, CancellationToken cancellationToken);

    internal abstract ProbePlan Explain(ExplainOptions options);

    private static DepthQuery<ProbeTable<TKey, Summary<int>>> Grouped<TKey>(ProbeGroups<EntryContext, TKey> groups, Func<EntryContext, Expr<int>> depth, Func<TKey, DepthKey> describe)
        where TKey : notnull =>
        new(groups.Summary(depth), table => Depths.Of(table, describe));

    private static DepthKey Number(int number) => new(number.ToString(CultureInfo.InvariantCulture), number);
}

/// <inheritdoc />
internal sealed class DepthQuery<TResult>(ProbeQuery<TResult> query, Func<TResult, Depths> read) : DepthQuery
{
    internal override DepthSession Start(ProcessStartInfo? command, AttachOptions options, CancellationToken cancellationToken)
    {
        var session = command is null ? query.Attach(options, cancellationToken) : query.Start(command, options, cancellationToken);
        return new(session, async () => read(await session.StopAsync(CancellationToken.None).ConfigureAwait(false)));
    }

    internal override ProbePlan Explain(ExplainOptions options) => query.Explain(options);
}

/// <summary>A session and the way to its depths, whatever the type of its result.</summary>
internal sealed class DepthSession(ProbeSession session, Func<Task<Depths>> stop) : IAsyncDisposable
{
    internal ProbeSession Probes => session;

    /// <summary>Detaches the probes and answers the final depths.</summary>
    internal Task<Depths> StopAsync() => stop();

    public ValueTask DisposeAsync() => session.DisposeAsync();
}
