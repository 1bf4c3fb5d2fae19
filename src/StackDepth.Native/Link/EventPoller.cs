using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Sleeps until one of many descriptors has news, or somebody calls <see cref="Wake"/>. Edge-triggered: whoever is woken looks at all of them before waiting again, and an event whose
/// CPU went offline (POLLHUP) does not wake for ever.
/// </summary>
internal sealed unsafe class EventPoller : IDisposable
{
    private const int EPollCloseOnExec = 0x80000;
    private const int EventFdCloseOnExecNonBlocking = 0x80800;
    private const int EPollControlAdd = 1;
    private const uint EPollInEdgeTriggered = 1 | 1u << 31;
    private const int MaxEvents = 4;
    private const int MaxEventSize = 16;

    private readonly KernelOperation _operation;
    private readonly SystemCalls _sys;
    private readonly FileDescriptor _epoll;
    private readonly FileDescriptor _event;

    /// <exception cref="KernelException">The kernel refused a descriptor.</exception>
    internal EventPoller(KernelOperation operation, SystemCalls sys)
    {
        (_operation, _sys, _epoll, _event) = (operation, sys, new(sys), new(sys));
        try
        {
            _epoll.Take(Check(sys.EPollCreate(EPollCloseOnExec), "epoll_create1"));
            _event.Take(Check(sys.EventFd(0, EventFdCloseOnExecNonBlocking), "eventfd"));
            Watch(_event.Value);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Waits for this descriptor too; it stays the caller's, to be kept open as long as this.</summary>
    internal void Watch(int fd)
    {
        // Which one it was is not asked, so the rest, which lies differently on x86-64, stays 0.
        var item = stackalloc byte[MaxEventSize];
        new Span<byte>(item, MaxEventSize).Clear();
        MemoryMarshal.Write(new Span<byte>(item, sizeof(uint)), EPollInEdgeTriggered);
        Check(_sys.EPollControl(_epoll.Value, EPollControlAdd, fd, item), "epoll_ctl");
    }

    /// <summary>Waits, from one thread; may return without news.</summary>
    internal void Wait()
    {
        var events = stackalloc byte[MaxEvents * MaxEventSize];
        var count = _sys.EPollWait(_epoll.Value, events, MaxEvents, -1);
        if (count < 0 && count != -(long)Errno.EINTR)
        {
            Check(count, "epoll_wait");
        }
    }

    /// <summary>Ends the wait that is going on, or the next one.</summary>
    internal void Wake()
    {
        // Edges need no read; it would take 2^64 wakes to fill the counter.
        ulong one = 1;
        long result;
        do
        {
            result = _sys.Write(_event.Value, &one, sizeof(ulong));
        }
        while (result == -(long)Errno.EINTR);
        Check(result, "the wake-up eventfd");
    }

    /// <summary>When nobody waits any more.</summary>
    public void Dispose()
    {
        _epoll.Dispose();
        _event.Dispose();
    }

    private long Check(long result, string call) => result >= 0 ? result : throw KernelErrors.Create(_operation, (Errno)(-result), call, _sys);
}
