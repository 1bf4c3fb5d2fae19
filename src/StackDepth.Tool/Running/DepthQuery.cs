using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using StackDepth.Tool.Output;
using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Running;

/// <summary>The library's query for a request, whatever it groups by.</summary>
internal abstract class DepthQuery
{
    internal static DepthQuery Build(QueryRequest request)
    {
        var probe = request.Probe;
        return probe.Kind switch
        {
            ProbeKind.User => Build(Probe.UProbe(probe.Binary, probe.Symbols), request),
            ProbeKind.UserReturn => Build(Probe.URetProbe(probe.Binary, probe.Symbols), request),
            ProbeKind.KernelReturn => Build(Probe.KRetProbe(probe.Symbols), request),
            ProbeKind.Kernel => Build(Probe.KProbe(probe.Symbols), request),
            ProbeKind.Tracepoint => Build(Probe.Tracepoint(probe.Binary, probe.Symbols), request),
            ProbeKind.RawTracepoint => Build(Probe.RawTracepoint(probe.Symbols), request),
            ProbeKind.FEntry => Build(Probe.FEntry(probe.Symbols), request),
            ProbeKind.FExit => Build(Probe.FExit(probe.Symbols), request),
            ProbeKind.Usdt => Build(Probe.Usdt(probe.Binary, probe.Provider, probe.Symbols), request),
            ProbeKind.Profile => Build(Probe.Profile(probe.Number), request),
            ProbeKind.Interval => Build(Probe.Interval(TimeSpan.FromMicroseconds((double)probe.Number)), request),
            _ => Build(Probe.SoftwareEvent(probe.Binary, probe.Number), request),
        };
    }

    private static DepthQuery Build<TContext>(ProbeSource<TContext> source, QueryRequest request)
        where TContext : ProbeContext
    {
        if (request.ProcessId is { } pid)
            source = source.ForProcess(pid);
        foreach (var condition in request.Where)
            source = source.Where(condition.ToExpression);
        Func<TContext, Expr<long>> depth = request.Stack is MeasuredStack.Kernel ? static s => s.KStack.Length.ToInt64() : static s => s.UStack.Length.ToInt64();
        Func<TContext, Expr<long>>[] values = [depth, .. request.Questions.Select(static question => question.Value)];
        var deepest = source.MaxBy(depth);
        return request.By switch
        {
            GroupKey.Comm => Grouped(source.GroupBy(static s => s.Comm), values, deepest, static comm => new(comm)),
            GroupKey.Pid => Grouped(source.GroupBy(static s => s.Pid), values, deepest, Number),
            GroupKey.Tid => Grouped(source.GroupBy(static s => s.Tid), values, deepest, Number),
            GroupKey.Function => Grouped(source.GroupBy(static s => s.Function), values, deepest, static function => new(function.Name, Address: function.Address)),
            GroupKey.Completeness => Grouped(
                source.GroupBy<Completeness>(request.Stack is MeasuredStack.Kernel ? static s => s.KStack.Completeness : static s => s.UStack.Completeness),
                values, deepest, static completeness => new(ReasonNames.Of(completeness))),
            _ => new DepthQuery<(ImmutableArray<Summary<long>> Summaries, RecordHolder<long>? Deepest)>(
                source.Summaries(values).And(deepest), static result => Depths.Of(result.Summaries) with { Deepest = result.Deepest }),
        };
    }

    /// <summary>Attaches the probes; with a command, starts it under them.</summary>
    internal abstract DepthSession Start(ProcessStartInfo? command, AttachOptions options, CancellationToken cancellationToken);

    internal abstract ProbePlan Explain(ExplainOptions options);

    private static DepthQuery<(ProbeTable<TKey, ImmutableArray<Summary<long>>> Groups, RecordHolder<long>? Deepest)> Grouped<TContext, TKey>(
        ProbeGroups<TContext, TKey> groups, Func<TContext, Expr<long>>[] values, ProbeQuery<RecordHolder<long>?> deepest, Func<TKey, DepthKey> describe)
        where TContext : ProbeContext
        where TKey : notnull =>
        new(groups.Summaries(values).And(deepest), result => Depths.Of(result.Groups, describe) with { Deepest = result.Deepest });

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
