using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Processes;

/// <summary>A process by descriptor (Linux 5.3): unlike its pid, it never comes to mean another process.</summary>
internal sealed unsafe class PidFd : IDisposable
{
    private const int OpenNumber = 434;
    private const int SendSignalNumber = 424;
    private const int NoSuchProcess = 3;

    private readonly Lock _lifetime = new();
    private readonly SafeFileHandle _handle;

    /// <exception cref="Win32Exception">There is no such process, no free descriptor, or no pidfd_open in this kernel.</exception>
    internal PidFd(int pid)
    {
        long fd = LibC.PidFdOpen(OpenNumber, pid, 0); // always closed on exec
        _handle = fd >= 0 ? new SafeFileHandle((nint)fd, ownsHandle: true) : throw Failure("pidfd_open (Linux 5.3)", Marshal.GetLastPInvokeError());
    }

    /// <summary>Sends a signal. Does nothing once the process has ended, or after <see cref="Dispose"/>.</summary>
    internal void Signal(int signal)
    {
        lock (_lifetime)
        {
            if (!_handle.IsClosed && LibC.PidFdSendSignal(SendSignalNumber, (int)_handle.DangerousGetHandle(), signal, null, 0) < 0)
            {
                int error = Marshal.GetLastPInvokeError();
                if (error != NoSuchProcess)
                {
                    throw Failure("pidfd_send_signal (Linux 5.1)", error);
                }
            }
        }
    }

    public void Dispose()
    {
        lock (_lifetime)
        {
            _handle.Dispose();
        }
    }

    private static Win32Exception Failure(string function, int error) => new(error, $"{function} failed: {Marshal.GetPInvokeErrorMessage(error)}.");
}
