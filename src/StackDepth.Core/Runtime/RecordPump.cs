using StackDepth.Diagnostics;
using StackDepth.Native.Ring;

namespace StackDepth.Runtime;

/// <summary>
/// The thread that takes records from the ring buffer and hands them, decoded, to the observers. It ends after the last record that was in the ring when the probes were
/// detached; who stops it from inside <c>OnNext</c> does not wait for it.
/// </summary>
internal sealed class RecordPump<T> : IDisposable
{
    private readonly ProbeAttachment _attachment;
    private readonly EventDecoder<T> _decode;
    private readonly IObserver<T> _observer;
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private bool _started;
    private volatile bool _stopping;
    private volatile bool _discarding;
    private volatile Exception? _failure;

    internal RecordPump(ProbeAttachment attachment, EventDecoder<T> decode, IObserver<T> observer)
    {
        _attachment = attachment;
        _decode = decode;
        _observer = observer;
        _thread = new Thread(Run) { IsBackground = true, Name = "StackDepth records" };
    }

    internal Task Completion => _completion.Task;

    private bool IsOwnThread => Thread.CurrentThread == _thread;

    internal void Start()
    {
        lock (_gate)
        {
            if (_started || _stopping)
                return;
            _started = true;
            _thread.Start();
        }
    }

    /// <summary>Detaches the probes; what is in the ring is still delivered, then the observers complete.</summary>
    internal void Stop()
    {
        _attachment.Detach();
        bool started;
        lock (_gate)
        {
            _stopping = true;
            started = _started;
        }
        if (!started)
            Finish(null);
        else
            _attachment.Ring!.Poller.Wake();
        if (!IsOwnThread)
            Completion.ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default).Wait();
    }

    /// <summary>Ends the stream with an error.</summary>
    internal void Fail(Exception error)
    {
        _failure = error;
        Stop();
    }

    /// <summary>Detaches the probes and drops what is in the ring.</summary>
    public void Dispose()
    {
        _discarding = true;
        Stop();
        if (!IsOwnThread)
            _attachment.Dispose();
    }

    private void Run()
    {
        Exception? failure = null;
        try
        {
            Pump();
            failure = _failure ?? DataLoss();
        }
        catch (Exception error)
        {
            // Whatever an observer or the ring threw ends the stream and is its outcome: see Completion.
            failure = error;
        }
        Finish(failure);
        if (_discarding)
            _attachment.Dispose();
    }

    private void Pump()
    {
        var ring = _attachment.Ring!;
        var sink = new Sink(this);
        var period = default(PollPeriod);
        while (!_stopping)
        {
            period.Next(ring.Reader.Drain(ref sink) > 0);
            if (_stopping)
                break;
            if (_attachment.FaultsOnLoss && DataLoss() is { } loss)
                throw loss;
            ring.Poller.Wait(period.Current);
        }
        // One drain reads about as much as the ring holds; the probes are gone, so what is left only shrinks.
        while (!_discarding && ring.Reader.Drain(ref sink) > 0)
        {
        }
    }

    private ProbeDataLossException? DataLoss()
    {
        if (!_attachment.FaultsOnLoss || _attachment.ReadHealth() is not { Dropped: > 0 } health)
            return null;
        return new(
            $"{health.Dropped:N0} values were dropped because the observer was slower than the probes and the ring buffer was full. Raise AttachOptions.RingBufferBytes, do less in OnNext, filter in the kernel (Where), or aggregate there.",
            health);
    }

    private void Finish(Exception? failure)
    {
        _attachment.Stop();
        if (failure is not null)
            _attachment.Log.StreamFailed(failure);

        // The observers first: who waits for the session to stop may rely on their having completed.
        try
        {
            if (failure is null)
                _observer.OnCompleted();
            else
                _observer.OnError(failure);
        }
        catch (Exception error)
        {
            // An observer without an error handler throws the error back at us (Rx's default). It must not end the host's process: it is the session's outcome.
            if (!ReferenceEquals(error, failure))
                _attachment.Log.StreamFailed(error);
            failure ??= error;
        }
        if (failure is null)
            _completion.TrySetResult();
        else
            _completion.TrySetException(failure);
    }

    private readonly struct Sink(RecordPump<T> pump) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            if (pump._discarding)
                return;
            var reader = new EventReader(record, pump._attachment.Sites);
            pump._observer.OnNext(pump._decode(ref reader));
        }
    }
}
