using System.Diagnostics;
using System.Numerics;
using StackDepth.Ir;
using StackDepth.Runtime;

namespace StackDepth;

/// <summary>The greatest or smallest value of a stream: a result like any other, or live, each new record as it happens.</summary>
public sealed class ProbeExtremum<T> : ProbeQuery<T?>
    where T : struct, INumber<T>
{
    private readonly ProbeStream<T> _records;
    private readonly bool _maximum;

    internal ProbeExtremum(IrQuery query, ProbeStream<T> records, bool maximum)
        : base(query, snapshot => (maximum ? snapshot.Total.Maximum : snapshot.Total.Minimum) is { } value ? T.CreateTruncating(value) : null)
    {
        _records = records;
        _maximum = maximum;
    }

    /// <summary>
    /// Each new record as it happens, strictly monotone: the kernel sends a value only when it is beyond all before it, over all CPUs; nothing polls. Each subscription
    /// attaches anew; when <c>Subscribe</c> returns the probes are in place.
    /// </summary>
    public IObservable<T> Observe(AttachOptions? options = null) => new MonotoneObservable<T>(_records.Observe(options), _maximum);

    /// <summary>Each new record while <paramref name="command"/> runs under the probes; completes when it exits. Disposing of the subscription kills the command.</summary>
    public IObservable<T> ObserveRun(ProcessStartInfo command, AttachOptions? options = null) => new MonotoneObservable<T>(_records.ObserveRun(command, options), _maximum);
}
