using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Threads;

/// <summary>Which threads an iterator visits.</summary>
internal readonly record struct TaskScope(int ProcessId, int ThreadId)
{
    internal static TaskScope All => default;

    internal static TaskScope Process(int processId) => new(processId, 0);

    internal static TaskScope Thread(int threadId) => new(0, threadId);

    public override string ToString() => this switch
    {
        { ProcessId: not 0 } => $"process {ProcessId}",
        { ThreadId: not 0 } => $"thread {ThreadId}",
        _ => "all processes",
    };
}

/// <summary>
/// An iterator of the kernel's over threads or their mappings: each <see cref="Read"/> runs the program for each of them anew, in this very call. Nothing is attached to anything that others run.
/// </summary>
internal sealed unsafe class TaskIterator : IDisposable
{
    /// <summary>Twice the kernel's own buffer (PAGE_SIZE &lt;&lt; 3, kernel/bpf/bpf_iter.c), so that each read ends where a record ends.</summary>
    private const int BufferBytes = 64 * 1024;

    private const int MostInterrupted = 100;

    private readonly FileDescriptor _link;
    private readonly TaskScope _scope;
    private readonly SystemCalls _sys;

    private TaskIterator(FileDescriptor link, TaskScope scope, SystemCalls sys) => (_link, _scope, _sys) = (link, scope, sys);

    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static TaskIterator Create(BpfProgram program, TaskScope scope, SystemCalls sys)
    {
        using var programFd = program.Handle.Borrow();
        var information = new TaskIteratorInformation { ThreadId = (uint)scope.ThreadId, ProcessId = (uint)scope.ProcessId };
        var attribute = new LinkCreateAttribute { ProgramFd = (uint)programFd.Value, AttachType = (uint)AttachType.TraceIter };
        if (scope != TaskScope.All)
        {
            attribute.Iterator = new() { Information = (ulong)&information, InformationLength = (uint)sizeof(TaskIteratorInformation) };
        }

        return KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out var errno) is { } link
            ? new(link, scope, sys)
            : throw KernelErrors.Create(KernelOperation.TaskIterator, errno, scope.ToString(), sys);
    }

    /// <summary>Takes a piece of what the program wrote: whole records.</summary>
    internal delegate void Taker(ReadOnlySpan<byte> bytes);

    /// <summary>Visits all of the scope.</summary>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal void Read(Taker take)
    {
        using var link = _link.Borrow();
        var attribute = new IteratorCreateAttribute { LinkFd = (uint)link.Value };
        using var iterator = KernelCall.BpfDescriptor(_sys, BpfCommand.IterCreate, ref attribute, out var errno)
            ?? throw KernelErrors.Create(KernelOperation.TaskIterator, errno, _scope.ToString(), _sys);
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            fixed (byte* pointer = buffer)
            {
                for (var interrupted = 0; ;)
                {
                    var read = _sys.Read(iterator.Value, pointer, BufferBytes);
                    if (read > 0)
                    {
                        take(new(pointer, (int)read));
                        continue;
                    }

                    if (read == 0)
                    {
                        return;
                    }

                    // EAGAIN: the kernel has visited a million that wrote nothing, and lets others have the CPU.
                    if (-read is not ((long)Errno.EINTR or (long)Errno.EAGAIN) || ++interrupted > MostInterrupted)
                    {
                        throw KernelErrors.Create(KernelOperation.TaskIterator, (Errno)(-read), _scope.ToString(), _sys);
                    }
                }
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose() => _link.Dispose();
}
