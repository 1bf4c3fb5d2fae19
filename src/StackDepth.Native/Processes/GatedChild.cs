using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Processes;

/// <summary>
/// A command that is started but does not run its first own instruction until <see cref="Release"/>: so probes can be attached to the process it will be.
/// <para>
/// <c>posix_spawn</c> has the child open a FIFO (<see cref="Gate"/>) as its last action before the exec, and that open blocks. glibc's child borrows this
/// process's memory until its exec (CLONE_VM | CLONE_VFORK), and the thread that made it sleeps as long: each child has a thread of its own, which reaps it
/// afterwards. Until the release <c>/proc/PID/exe</c> is therefore this process's program, and <c>/proc/PID/maps</c> are its mappings.
/// </para>
/// <para>The child stays in this process's group and on its terminal; it inherits descriptors 0 to 2 and others that are not closed on exec.</para>
/// </summary>
internal sealed class GatedChild : IDisposable, IAsyncDisposable
{
    private const int KillSignal = 9;
    private const int TerminateSignal = 15;
    private const int Interrupted = 4;
    private const int ThreadStackBytes = 256 * 1024; // the child has a stack of its own, made by libc
    private static readonly TimeSpan s_reachGate = TimeSpan.FromSeconds(10);

    private readonly ChildCommand _command;
    private readonly Gate _gate;
    private readonly ParentDeathWatch _watch;
    private readonly SpawnPlan _plan;
    private readonly Lock _stage = new();
    private readonly TaskCompletionSource<int> _spawned = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ChildExit> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PidFd? _process;
    private int _threadId;
    private bool _released;
    private bool _disposed;

    private GatedChild(ChildCommand command)
    {
        _command = command;
        Gate? gate = null;
        ParentDeathWatch? watch = null;

        try
        {
            _gate = gate = new Gate();
            _watch = watch = new ParentDeathWatch();
            _plan = new SpawnPlan(command, gate, watch);
        }
        catch
        {
            watch?.Dispose();
            gate?.Dispose();
            throw;
        }
    }

    /// <summary>The child's process id, in this process's pid namespace. It keeps it through its exec.</summary>
    internal int Pid { get; private set; }

    /// <summary>The gate as this process sees it, while it is there.</summary>
    internal int DoorFd => _gate.DoorFd;

    /// <summary>Starts <paramref name="command"/> and returns when the child stands at the gate: nothing is left for it to do but to wait and to exec.</summary>
    /// <exception cref="FileNotFoundException">The file name has no slash and is not in PATH. Other faults of the file show at <see cref="Release"/>.</exception>
    /// <exception cref="DirectoryNotFoundException">The working directory does not exist.</exception>
    /// <exception cref="ArgumentException">A string cannot be passed to a program.</exception>
    /// <exception cref="Win32Exception">The system refuses: no process, thread or descriptor left, or no right to the working directory.</exception>
    /// <exception cref="IOException">The temporary directory cannot hold a FIFO.</exception>
    internal static GatedChild Start(ChildCommand command)
    {
        ArgumentNullException.ThrowIfNull(command);
        var child = new GatedChild(command);

        try
        {
            new Thread(child.SpawnAndReap, ThreadStackBytes) { IsBackground = true, Name = "StackDepth child" }.Start();
        }
        catch
        {
            child._plan.Dispose();
            child.RemoveGate();
            throw;
        }

        try
        {
            child.ComeToGate();
            return child;
        }
        catch
        {
            child.Abandon();
            throw;
        }
    }

    /// <summary>Lets the child execute its command, and returns when it does. Later calls do nothing.</summary>
    /// <exception cref="Win32Exception">The command cannot be executed; there is no child any more. <see cref="Win32Exception.NativeErrorCode"/> is the errno.</exception>
    /// <exception cref="InvalidOperationException">The child was killed while it waited.</exception>
    internal void Release()
    {
        lock (_stage)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_released)
            {
                return;
            }

            if (!TryOpenGate())
            {
                throw new InvalidOperationException($"The child {Pid} was killed while it waited to be released; '{_command.FileName}' has not run.");
            }

            int error = _spawned.Task.GetAwaiter().GetResult();
            _released = true;
            RemoveGate();

