using System.Runtime.InteropServices;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// The mapping events of a session: reads them on a thread of its own, puts those of all CPUs in order, and gives them to all who want them. Thread-safe.
/// </summary>
internal sealed class MappingFeed : IDisposable
{
    private readonly Lock _gate = new();
    private readonly MappingEvents _events;
    private readonly List<IMappingSink> _sinks = [];
    private readonly Thread _thread;
    private readonly List<Entry> _entries = [];
    private readonly List<byte> _bytes = [];
    private volatile bool _hasPending;
    private volatile bool _stopping;
    private Exception? _failure;

    private MappingFeed(MappingEvents events)
    {
        _events = events;
        _thread = new Thread(Run) { IsBackground = true, Name = "StackDepth mappings" };
        _thread.Start();
    }

    /// <param name="sys">The kernel.</param>
    /// <param name="dataPages">The size of each CPU's ring: a power of two.</param>
    /// <exception cref="KernelException">The kernel refuses the events.</exception>
    internal static MappingFeed Open(SystemCalls sys, int dataPages = MappingEvents.DefaultPages) => new(MappingEvents.Open(sys, dataPages));

    /// <summary>Begins to tell a sink, from the feed's thread or that of <see cref="CatchUp"/>, one call at a time.</summary>
    internal void Add(IMappingSink sink)
    {
        lock (_gate)
        {
            if (_failure is null)
            {
                _sinks.Add(sink);
                return;
            }
        }

        sink.OnFailed(_failure);
    }

    /// <summary>Tells a sink no more; when this returns it is not being told either.</summary>
    internal void Remove(IMappingSink sink)
    {
        lock (_gate)
        {
            _sinks.Remove(sink);
        }
    }

    /// <summary>Returns when all that happened before the call has been told.</summary>
    internal void CatchUp()
    {
        lock (_gate)
        {
            if (!_stopping && _failure is null)
            {
                Guarded(Round);
            }
        }
    }

    /// <summary>Reads no more, and waits for the thread. Idempotent.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
        }

        _events.Wake();
        _thread.Join();
        _events.Dispose();
    }

    private void Run() => Guarded(() =>
    {
        while (!_stopping)
        {
            if (!_hasPending)
            {
                _events.Wait();
            }

            lock (_gate)
            {
                if (_failure is not null)
                {
                    return;
                }

                Round();
            }
        }
    });

    // An exception that left the thread would end the host's process.
    private void Guarded(Action read)
    {
        try
        {
            read();
        }
        catch (Exception error)
        {
            IMappingSink[] sinks;
            lock (_gate)
            {
                _failure = error;
                sinks = [.. _sinks];
                _sinks.Clear();
            }

            Array.ForEach(sinks, sink => sink.OnFailed(error));
        }
    }

    // The rings are read one after the other: a later record of one can be seen in a round that missed what led to it in another. What led to a record was written before it, so up to
    // the time at which the round began nothing is missing.
    private void Round()
    {
        var completeUntil = BootClock.Now;
        var sink = new Collector(this);
        _events.Drain(ref sink);
        _entries.Sort(static (a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : a.At.CompareTo(b.At));

        // Nothing waits for more than a round, whatever a clock may say.
        var ready = 0;
        while (ready < _entries.Count && (_entries[ready].Time <= completeUntil || _entries[ready].HasWaited))
        {
            var entry = _entries[ready++];
            Tell(CollectionsMarshal.AsSpan(_bytes).Slice(entry.At, entry.Length));
        }

        foreach (var each in _sinks.ToArray())
        {
            Guarded(each, () => each.OnRound(completeUntil));
        }

        Keep(ready);
    }

    private void Tell(Span<byte> record)
    {
        for (var i = _sinks.Count - 1; i >= 0; i--)
        {
            var sink = _sinks[i];
            try
            {
                sink.OnRecord(new PerfRecord(record));
            }
            catch (Exception error)
            {
                _sinks.RemoveAt(i);
                sink.OnFailed(error);
            }
        }
    }

    // A sink that fails fails alone.
    private void Guarded(IMappingSink sink, Action tell)
    {
        try
        {
            tell();
        }
        catch (Exception error)
        {
            _sinks.Remove(sink);
            sink.OnFailed(error);
        }
    }

    private void Keep(int from)
    {
        var entries = _entries[from..];
        var bytes = _bytes.ToArray();
        _entries.Clear();
        _bytes.Clear();
        foreach (var entry in entries)
        {
            _entries.Add(entry with { At = _bytes.Count, HasWaited = true });
            _bytes.AddRange(bytes.AsSpan(entry.At, entry.Length));
        }

        _hasPending = _entries.Count > 0;
    }

    private readonly record struct Entry(long Time, int At, int Length, bool HasWaited);

    private readonly struct Collector(MappingFeed feed) : IRecordSink
    {
        public void OnRecord(ReadOnlySpan<byte> record)
        {
            feed._entries.Add(new Entry(new PerfRecord(record).Time, feed._bytes.Count, record.Length, false));
            feed._bytes.AddRange(record);
        }
    }
}
