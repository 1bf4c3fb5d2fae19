using System.Runtime.InteropServices;

namespace StackDepth.Tool.Running;

/// <summary>Ctrl-C, SIGTERM and SIGHUP end the run in good order; a second one ends the tool at once, as it would without this.</summary>
internal sealed class Interruption : IDisposable
{
    private const int SigHup = 1;
    private const int SigInt = 2;
    private const int SigTerm = 15;
    private readonly TaskCompletionSource<int> _signal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource _cancel = new();
    private PosixSignalRegistration? _interrupt;
    private PosixSignalRegistration? _terminate;
    private PosixSignalRegistration? _hangUp;

    /// <summary>Takes the signals from now on.</summary>
    internal void Listen()
    {
        _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Take(context, SigInt));
        _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Take(context, SigTerm));
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Take(context, SigHup));
    }

    /// <summary>Completes with the signal's number.</summary>
    internal Task<int> Signal => _signal.Task;

    /// <summary>Cancelled by the signal.</summary>
    internal CancellationToken Token => _cancel.Token;

    public void Dispose()
    {
        _interrupt?.Dispose();
        _terminate?.Dispose();
        _hangUp?.Dispose();
        _cancel.Dispose();
    }

    private void Take(PosixSignalContext context, int number)
    {
        if (!_signal.TrySetResult(number))
            return;
        context.Cancel = true;
        _cancel.Cancel();
    }
}
