using StackDepth.Native.Processes;

namespace StackDepth.Runtime;

/// <summary>A command's process, brought to its gate on a thread beside the caller's: it is there by the time that the probes are.</summary>
internal sealed class ChildStart : IDisposable
{
    private readonly Task<GatedChild> _starting;

    // A thread of its own: to come to the gate is to block, and the pool is slow to replace a thread that blocks.
    private ChildStart(ChildCommand command) =>
        _starting = Task.Factory.StartNew(() => GatedChild.Start(command), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    internal static ChildStart Begin(ChildCommand command) => new(command);

    /// <summary>The child at its gate; throws what <see cref="GatedChild.Start"/> throws.</summary>
    internal GatedChild Wait() => _starting.GetAwaiter().GetResult();

    /// <summary>Kills a child that was not released; one that was goes on.</summary>
    public void Dispose()
    {
        // Why it did not start is for Wait to say; here it only has to be over.
        ((IAsyncResult)_starting).AsyncWaitHandle.WaitOne();
        if (_starting.IsCompletedSuccessfully)
            Wait().Dispose();
        else
            _ = _starting.Exception;
    }
}
