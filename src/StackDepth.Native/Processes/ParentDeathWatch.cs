using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Processes;

/// <summary>
/// Kills a gated child when this process ends, however it ends. A pipe's read end asks the kernel for signal-driven I/O (O_ASYNC, fcntl(2)) with SIGKILL as
/// the signal and the child as its owner. The child has a copy of the read end, this process alone the write end: when this process is gone the write end is
/// closed, which is an event on the read end. Needs no right over the child other than to be of the same user, so it works where ptrace(2) is not permitted.
/// <para>
/// The kernel wants a pid to own the signal, so there is no protection in the instant between the child's making and <see cref="Arm"/>: a child whose parent
/// is killed just then waits at its gate until somebody kills it. It never runs its command.
/// </para>
/// </summary>
internal sealed unsafe class ParentDeathWatch : IDisposable
{
    private const int SetStatusFlags = 4; // F_SETFL
    private const int SetOwner = 8; // F_SETOWN
    private const int SetSignal = 10; // F_SETSIG
    private const int SignalDriven = 0x2000; // O_ASYNC
    private const int KillSignal = 9;

    private readonly SafeFileHandle _readEnd;
    private readonly SafeFileHandle _writeEnd;

    internal ParentDeathWatch()
    {
        int* ends = stackalloc int[2];
        if (LibC.Pipe(ends, Gate.CloseOnExec) != 0)
        {
            throw Failure(Marshal.GetLastPInvokeError());
        }

        _readEnd = new SafeFileHandle(ends[0], ownsHandle: true);
        _writeEnd = new SafeFileHandle(ends[1], ownsHandle: true);

        try
        {
            Control(SetSignal, KillSignal);
            Control(SetStatusFlags, SignalDriven);
        }
        catch
        {
            _readEnd.Dispose();
            _writeEnd.Dispose();
            throw;
        }
    }

    /// <summary>The descriptor that the child must keep until its exec. It is closed on exec.</summary>
    internal int ReadEndFd => (int)_readEnd.DangerousGetHandle();

    /// <summary>From now on the death of this process is the death of <paramref name="pid"/>.</summary>
    internal void Arm(int pid) => Control(SetOwner, pid);

    /// <summary>Takes <see cref="Arm"/> back: from now on the child is on its own.</summary>
    public void Dispose()
    {
        if (!_readEnd.IsClosed)
        {
            Control(SetOwner, 0);
        }

        _readEnd.Dispose();
        _writeEnd.Dispose();
    }

    private void Control(int command, int argument)
    {
        if (LibC.FileControl(ReadEndFd, command, argument) < 0)
        {
            throw Failure(Marshal.GetLastPInvokeError());
        }
    }

    private static Win32Exception Failure(int error) =>
        new(error, $"Cannot set up the pipe which ends a gated child together with this process: {Marshal.GetPInvokeErrorMessage(error)}.");
}
