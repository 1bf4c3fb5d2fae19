using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Ring;

/// <summary>The kernel, with a list of what is mapped and open through it, and calls that can be made to fail.</summary>
internal sealed unsafe class RecordingSystemCalls : SystemCalls
{
    private readonly List<long> _open = [];
    private readonly List<(long Address, nuint Length)> _mapped = [];
    private int _mapCalls;

    internal IReadOnlyList<long> Open => _open;

    internal IReadOnlyList<(long Address, nuint Length)> Mapped => _mapped;

    internal int Unmapped { get; private set; }

    /// <summary>The so-manyth mmap, from 1, fails with ENOMEM.</summary>
    internal int FailMap { get; init; }

    internal bool FailEventFd { get; init; }

    internal bool FailControl { get; init; }

    /// <summary>What the next epoll_waits answer, instead of asking the kernel.</summary>
    internal Queue<long> Waits { get; } = new();

    internal List<int> Timeouts { get; } = [];

    internal int Writes { get; private set; }

    internal override long MMap(nuint length, int protection, int flags, int fd, long offset)
    {
        if (++_mapCalls == FailMap)
        {
            return -12;
        }

        long address = Real.MMap(length, protection, flags, fd, offset);
        if (address > 0)
        {
            _mapped.Add((address, length));
        }

        return address;
    }

    internal override long MUnmap(nint address, nuint length)
    {
        Assert.True(_mapped.Remove((address, length)), "unmapped what was not mapped");
        Unmapped++;
        return Real.MUnmap(address, length);
    }

    internal override long EventFd(uint initial, int flags) => FailEventFd ? -24 : Opened(Real.EventFd(initial, flags));

    internal override long EPollCreate(int flags) => Opened(Real.EPollCreate(flags));

    internal override long EPollControl(int epoll, int operation, int fd, void* epollEvent) =>
        FailControl ? -1 : Real.EPollControl(epoll, operation, fd, epollEvent);

    internal override long EPollWait(int epoll, void* events, int maxEvents, int timeoutMilliseconds)
    {
        Timeouts.Add(timeoutMilliseconds);
        return Waits.TryDequeue(out long answer) ? answer : Real.EPollWait(epoll, events, maxEvents, timeoutMilliseconds);
    }

    internal override long Write(int fd, void* buffer, nuint length)
    {
        Writes++;
        return Real.Write(fd, buffer, length);
    }

    internal override long Close(int fd)
    {
        lock (_open)
        {
            Assert.True(_open.Remove(fd), "closed what was not open");
        }

        return Real.Close(fd);
    }

    private long Opened(long fd)
    {
        lock (_open)
        {
            _open.Add(fd);
        }

        return fd;
    }
}
