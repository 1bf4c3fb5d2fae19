using System.Diagnostics;
using System.Reactive.Linq;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>A query whose result is computed in the kernel. Immutable and free of privileges until it is attached; it can be run many times.</summary>
/// <typeparam name="TResult">The type of the result.</typeparam>
public class ProbeQuery<TResult>
{
    private readonly Func<AggregateSnapshot, TResult> _decode;

    internal ProbeQuery(IrQuery query, Func<AggregateSnapshot, TResult> decode)
    {
        Query = query;
        _decode = decode;
    }

    internal IrQuery Query { get; }

    internal Func<AggregateSnapshot, TResult> Decode => _decode;

    /// <summary>What will run: IR, commented disassembly, bytecode and sites. Needs no privilege unless the verifier's log is asked for.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    public ProbePlan Explain(ExplainOptions? options = null) => QueryPlanner.Explain(Query, options ?? new());

    /// <summary>Attaches the probes and answers when all are in place: 10 to 50 ms, for which <see cref="AttachAsync"/> does not block the caller.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    public ProbeSession<TResult> Attach(AttachOptions? options = null, CancellationToken cancellationToken = default) =>
        new(ProbeAttachment.Create(Query, options ?? new(), command: null, cancellationToken), _decode);

    /// <summary>Attaches the probes and answers when all are in place.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    public ValueTask<ProbeSession<TResult>> AttachAsync(AttachOptions? options = null, CancellationToken cancellationToken = default) =>
        new(Task.Run(() => Attach(options, cancellationToken), cancellationToken));

    /// <summary>Attaches the probes and starts <paramref name="command"/> under them, as <see cref="StartAsync"/> does, but blocks the caller meanwhile.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    /// <exception cref="FileNotFoundException">There is no such command.</exception>
    public ProbeSession<TResult> Start(ProcessStartInfo command, AttachOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return new(ProbeAttachment.CreateAndStart(Query, options ?? new(), command, cancellationToken), _decode);
    }

    /// <summary>Attaches the probes and starts <paramref name="command"/> under them; the caller decides when to stop. Disposing of the session leaves the command running. <see cref="RunAsync"/> does it all.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    /// <exception cref="FileNotFoundException">There is no such command.</exception>
    public Task<ProbeSession<TResult>> StartAsync(ProcessStartInfo command, AttachOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        return Task.Run(() => Start(command, options, cancellationToken), cancellationToken);
    }

    /// <summary>
    /// Runs <paramref name="command"/> under the probes, from its first instruction to its exit. The hits of the command and of its descendants count, those of other
    /// processes do not. Cancelling ends the session and kills the command.
    /// </summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    /// <exception cref="FileNotFoundException">There is no such command.</exception>
    public async Task<ProbeRun<TResult>> RunAsync(ProcessStartInfo command, AttachOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        var attachment = await Task.Run(() => ProbeAttachment.CreateAndStart(Query, options ?? new(), command, cancellationToken), cancellationToken).ConfigureAwait(false);
        await using var session = new ProbeSession<TResult>(attachment, _decode);
        var exitCode = await attachment.RunCommandAsync(cancellationToken).ConfigureAwait(false);
        var result = await session.StopAsync(CancellationToken.None).ConfigureAwait(false);
        return new(result, exitCode, session.Health) { Sites = session.Sites };
    }

    /// <summary>Snapshots of the result, one each <paramref name="period"/>, until the subscription is disposed. Each subscription attaches anew.</summary>
    public IObservable<TResult> Observe(TimeSpan period, AttachOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        return Periodic(period, options ?? new(), static session => session.Snapshot());
    }

    /// <summary>A time series: one result each <paramref name="period"/>, of the hits since the one before, until the subscription is disposed. Each hit is in exactly one. Each subscription attaches anew.</summary>
    /// <remarks>
    /// Extremes, last values, quantiles and hits with their frames need Linux 5.19, and are taken one part after the other: a hit that comes in between can be counted in one result, and be the maximum of the one before or after.
    /// </remarks>
    public IObservable<TResult> ObserveIntervals(TimeSpan period, AttachOptions? options = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        return Periodic(period, options ?? new(), static session => session.TakeInterval());
    }

    private IObservable<TResult> Periodic(TimeSpan period, AttachOptions options, Func<ProbeSession<TResult>, TResult> read) => Observable.Create<TResult>(async (observer, cancellationToken) =>
    {
        await using var session = await AttachAsync(options, cancellationToken).ConfigureAwait(false);
        using var timer = new PeriodicTimer(period, options.TimeProvider);
        while (await timer.WaitForNextTickAsync(cancellationToken).ConfigureAwait(false))
            observer.OnNext(read(session));
    });
}
