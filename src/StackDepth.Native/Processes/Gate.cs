using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Processes;

/// <summary>
/// What a child waits at before its exec: a FIFO. Opening one for reading blocks until somebody opens it for writing (fifo(7)), and an open is a thing that
/// <c>posix_spawn</c> can be told to do in the child. A second FIFO, the bell, tells when the child has come to the gate.
/// <para>
/// Both are unlinked as soon as they are open here, and from then on reached through <c>/proc/self/fd</c>: nothing is left behind in the file system, however
/// this process ends, and no other process can find them.
/// </para>
/// </summary>
internal sealed unsafe class Gate : IDisposable
{
    internal const int ReadOnly = 0;
    internal const int WriteOnly = 1;
    internal const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int PathOnly = 0x200000;
    private const int NoSuchDevice = 6; // ENXIO: nobody waits to read
    private const int Interrupted = 4;

    private readonly SafeFileHandle _door;
    private readonly SafeFileHandle _bell;
    private readonly SafeFileHandle _alarm;
    private readonly Lock _alarmLifetime = new();

    /// <exception cref="IOException">The temporary directory cannot be written to, or cannot hold a FIFO.</exception>
    internal Gate()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory($"stackdepth-gate-{Environment.ProcessId}-"); // mkdtemp(3): mode 0700
        string door = Path.Combine(directory.FullName, "gate");
        string bell = Path.Combine(directory.FullName, "bell");

        try
        {
            // O_PATH: a true open would already count as a reader. The bell is opened to be read, so that the child's open for writing never blocks.
            _door = Make(door, PathOnly | CloseOnExec);
            _bell = Make(bell, ReadOnly | NonBlocking | CloseOnExec);
            int alarm = LibC.EventFd(0, CloseOnExec);
            _alarm = alarm >= 0 ? new SafeFileHandle(alarm, ownsHandle: true) : throw Failure("open an eventfd for a gate", Marshal.GetLastPInvokeError());
        }
        catch
        {
            _door?.Dispose();
            _bell?.Dispose();
            throw;
        }
        finally
        {
            File.Delete(door);
            File.Delete(bell);
            directory.Delete();
        }
    }

    /// <summary>The descriptor of the gate's FIFO: open <c>/proc/self/fd/N</c> of it for reading to wait.</summary>
    internal int DoorFd => (int)_door.DangerousGetHandle();

    /// <summary>The descriptor of the bell: open <c>/proc/self/fd/N</c> of it for writing and close that to ring.</summary>
    internal int BellFd => (int)_bell.DangerousGetHandle();

    /// <summary>How a process, ours or the child, names its own descriptor as a path.</summary>
    internal static string PathOf(int fd) => $"/proc/self/fd/{fd}";

    /// <summary>Blocks until the child has rung, and has nothing left to do but to wait and to exec, or until <see cref="Alarm"/>.</summary>
    internal void WaitForBell()
    {
        // struct pollfd {int fd; short events; short revents}, little-endian, POLLIN. The child's close of the bell is a POLLHUP, which comes unasked.
        const ulong WantInput = 1UL << 32;
        ulong* polled = stackalloc ulong[] { (uint)BellFd | WantInput, (uint)_alarm.DangerousGetHandle() | WantInput };

        while (LibC.Poll(polled, 2, -1) < 0)
        {
            int error = Marshal.GetLastPInvokeError();
            if (error != Interrupted)
            {
                throw Failure("wait for the child to reach its gate", error);
            }
        }
    }

    /// <summary>Ends <see cref="WaitForBell"/> when no child will ring. Does nothing when the bell has been removed.</summary>
    internal void Alarm()
    {
        lock (_alarmLifetime)
        {
            ulong one = 1;
            if (!_alarm.IsClosed && LibC.Write((int)_alarm.DangerousGetHandle(), &one, sizeof(ulong)) < 0)
            {
                throw Failure("sound the gate's alarm", Marshal.GetLastPInvokeError());
            }
        }
    }

    /// <summary>Lets a child that waits at the gate go. False when none waits (yet).</summary>
    /// <exception cref="Win32Exception">This process cannot open another file (EMFILE).</exception>
    internal bool TryOpen()
    {
        // The child has gone through as soon as the open succeeds: the kernel wakes it by a count of writers that never falls. So no need to keep it open.
        using SafeFileHandle? writer = Open(PathOf(DoorFd), WriteOnly | NonBlocking | CloseOnExec);
        return writer is not null;
    }

    /// <summary>Closes the bell, which needs no ringing any more.</summary>
    internal void RemoveBell()
    {
        _bell.Dispose();
        lock (_alarmLifetime)
        {
            _alarm.Dispose();
        }
    }

    public void Dispose()
    {
        RemoveBell();
        _door.Dispose();
    }

    private static SafeFileHandle Make(string path, int flags)
    {
        if (LibC.MakeFifo(path, 0b110_000_000) != 0)
        {
            throw new IOException(
                $"Cannot make the FIFO '{path}' which holds a child back: {Marshal.GetLastPInvokeErrorMessage()}. "
                + "Let TMPDIR name a local directory that this process may write to.");
        }

        return Open(path, flags) ?? throw Failure("open a gated child's FIFO", NoSuchDevice);
    }

    private static SafeFileHandle? Open(string path, int flags)
    {
        while (true)
        {
            int fd = LibC.Open(path, flags, 0);
            if (fd >= 0)
            {
                return new SafeFileHandle(fd, ownsHandle: true);
            }

            switch (Marshal.GetLastPInvokeError())
            {
                case Interrupted:
                    continue;
                case NoSuchDevice:
                    return null;
                case int error:
                    throw Failure("open a gated child's FIFO", error);
            }
        }
    }

    private static Win32Exception Failure(string what, int error) => new(error, $"Cannot {what}: {Marshal.GetPInvokeErrorMessage(error)}.");
}
