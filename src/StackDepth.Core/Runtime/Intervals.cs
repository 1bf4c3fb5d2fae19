using StackDepth.Compile;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>Results of parts of a session: takes out of the kernel what only a part of a session may have. Counts, sums and buckets only grow, and need none of this: their results are differences.</summary>
internal sealed class Intervals : IDisposable
{
    private Intervals(ExtremeIntervals? extremes, KeptIntervals? kept) => (Extremes, Kept) = (extremes, kept);

    internal ExtremeIntervals? Extremes { get; }

    internal KeptIntervals? Kept { get; }

    /// <exception cref="ProbeUnavailableException">The kernel is too old.</exception>
    internal static Intervals Create(CompiledQuery query, KernelMaps maps, SystemCalls sys)
    {
        ExtremeIntervals? extremes = null;
        try
        {
            if (ExtremeTaker.Of(query) is { } taker)
                extremes = new(taker, BpfProgram.Load(taker.Build(), maps.ByName, sys), maps[taker.Map].PossibleCpus);
            return new(extremes, query.Kept is { } layout ? new(layout, BpfProgram.Load(KeptTaker.Build(layout), maps.ByName, sys)) : null);
        }
        catch (Exception error) when (error is VerifierException or KernelException { Errno: Errno.EINVAL })
        {
            extremes?.Dispose();
            throw new ProbeUnavailableException(
                "This kernel does not let extremes, last values, quantiles and kept hits be taken back while the probes stay.",
                "Linux 5.19 does (bpf_map_lookup_percpu_elem). Ask for counts, sums or histograms, or attach again for each interval.",
                error);
        }
    }

    public void Dispose()
    {
        Extremes?.Dispose();
        Kept?.Dispose();
    }
}
