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
    private readonly ObserverList<T> _observers;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private bool _started;
    private volatile bool _stopping;
    private volatile bool _discarding;
    private volatile Exception? _failure;

    internal RecordPump(ProbeAttachment attachment, EventDecoder<T> decode, ObserverList<T> observers)
    {
        _attachment = attachment;
        _decode = decode;
        _observers = observers;
        _thread = new Thread(Run) { IsBackground = true, Name = "StackDepth records" };
    }

    internal Task Completion => _completion.Task;

    /// <summary>Cancelled once the probes are detached.</summary>
    internal CancellationToken Detached => _stop.Token;

    internal bool IsOwnThread => Thread.CurrentThread == _thread;

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

    /// <summary>Detaches the probes and does not wait: what is in the ring is still delivered, then the observers complete, then <see cref="Completion"/>.</summary>
    internal void BeginStop()
    {
        _attachment.Detach();
        bool neverStarted;
        lock (_gate)
        {
            neverStarted = !_started && !_stopping;
            _stopping = true;
        }
        _stop.Cancel();
        if (neverStarted)
            Finish(null);
        else
            _attachment.Ring!.Poller.Wake();
    }

    /// <summary>Ends the stream with an error.</summary>
    internal void Fail(Exception error)
    {
        _failure = error;
        BeginStop();
    }

    /// <summary>Detaches the probes, drops what is in the ring, and waits for the thread, unless it is the caller.</summary>
    public void Dispose()
    {
        _discarding = true;
        BeginStop();
        if (IsOwnThread)
            return;
        ((IAsyncResult)Completion).AsyncWaitHandle.WaitOne();
        _attachment.Dispose();
    }

    private void Run()
    {
        try
        {
            Pump();
            Finish(_failure ?? DataLoss());
        }
        catch (Exception error)
        {
            // Whatever the last observer or the ring threw ends the stream and is its outcome: see Completion.
            Finish(NativeErrors.Translate(error) ?? error);
        }
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
            $"{health.Dropped:N0} values were dropped: the ring buffer was full, mostly because an observer is slower than the probes. Raise AttachOptions.RingBufferBytes, do less in OnNext, filter in the kernel (Where), or aggregate there.",
            health);
    }

    /// <summary>Never throws: it runs on a thread whose exceptions would end the host's process.</summary>
    private void Finish(Exception? failure)
    {
        try
        {
            _attachment.Stop();
            if (failure is not null)
                _attachment.Log.StreamFailed(failure);
        }
        catch (Exception error)
        {
            failure ??= error;
        }
        // The observers first: who waits for the session to stop may rely on their having completed.
        var thrown = _observers.End(failure);
        failure ??= thrown;
        try
        {
            if (_discarding)
                _attachment.Dispose();
        }
        catch (Exception error)
        {
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
            var reader = new EventReader(record, pump._attachment.Sites, pump._attachment.RecordLayout);
            pump._observers.OnNext(pump._decode(ref reader));
            pump._attachment.Sites.Stacks?.Trim();
        }
    }
}
