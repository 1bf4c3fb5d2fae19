using System.Diagnostics;
using System.Runtime.InteropServices;
using StackDepth.Benchmarks.Ring;
using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>Our ring reader against libbpf's: the same producer, the same ring, each consumer in a process of its own on the other CPU.</summary>
internal static partial class RingThroughput
{
    private const int Warmups = 3;
    private const int Rounds = 9;
    private const int ConcurrentRecords = 10_000_000;
    private const int ConcurrentRing = 8 << 20;
    private const int FilledRing = 64 << 20;
    private const int PacedRate = 1_000_000;
    private const int PacedSeconds = 10;

    internal static Section Run()
    {
        PinToFirstCpu();
        var table = new Table("16-byte records", "libbpf, M/s", "StackDepth, M/s", "ratio", "lost, libbpf", "lost, StackDepth", "bytes allocated per record");
        var filled = Compare(FilledRing, Wakeups.None, Filled);
        Add("reading a full ring of 64 MiB", filled);
        var concurrent = Compare(ConcurrentRing, Wakeups.Adaptive, Concurrent);
        Add("beside the producer, ring of 8 MiB", concurrent);
        var (paced, lost, rate) = Paced();
        var met = filled.Own.Rate >= 0.8 * filled.Peer.Rate && concurrent.Own.Rate >= 0.8 * concurrent.Peer.Rate;
        return new("Ring reader", $"""
            Medians of {Rounds} alternating rounds after {Warmups} to warm up; records per second from the first record to the last, as the consumer sees them. The producer is one BPF program in
            a loop (no probe, no trap) with adaptive wake-ups: none until 64 KiB are pending. It writes as fast as it can; what finds no room is lost and counted.

            {table}
            Goal, at least 80% of libbpf's: {Verdict(met)}. Goal, no allocation per record: {Verdict(filled.Own.Allocated + concurrent.Own.Allocated + paced.AllocatedBytes == 0)}.

            At {Number(rate / 1e6, 2)} M records/s for {PacedSeconds} s, ring of 8 MiB: {Number(paced.Records)} records read, {Number(lost)} lost. Goal, none lost at 1 M/s: {Verdict(lost == 0 && rate >= 0.99 * PacedRate)}.
            """);

        void Add(string name, (Figures Peer, Figures Own) sides) => table.Add(
            name, Number(sides.Peer.Rate, 1), Number(sides.Own.Rate, 1), Number(sides.Own.Rate / sides.Peer.Rate, 2), $"{Number(100 * sides.Peer.Lost, 1)}%", $"{Number(100 * sides.Own.Lost, 1)}%",
            Number(sides.Own.AllocatedPerRecord, 6));
    }

    private sealed record Figures(double Rate, double Lost, long Allocated, double AllocatedPerRecord);

    /// <summary>Alternates the two consumers round by round; one of them at a time has a ring.</summary>
    private static (Figures Peer, Figures Own) Compare(int ringBytes, Wakeups wakeups, Func<RingProducer, Consumer, (Consumed Result, int Written)> round)
    {
        using RingProducer peerProducer = new(ringBytes, wakeups), ownProducer = new(ringBytes, wakeups);
        using Consumer peer = new(isPeer: true, peerProducer), own = new(isPeer: false, ownProducer);
        List<(Consumed Result, double Lost)> peerRounds = [], ownRounds = [];
        for (var index = 0; index < Warmups + Rounds; index++)
        {
            Measure(peerProducer, peer, peerRounds);
            Measure(ownProducer, own, ownRounds);
        }
        return (Summarize(peerRounds), Summarize(ownRounds));

        void Measure(RingProducer producer, Consumer consumer, List<(Consumed, double)> rounds)
        {
            var before = producer.LostRecords;
            var (result, written) = round(producer, consumer);
            // Retries of the end marker count as lost too; they are no records.
            var lost = written - result.Records;
            if (lost < 0 || lost > producer.LostRecords - before)
                throw new InvalidOperationException($"{result.Records} records read of {written} written, {producer.LostRecords - before} lost: the counts contradict each other.");
            rounds.Add((result, (double)lost / written));
        }

        static Figures Summarize(List<(Consumed Result, double Lost)> rounds)
        {
            var measured = rounds.Skip(Warmups).ToArray();
            var allocated = measured.Sum(static item => item.Result.AllocatedBytes);
            return new(
                measured.Select(static item => item.Result.MillionsPerSecond).Median(), measured.Select(static item => item.Lost).Median(), allocated,
                (double)allocated / measured.Sum(static item => item.Result.Records));
        }
    }

    /// <summary>All records and the marker are there before the consumer begins: the reader alone.</summary>
    private static (Consumed Result, int Written) Filled(RingProducer producer, Consumer consumer)
    {
        const int records = FilledRing / RingProducer.RecordInRing - 2;
        producer.Run(records, 0);
        producer.End();
        consumer.Go();
        return (consumer.Result(), records);
    }

    /// <summary>Producer and consumer at the same time.</summary>
    private static (Consumed Result, int Written) Concurrent(RingProducer producer, Consumer consumer)
    {
        const int run = 100_000;
        consumer.Go();
        for (var written = 0; written < ConcurrentRecords; written += run)
            producer.Run(run, (ulong)written);
        producer.End();
        return (consumer.Result(), ConcurrentRecords);
    }

    private static (Consumed Result, long Lost, double Rate) Paced()
    {
        const int run = 100;
        const int records = PacedRate * PacedSeconds;
        using var producer = new RingProducer(ConcurrentRing, Wakeups.Adaptive);
        using var consumer = new Consumer(isPeer: false, producer);
        for (var warmup = 0; warmup < Warmups; warmup++)
            Concurrent(producer, consumer);
        var lost = producer.LostRecords;
        consumer.Go();
        var begin = Stopwatch.GetTimestamp();
        for (var written = 0; written < records; written += run)
        {
            while (Stopwatch.GetElapsedTime(begin).TotalSeconds * PacedRate < written)
                Thread.SpinWait(10);
            producer.Run(run, (ulong)written);
        }
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        producer.End();
        var result = consumer.Result();
        return (result, producer.LostRecords - lost, result.Records / seconds);
    }

    private static void PinToFirstCpu()
    {
        var mask = 1UL;
        if (SetAffinity(0, sizeof(ulong), ref mask) != 0)
            throw new InvalidOperationException("The thread cannot be pinned to a CPU.");
    }

    [LibraryImport("libc", EntryPoint = "sched_setaffinity")]
    private static partial int SetAffinity(int thread, nuint bytes, ref ulong mask);
}
