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
    private readonly ImmutableArray<IrControl> _controls;

    internal ProbeStream(IrProbe probe, ImmutableArray<IrExpression> predicates, ImmutableArray<IrExpression> fields, EventDecoder<T> decode, IrSink? sink = null, ImmutableArray<IrControl> controls = default)
    {
        _probe = probe;
        _predicates = predicates;
        _fields = fields;
        _decode = decode;
        _sink = sink ?? new IrEmit(fields);
        _controls = controls.IsDefault ? [] : controls;
    }

    internal IrQuery Query => Sink(_sink);

    internal IrType FieldType => _fields[0].Type;

    internal IrQuery Aggregate(AggregateParts parts, IrBuckets? buckets = null) => Sink(new IrAggregate(parts, _fields is [var single] ? single : new IrTuple(_fields), null, Buckets: buckets));

    internal ProbeStream<T> Extremum(bool maximum) => new(_probe, _predicates, _fields, _decode, new IrEmitExtremum(maximum, _fields[0]), _controls);

    /// <summary>
    /// The first <paramref name="count"/> values over all CPUs, exactly; the kernel sends no more. What comes behind it in the query sees no others. Probes stay in place; to end a stream
    /// with its last value, use <c>Take</c> of Rx behind <see cref="Observe"/> too. A value that finds no room in the ring buffer is dropped, counted, and one of them.
    /// </summary>
    public ProbeStream<T> Take(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        return With(new IrTake(count));
    }

    /// <summary>The first of every <paramref name="of"/> hits, over all CPUs. As the first step of a stream it is asked before stacks are walked for the values, so hits that are left out cost little.</summary>
    /// <param name="of">How many hits there are for each that is taken.</param>
    public ProbeStream<T> Sample(int of)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(of);
        return With(new IrSample(of));
    }

    /// <summary>At most one hit in each <paramref name="period"/>, over all CPUs: the first one, and then the first after the period. Hits in between are left out, not delayed. As <see cref="Sample"/> it saves walks.</summary>
    /// <param name="period">How long hits are left out for; its resolution is 100 ns.</param>
    public ProbeStream<T> Throttle(TimeSpan period)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(period, TimeSpan.Zero);
        return With(new IrThrottle(checked(period.Ticks * 100)));
    }

    /// <summary>
    /// Each value once: the first hit that has it, over all CPUs. The kernel remembers <see cref="AttachOptions.MaxKeys"/> values; a hit with a new one that finds no room is left out and
    /// counted in <see cref="ProbeHealth.KeysLost"/>.
    /// </summary>
    public ProbeStream<T> Distinct() => With(new IrDistinct(_fields));

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

    private IrQuery Sink(IrSink sink) => new(_probe, _predicates, sink) { Controls = _controls };

    private ProbeStream<T> With(IrControl control) => new(_probe, _predicates, _fields, _decode, _sink, _controls.Add(control));
}
