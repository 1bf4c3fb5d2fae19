using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Ring;

/// <summary>
/// Sleeps until a ring has records, somebody calls <see cref="Wake"/>, or a time is over. One thread waits (the reader's consumer); any may wake.
/// </summary>
/// <remarks>
/// <para>
/// Made for producers that seldom wake: a wake-up costs the probed program microseconds, so it passes <c>BPF_RB_NO_WAKEUP</c> with most records, and
/// <c>BPF_RB_FORCE_WAKEUP</c> once in every 64 KiB (or half the ring, if that is less). Better by the producer position (the first records of each such block)
/// than by the bytes pending: with those, once the consumer is behind, every record pays for a wake-up, 6 us instead of 0.1 us as measured. Below that mark
/// nobody is told, so the consumer also looks by itself:
/// </para>
/// <code>
/// PollPeriod period = default;
/// while (!stopping)
/// {
///     poller.Wait(period.Current);             // TimedOut, Data or Woken: whichever it is, drain
///     period.Next(reader.Drain(ref sink) > 0);
/// }
/// </code>
/// <para>
/// An idle ring costs nearly nothing: a wait that finds nothing is one load, one fence and one sleeping system call, and <see cref="PollPeriod"/>
/// doubles the period while nothing comes, from 1 ms to 100 ms, so that an idle session wakes ten times a second; the first record resets it. The bound
/// is also how late a lone record can be seen. A burst is never late: within 64 KiB the program wakes the sleeper, whatever the period. With the kernel's default
/// wake-ups (flags 0) no period is needed, and <see cref="Timeout.InfiniteTimeSpan"/> will do.
/// </para>
/// <para>
/// The ring is watched edge-triggered: level-triggered, epoll would report a record that is still being written, again and again. The edges lost
/// between reading and sleeping are found by looking at the ring after the position is published (see <see cref="RingReader.HasRecordsAfterPublishing"/>).
/// </para>
/// </remarks>
internal sealed unsafe class RingPoller : IDisposable
{
    private const int EPollCloseOnExec = 0x80000;
    private const int EventFdCloseOnExec = 0x80000;
    private const int EventFdNonBlocking = 0x800;
    private const int EPollControlAdd = 1;
    private const uint EPollIn = 1;
    private const uint EPollEdgeTriggered = 1u << 31;
    private const int Interrupted = -4;
    private const int MaxEvents = 2;
    private const int MaxEventSize = 16;

    private readonly RingReader _reader;
    private readonly SystemCalls _sys;
    private readonly FileDescriptor _epoll;
    private readonly FileDescriptor _event;
    private int _wakeRequested;

    /// <summary>Starts to watch a ring.</summary>
    /// <param name="ringFd">The ring buffer map's descriptor: the caller's, and to be kept open as long as the poller.</param>
    /// <param name="reader">The reader of the same ring: the caller's.</param>
    /// <param name="sys">The way to the kernel.</param>
    /// <exception cref="KernelException">The kernel refused a descriptor, or to watch this one.</exception>
    internal RingPoller(int ringFd, RingReader reader, SystemCalls sys)
    {
        _reader = reader;
        _sys = sys;
        _epoll = new FileDescriptor(sys);
        _event = new FileDescriptor(sys);
        try
        {
            _epoll.Take(Check(sys.EPollCreate(EPollCloseOnExec), "epoll_create1"));
            _event.Take(Check(sys.EventFd(0, EventFdCloseOnExec | EventFdNonBlocking), "eventfd"));
            Watch(ringFd);
            Watch(_event.Value);
        }
        catch
        {
            Close();
            throw;
        }
    }

    /// <summary>
    /// Publishes the consumer position and waits until there is something to read, <see cref="Wake"/> or <see cref="Dispose"/> is called, or
    /// <paramref name="timeout"/> is over. One <see cref="Wake"/> ends one wait, also if it came before it.
    /// </summary>
    /// <param name="timeout">How long to wait at most, rounded up to milliseconds; zero only looks, <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <exception cref="ObjectDisposedException">The poller or the reader was disposed of before.</exception>
    /// <exception cref="KernelException">epoll_wait failed.</exception>
    internal WaitResult Wait(TimeSpan timeout)
    {
        bool infinite = timeout == Timeout.InfiniteTimeSpan;
        if (!infinite)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(timeout, TimeSpan.Zero);
        }

        // Both: an eventfd closed between the wake-up and its delivery takes its event with it, and the waiter would sleep on.
        using var epoll = _epoll.Borrow();
        using var wake = _event.Borrow();
        long start = Stopwatch.GetTimestamp();
        byte* events = stackalloc byte[MaxEvents * MaxEventSize];
        while (true)
        {
            if (Volatile.Read(ref _wakeRequested) != 0 && Interlocked.Exchange(ref _wakeRequested, 0) != 0)
            {
                return WaitResult.Woken;
            }

            if (_reader.HasRecordsAfterPublishing())
            {
                return WaitResult.Data;
            }

            int milliseconds = infinite ? -1 : MillisecondsLeft(timeout - Stopwatch.GetElapsedTime(start));
            if (milliseconds == 0)
            {
                return WaitResult.TimedOut;
            }

            // Which descriptor it was does not matter: both causes are looked at above. Nor does an interruption.
            long count = _sys.EPollWait(epoll.Value, events, MaxEvents, milliseconds);
            if (count < 0 && count != Interrupted)
            {
                Check(count, "epoll_wait");
            }
        }
    }

    /// <summary>
    /// Ends the wait going on, or else the next one, with <see cref="WaitResult.Woken"/>. From any thread; several wakes before one wait are one. After
    /// <see cref="Dispose"/> it does nothing.
    /// </summary>
    internal void Wake()
    {
        // A flag, so that a wake while another is on its way costs no system call; and each change from 0 to 1 is followed by a write, so none is lost.
        if (Interlocked.Exchange(ref _wakeRequested, 1) != 0)
        {
            return;
        }

        try
        {
            using var descriptor = _event.Borrow();
            ulong one = 1;
            long result;
            do
            {
                result = _sys.Write(descriptor.Value, &one, sizeof(ulong));
            }
            while (result == Interrupted);

            // Edges need no read, so the counter only grows; it would take 2^64 wakes to fill it.
            Check(result, "the wake-up eventfd");
        }
        catch (ObjectDisposedException)
        {
            // Nobody waits any more: stopping and disposing may race.
        }
    }

    /// <summary>Wakes the waiter, if there is one, and closes the descriptors after it has left. Idempotent, from any thread.</summary>
    public void Dispose()
    {
        Wake();
        Close();
    }

    private void Close()
    {
        _epoll.Dispose();
        _event.Dispose();
    }

    private void Watch(int fd)
    {
        // struct epoll_event is packed on x86-64 only: there the 64 bits of data are at 4, elsewhere at 8.
        byte* item = stackalloc byte[MaxEventSize];
        int dataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
        *(uint*)item = EPollIn | EPollEdgeTriggered;
        BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(item + dataOffset, sizeof(ulong)), (ulong)fd);
        Check(_sys.EPollControl(_epoll.Value, EPollControlAdd, fd, item), "epoll_ctl");
    }

    private long Check(long result, string call) =>
        result >= 0 ? result : throw KernelErrors.Create(KernelOperation.RingBufferWait, (Errno)(-result), call, _sys);

    private static int MillisecondsLeft(TimeSpan left) =>
        left <= TimeSpan.Zero ? 0 : (int)Math.Min(int.MaxValue, Math.Ceiling(left.TotalMilliseconds));
}
