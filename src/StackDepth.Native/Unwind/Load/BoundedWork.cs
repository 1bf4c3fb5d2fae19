namespace StackDepth.Native.Unwind;

/// <summary>
/// Runs work on a few threads of its own, the most urgent first: stacks are broken until it is done, so it must not wait for the host to leave a thread of the pool. The threads are
/// started with the first work. Thread-safe.
/// </summary>
internal sealed class BoundedWork
{
    // Work that hangs (a file on a dead network file system) must not keep the session from ending; what it holds goes with it.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly object _gate = new();
    private readonly PriorityQueue<(Action Work, TaskCompletionSource Done), long> _queue = new();
    private readonly List<Thread> _workers = [];
    private readonly int _limit;
    private int _idle;
    private bool _stopped;

    internal BoundedWork(int limit) => _limit = limit;

    /// <summary>Queues work, which does not throw.</summary>
    /// <returns>Completes when it is done, or dropped by <see cref="Stop"/>.</returns>
    internal Task Run(long priority, Action work)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (_stopped)
            {
                return Task.CompletedTask;
            }

            _queue.Enqueue((work, done), priority);
            if (_queue.Count > _idle && _workers.Count < _limit)
            {
                var worker = new Thread(Work) { IsBackground = true, Name = "StackDepth unwind files" };
                worker.Start();
                _workers.Add(worker);
            }
            else
            {
                Monitor.Pulse(_gate);
            }
        }

        return done.Task;
    }

    /// <summary>Drops what is queued, and waits for what runs. Not to be called from the work itself. Idempotent.</summary>
    /// <returns>False when something hangs.</returns>
    internal bool Stop()
    {
        Thread[] workers;
        lock (_gate)
        {
            _stopped = true;
            while (_queue.TryDequeue(out var dropped, out _))
            {
                dropped.Done.SetResult();
            }

            Monitor.PulseAll(_gate);
            workers = [.. _workers];
        }

        var end = Environment.TickCount64 + (long)s_patience.TotalMilliseconds;
        return workers.All(worker => worker.Join((int)Math.Max(end - Environment.TickCount64, 0)));
    }

    private void Work()
    {
        while (true)
        {
            (Action Work, TaskCompletionSource Done) next;
            lock (_gate)
            {
                while (!_queue.TryDequeue(out next, out _))
                {
                    if (_stopped)
                    {
                        return;
                    }

                    _idle++;
                    Monitor.Wait(_gate);
                    _idle--;
                }
            }

            try
            {
                next.Work();
                next.Done.SetResult();
            }
            catch (Exception error)
            {
                next.Done.SetException(error);
            }
        }
    }
}