            if (error != 0)
            {
                throw ExecFailure(error);
            }
        }
    }

    /// <summary>
    /// How the child ended, once it has. Cancelling ends the waiting only. Faults with the exception of <see cref="Release"/> when the exec failed.
    /// </summary>
    /// <exception cref="InvalidOperationException">Somebody else took the exit status: this process ignores SIGCHLD, or reaps all its children.</exception>
    internal Task<ChildExit> WaitForExitAsync(CancellationToken cancellationToken = default) => _exit.Task.WaitAsync(cancellationToken);

    /// <summary>Ends the child by SIGKILL, at its gate or later. Does nothing when it has ended.</summary>
    internal void Kill() => _process?.Signal(KillSignal);

    /// <summary>Asks the child to end, by SIGTERM. Does nothing when it has ended.</summary>
    internal void Terminate() => _process?.Signal(TerminateSignal);

    /// <summary>
    /// Kills a child that was not released: it never runs. A released one goes on, and is reaped when it ends; call <see cref="Kill"/> first if it must not.
    /// </summary>
    public void Dispose()
    {
        if (DisposeReleased())
        {
            return;
        }

        // Reaped by its thread; it dies at once, for an open that waits at a FIFO can be killed.
        _ = Task.WaitAny(_exit.Task);
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (!DisposeReleased())
        {
            await ((Task)_exit.Task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>True when there is nothing to wait for.</summary>
    private bool DisposeReleased()
    {
        lock (_stage)
        {
            if (_disposed || _released)
            {
                _disposed = true;
                return true;
            }

            _disposed = true;
            Kill();
            RemoveGate();
            return false;
        }
    }

    /// <summary>The child's thread: it is the child's parent as the kernel sees it, asleep in posix_spawn until the exec and in waitpid until the end.</summary>
    private void SpawnAndReap()
    {
        int error;
        int pid;

        try
        {
            Volatile.Write(ref _threadId, ChildFinder.CurrentThreadId());
            error = _plan.Spawn(out pid);
        }
        catch (Exception e)
        {
            // An exception cannot leave a thread: Start, or Release, throws it.
            Fail(_spawned, e);
            Fail(_exit, e);
            _plan.Dispose();
            _gate.Alarm();
            return;
        }

        _plan.Dispose();
        _spawned.SetResult(error);
        _gate.Alarm();

        if (error != 0)
        {
            Fail(_exit, ExecFailure(error)); // libc has reaped it
        }
        else
        {
            Reap(pid);
        }
    }

    private void Reap(int pid)
    {
        int status;
        int answer;

        do
        {
            answer = LibC.WaitPid(pid, out status, 0);
        }
        while (answer < 0 && Marshal.GetLastPInvokeError() == Interrupted);

        string? fault = answer < 0 ? Marshal.GetLastPInvokeErrorMessage() : null;
        _process?.Dispose();

        if (fault is null)
        {
            _exit.SetResult(ChildExit.FromWaitStatus(status));
        }
        else
        {
            Fail(_exit, new InvalidOperationException(
                $"The exit status of child {pid} is lost: {fault}. This process was started with SIGCHLD ignored, or another part of it waits for any child."));
        }
    }

    private void ComeToGate()
    {
        _gate.WaitForBell();
        if (_spawned.Task.IsCompleted)
        {
            throw StartFailure(_spawned.Task.GetAwaiter().GetResult());
        }

        int pid = ChildFinder.Find(Volatile.Read(ref _threadId), _gate.DoorFd);
        _watch.Arm(pid);
        Pid = pid;
        Interlocked.Exchange(ref _process, new PidFd(pid)); // a full fence: the thread completes _spawned and then reads _process

        // As long as its thread is in posix_spawn nobody reaps the child: only then is it sure that the pid was still the child's.
        if (_spawned.Task.IsCompleted)
        {
            throw StartFailure(0);
        }

        _gate.RemoveBell();
    }

    /// <summary>Rids the system of a child that cannot be handed to the caller.</summary>
    private void Abandon()
    {
        _gate.RemoveBell(); // which frees the descriptor that opening the gate needs
        _process?.Dispose();
        _plan.Spoil();

        if (TryOpenGate())
        {
            _ = Task.WaitAny(_spawned.Task);
        }

        RemoveGate();
    }

    /// <summary>False when no child is left to go through.</summary>
    private bool TryOpenGate()
    {
        long start = Stopwatch.GetTimestamp();
        var wait = new SpinWait();

        while (!_gate.TryOpen())
        {
            if (_spawned.Task.IsCompleted)
            {
                return false;
            }

            // It has rung: a close and an open part it from the gate, or it is stopped by a debugger.
            if (Stopwatch.GetElapsedTime(start) > s_reachGate)
            {
                throw new TimeoutException($"The child {Pid} does not come to its gate. Is it traced or frozen? It has not run; dispose it to be rid of it.");
            }

            wait.SpinOnce();
        }

        return true;
    }

    private void RemoveGate()
    {
        _watch.Dispose();
        _gate.Dispose();
    }

    private static void Fail<T>(TaskCompletionSource<T> source, Exception exception)
    {
        source.SetException(exception);
        _ = source.Task.Exception; // seen: the caller need not wait for the exit of what never ran
    }

    private Exception StartFailure(int error) => error == 0
        ? new InvalidOperationException($"The child was killed before it came to its gate; '{_command.FileName}' has not run.")
        : new Win32Exception(
            error,
            $"Cannot start '{_command.FileName}'{(_command.WorkingDirectory is { } directory ? $" in '{directory}'" : "")}: "
            + $"{Marshal.GetPInvokeErrorMessage(error)}. Before its exec the child could not be made, enter its directory or set up its standard output.");

    private Win32Exception ExecFailure(int error)
    {
        const int NoEntry = 2, TooLong = 7, NoFormat = 8, NoAccess = 13, Busy = 26;
        string hint = error switch
        {
            NoEntry => "The file, the interpreter in its '#!' line, or the loader that it names does not exist.",
            TooLong => "Its arguments and environment are larger than the kernel takes.",
            NoFormat => "It is no program for this machine; a script needs a '#!' line, as no shell is asked to run it.",
            NoAccess => "The file is not executable by this user, is a directory, or lies on a file system mounted noexec.",
            Busy => "Somebody has the file open for writing.",
            _ => "The kernel refused to execute it.",
        };

        return new Win32Exception(error, $"Cannot execute '{_command.FileName}': {Marshal.GetPInvokeErrorMessage(error)}. {hint}");
    }
}
