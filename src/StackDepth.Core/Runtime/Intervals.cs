using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>Results of parts of a session: takes out of the kernel what only a part of a session may have (<see cref="ExtremeTaker"/>).</summary>
internal sealed class Intervals : IDisposable
{
    private readonly ExtremeTaker _taker;
    private readonly BpfProgram _program;
    private readonly int _cpus;

    private Intervals(ExtremeTaker taker, BpfProgram program, int cpus) => (_taker, _program, _cpus) = (taker, program, cpus);

    /// <exception cref="ProbeQueryException">The query has none.</exception>
    internal static void Check(bool hasIntervals)
    {
        if (!hasIntervals)
        {
            throw new ProbeQueryException(
                "Hits that are kept (MaxBy, MinBy, TopK) stay in the kernel: a session of them does not begin anew. Attach again for each interval, or ask for the Max, which begins anew.");
        }
    }

    /// <summary>Null where nothing has to be taken.</summary>
    /// <exception cref="ProbeUnavailableException">The kernel is too old.</exception>
    internal static Intervals? Create(CompiledQuery query, KernelMaps maps, SystemCalls sys)
    {
        if (ExtremeTaker.Of(query) is not { } taker)
            return null;
        try
        {
            return new(taker, BpfProgram.Load(taker.Build(), maps.ByName, sys), maps[taker.Map].PossibleCpus);
        }
        catch (Exception error) when (error is VerifierException or KernelException { Errno: Errno.EINVAL })
        {
            throw new ProbeUnavailableException(
                "This kernel does not let extremes, last values and quantiles be taken back while the probes stay.", "Linux 5.19 does (bpf_map_lookup_percpu_elem). Ask for counts, sums or histograms, or attach again for each interval.", error);
        }
    }

    /// <summary>Replaces the extremes and last values of an aggregate by those that are taken out of the kernel.</summary>
    /// <param name="key">The group's key; of the total, the index in the results.</param>
    /// <param name="value">The aggregate as it was read.</param>
    internal void Take(ReadOnlySpan<byte> key, AggregateValue value)
    {
        value.ClearExtremes();
        var context = new byte[_taker.ContextBytes];
        for (var cpu = 0; cpu < _cpus; cpu++)
        {
            context.AsSpan().Clear();
            BinaryPrimitives.WriteInt64LittleEndian(context.AsSpan(ExtremeTaker.Cpu), cpu);
            key.CopyTo(context.AsSpan(ExtremeTaker.Key));
            _program.Run(context);
            value.MergeExtremes(_taker.Words(), context.AsSpan(_taker.Taken));
        }
    }

    public void Dispose() => _program.Dispose();
}
