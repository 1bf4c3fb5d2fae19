using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>
/// One value for each hit of a probe, or the stream that an aggregate is computed from. It is not itself an <see cref="IObservable{T}"/>: <c>Observe()</c> is the
/// boundary where the kernel's part ends and Rx begins.
/// </summary>
/// <typeparam name="T">The type of a value.</typeparam>
public sealed class ProbeStream<T>
{
    private readonly IrProbe _probe;
    private readonly ImmutableArray<IrExpression> _predicates;
    private readonly ImmutableArray<IrExpression> _fields;
    private readonly EventDecoder<T> _decode;
    private readonly IrSink _sink;

    internal ProbeStream(IrProbe probe, ImmutableArray<IrExpression> predicates, ImmutableArray<IrExpression> fields, EventDecoder<T> decode, IrSink? sink = null)
    {
        _probe = probe;
        _predicates = predicates;
        _fields = fields;
        _decode = decode;
        _sink = sink ?? new IrEmit(fields);
    }

    internal IrQuery Query => new(_probe, _predicates, _sink);

    internal IrQuery Aggregate(AggregateParts parts) => new(_probe, _predicates, new IrAggregate(parts, _fields is [var single] ? single : new IrTuple(_fields), null));

    internal ProbeStream<T> Extremum(bool maximum) => new(_probe, _predicates, _fields, _decode, new IrEmitExtremum(maximum, _fields[0]));

    /// <summary>What will run: IR, commented disassembly, bytecode and sites. Needs no privilege unless the verifier's log is asked for.</summary>
    public ProbePlan Explain(ExplainOptions? options = null) => QueryPlanner.Explain(Query, options ?? new());

    /// <summary>Attaches the probes; the values go to who subscribes to the session. Until then they wait in the ring buffer, and what does not fit is counted as dropped.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    public async ValueTask<ProbeStreamSession<T>> AttachAsync(AttachOptions? options = null, CancellationToken cancellationToken = default) =>
        await Task.Run(() => Attach(options, command: null, cancellationToken), cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// The values, as they happen. Each subscription attaches anew; when <c>Subscribe</c> returns the probes are in place. <c>OnNext</c> is called from one thread of the
    /// session's own, one call at a time. An observer that is too slow never blocks the target: values that do not fit into the ring buffer are dropped and counted
    /// (<see cref="ProbeHealth.Dropped"/>; with <see cref="Overflow.Fault"/> the stream ends in <see cref="ProbeDataLossException"/>).
    /// </summary>
    public IObservable<T> Observe(AttachOptions? options = null) => new StreamObservable<T>(this, null, options);

    /// <summary>
    /// The values while <paramref name="command"/> and its descendants run under the probes; completes when the command exits. Disposing of the subscription kills the command. To know
    /// what was lost use <see cref="StartAsync"/>, whose session has the health, or <see cref="Overflow.Fault"/>.
    /// </summary>
    public IObservable<T> ObserveRun(ProcessStartInfo command, AttachOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(command);
        return new StreamObservable<T>(this, command, options);
    }

    /// <summary>The values as an asynchronous sequence. Leaving the loop detaches the probes. A reader that is too slow loses values in the ring buffer, counted.</summary>
    public async IAsyncEnumerable<T> ReadAllAsync(AttachOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var session = await AttachAsync(options, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            await foreach (var value in session.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return value;
        }
    }

    /// <summary>
    /// Attaches the probes and starts <paramref name="command"/> under them. The values wait in the ring buffer until somebody subscribes; the caller decides when to stop, and has the
    /// session's health.
    /// </summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    /// <exception cref="FileNotFoundException">There is no such command.</exception>
    public async Task<ProbeStreamSession<T>> StartAsync(ProcessStartInfo command, AttachOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        var session = await Task.Run(() => Attach(options, command, cancellationToken), cancellationToken).ConfigureAwait(false);
        try
        {
            session.StartCommand();
            return session;
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Runs <paramref name="command"/> under the probes and answers all values of it and its descendants. A stream that breaks, or cancelling, kills the command.</summary>
    /// <exception cref="ProbeTargetNotFoundException">No such binary or function.</exception>
    /// <exception cref="ProbeUnavailableException">A privilege or a feature of the kernel is missing; the message says which, and the remedy.</exception>
    /// <exception cref="FileNotFoundException">There is no such command.</exception>
    /// <exception cref="ProbeDataLossException">Values were lost, with <see cref="Overflow.Fault"/>.</exception>
    public async Task<ProbeRun<ImmutableArray<T>>> RunAsync(ProcessStartInfo command, AttachOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(command);
        var session = await Task.Run(() => Attach(options, command, cancellationToken), cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            var values = ImmutableArray.CreateBuilder<T>();
            // An error of the stream is thrown by RunCommandAsync and StopAsync.
            using var subscription = session.Subscribe(values.Add, static _ => { });
            var exitCode = await session.RunCommandAsync(cancellationToken).ConfigureAwait(false);
            await session.StopAsync(CancellationToken.None).ConfigureAwait(false);
            return new(values.ToImmutable(), exitCode, session.Health) { Sites = session.Sites };
        }
    }

    internal ProbeStreamSession<T> Attach(AttachOptions? options, ProcessStartInfo? command, CancellationToken cancellationToken) =>
        new(ProbeAttachment.Create(Query, options ?? new(), command, cancellationToken), _decode);
}
