using System.Diagnostics;
using System.Runtime.InteropServices;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Ring;
using StackDepth.Native.Sys;

namespace StackDepth.Benchmarks.Ring;

/// <summary>Our reader in a process of its own: the counterpart of native/consumer.c, with the same protocol and the same work per record.</summary>
internal static class ConsumerProcess
{
    internal static int Run(uint mapId)
    {
        using var map = KernelObjects.OpenMap(mapId);
        using var reader = new RingReader(RingMemory.Map(map.Value, RingBytes(map), SystemCalls.Real));
        using var poller = new RingPoller(map.Value, reader, SystemCalls.Real);
        Console.WriteLine("ready");
        while (Console.ReadLine() is not null)
        {
            var sink = new Sink();
            var period = default(PollPeriod);
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            while (sink.Ended == 0)
            {
                poller.Wait(period.Current);
                period.Next(reader.Drain(ref sink) > 0);
            }
            allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
            var nanoseconds = (sink.Ended - sink.Began) * (1_000_000_000 / Stopwatch.Frequency);
            Console.WriteLine($"{sink.Records} {sink.Sum} {nanoseconds} {allocated}");
        }
        return 0;
    }

    private static int RingBytes(FileDescriptor map) =>
        int.Parse(ProcText.Field(File.ReadAllText($"/proc/self/fdinfo/{map.Value}"), "max_entries")!, System.Globalization.CultureInfo.InvariantCulture);

    private struct Sink : IRecordSink
    {
        internal long Records, Began, Ended;
        internal ulong Sum;

        public void OnRecord(ReadOnlySpan<byte> record)
        {
            var value = MemoryMarshal.Read<ulong>(record);
            if (value == ulong.MaxValue)
            {
                Ended = Stopwatch.GetTimestamp();
                return;
            }
            if (Records++ == 0)
                Began = Stopwatch.GetTimestamp();
            Sum += value + (ulong)record.Length;
        }
    }
}
