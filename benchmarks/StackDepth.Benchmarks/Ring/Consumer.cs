using System.Diagnostics;
using System.Globalization;
using StackDepth.Benchmarks.Support;

namespace StackDepth.Benchmarks.Ring;

/// <summary>What a consumer says of a round.</summary>
internal readonly record struct Consumed(long Records, ulong Sum, double Nanoseconds, long AllocatedBytes)
{
    internal double MillionsPerSecond => Records / Nanoseconds * 1e3;
}

/// <summary>A consumer in another process, pinned to the last CPU.</summary>
internal sealed class Consumer : IDisposable
{
    private readonly Process _process;

    internal Consumer(bool isPeer, RingProducer producer)
    {
        var map = KernelObjects.MapId(producer.Map).ToString(CultureInfo.InvariantCulture);
        string[] command = isPeer ? Peer.Chroot(Peer.Consumer, map) : Commands.Self("--consume", map);
        _process = Commands.Start(["taskset", "-c", (Environment.ProcessorCount - 1).ToString(CultureInfo.InvariantCulture), .. command]);
        if (_process.StandardOutput.ReadLine() != "ready")
            throw new InvalidOperationException("The consumer did not start.");
    }

    /// <summary>Lets the consumer read up to the next end marker.</summary>
    internal void Go()
    {
        _process.StandardInput.WriteLine("go");
        _process.StandardInput.Flush();
    }

    internal Consumed Result()
    {
        var line = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The consumer has ended.");
        var parts = line.Split(' ');
        return new(
            long.Parse(parts[0], CultureInfo.InvariantCulture), ulong.Parse(parts[1], CultureInfo.InvariantCulture),
            double.Parse(parts[2], CultureInfo.InvariantCulture), long.Parse(parts[3], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }
}
