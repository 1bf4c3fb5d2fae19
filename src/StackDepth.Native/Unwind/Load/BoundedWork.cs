namespace StackDepth.Native.Unwind;

/// <summary>Runs work on the thread pool, a few at a time, the most urgent first. Thread-safe.</summary>
internal sealed class BoundedWork
{
    // Work that hangs (a file on a dead network file system) must not keep the session from ending; what it holds goes with it.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly PriorityQueue<(Action Work, TaskCompletionSource Done), long> _queue = new();
    private readonly HashSet<Task> _workers = [];
    private readonly int _limit;
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
            if (_workers.Count < _limit)
            {
                _workers.Add(Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.PreferFairness, TaskScheduler.Default));
            }
        }

        return done.Task;
    }

    /// <summary>Drops what is queued, and waits for what runs. Not to be called from the work itself. Idempotent.</summary>
    /// <returns>False when something hangs.</returns>
    internal bool Stop()
    {
        Task[] running;
        lock (_gate)
        {
            _stopped = true;
            while (_queue.TryDequeue(out var dropped, out _))
            {
                dropped.Done.SetResult();
            }

            running = [.. _workers];
        }

        return Task.WaitAll(running, s_patience);
    }

    private void Work()
    {
        while (true)
        {
            (Action Work, TaskCompletionSource Done) next;
            lock (_gate)
            {
                if (!_queue.TryDequeue(out next, out _))
                {
                    _workers.RemoveWhere(static worker => worker.Id == Task.CurrentId);
                    return;
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
