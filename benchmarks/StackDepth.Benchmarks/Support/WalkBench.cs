namespace StackDepth.Benchmarks.Support;

/// <summary>
/// The same target several times, each under a probe of its own, all at once: short batches go round among them, so that what else the machine does meets all alike.
/// </summary>
internal sealed class WalkBench : IDisposable
{
    private readonly List<(LineTarget Target, DepthProbe Probe)> _sides = [];

    /// <param name="walks">The walks; null is the peer.</param>
    /// <param name="binary">The probed file.</param>
    /// <param name="symbol">Functions of it.</param>
    /// <param name="command">The target.</param>
    internal WalkBench(IEnumerable<StackWalk?> walks, string binary, string symbol, params string[] command)
    {
        try
        {
            foreach (var walk in walks)
            {
                var target = new LineTarget(command);
                // It runs, and not still taskset or the loader.
                target.Ask("d 20 1");
                _sides.Add((target, DepthProbe.Attach(walk, binary, symbol, target.ProcessId, () => target.Ask("d 20 1"))));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal IEnumerable<string> Names => _sides.Select(static side => side.Probe.Name);

    /// <summary>Nanoseconds a hit in the kernel, by side.</summary>
    /// <param name="line">What each batch asks of the target.</param>
    /// <param name="batches">How many batches count; two before them do not.</param>
    /// <param name="hits">How many hits each must give; 0 where only the target knows.</param>
    internal double[] Measure(string line, int batches, int hits = 0)
    {
        var values = _sides.ConvertAll(static _ => new List<double>());
        for (var batch = -2; batch < batches; batch++)
        {
            for (var side = 0; side < _sides.Count; side++)
            {
                var (target, probe) = _sides[side];
                var before = probe.Program.Counters;
                target.Ask(line);
                var after = probe.Program.Counters;
                var runs = after.Runs - before.Runs;
                if (runs == 0 || (hits > 0 && runs != (ulong)hits))
                    throw new InvalidOperationException($"{probe.Name}: {runs} runs of the program for '{line}'.");
                if (batch >= 0)
                    values[side].Add((double)(after.Nanoseconds - before.Nanoseconds) / runs);
            }
        }
        return [.. values.Select(static list => list.Median())];
    }

    /// <summary>Detaches; what each says about the stacks.</summary>
    internal string[] End() => [.. _sides.Select(static side => side.Probe.End())];

    public void Dispose()
    {
        foreach (var (target, probe) in _sides)
        {
            probe.Dispose();
            target.Dispose();
        }
    }
}
