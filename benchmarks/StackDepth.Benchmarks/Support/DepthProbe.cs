using System.Diagnostics;
using System.Globalization;

namespace StackDepth.Benchmarks.Support;

/// <summary><c>max(len(ustack))</c> attached, by the peer or by us, to a process that runs already.</summary>
internal abstract class DepthProbe : IDisposable
{
    /// <summary>The walk of ours that attaches; null for the peer.</summary>
    internal abstract StackWalk? Walk { get; }

    internal abstract OpenProgram Program { get; }

    internal string Name => Walk is { } walk ? $"StackDepth, {walk}" : "bpftrace";

    /// <summary>Attaches.</summary>
    /// <param name="walk">A walk of ours, or null for the peer.</param>
    /// <param name="binary">The probed file.</param>
    /// <param name="symbol">Functions of it.</param>
    /// <param name="processId">The process; null for all.</param>
    /// <param name="hit">Has the probe hit.</param>
    internal static DepthProbe Attach(StackWalk? walk, string binary, string symbol, int? processId, Action hit) =>
        walk is { } own ? new Own(own, binary, symbol, processId) : new OfPeer(binary, symbol, processId, hit);

    /// <summary>Detaches; the greatest depth, and what is said about it.</summary>
    internal abstract string End();

    public abstract void Dispose();

    private sealed class OfPeer : DepthProbe
    {
        private readonly Process _process;
        private bool _interrupted;

        internal OfPeer(string binary, string symbol, int? processId, Action hit)
        {
            var script = $"uprobe:{binary}:{symbol} {{ @ = max(len(ustack)); }}";
            _process = Commands.Start(Peer.Chroot(["bpftrace", "-q", "-e", script, .. processId is { } pid ? ["-p", pid.ToString(CultureInfo.InvariantCulture)] : (string[])[]]));
            // It does not say when its probe is in place: when a hit counts.
            var until = DateTime.UtcNow.AddSeconds(20);
            while (true)
            {
                if (DateTime.UtcNow > until || _process.HasExited)
                    throw new InvalidOperationException($"bpftrace did not attach: {script}");
                if (Program is null && KernelObjects.UprobePrograms(_process.Id).Count == 1)
                    Program = KernelObjects.UprobeProgram(_process.Id);
                hit();
                if (Program?.Counters.Runs > 0)
                    break;
                Thread.Sleep(20);
            }
        }

        internal override StackWalk? Walk => null;

        internal override OpenProgram Program { get; }

        internal override string End()
        {
            Interrupt();
            var text = _process.StandardOutput.ReadToEnd();
            return text.Split('\n').FirstOrDefault(static line => line.StartsWith("@:", StringComparison.Ordinal))?[2..].Trim() ?? "no answer";
        }

        public override void Dispose()
        {
            Program.Dispose();
            Interrupt();
            _process.WaitForExit();
            _process.Dispose();
        }

        private void Interrupt()
        {
            if (!_interrupted)
                Commands.Run("kill", "-INT", _process.Id.ToString(CultureInfo.InvariantCulture));
            _interrupted = true;
        }
    }

    private sealed class Own : DepthProbe
    {
        private readonly ProbeSession<int?> _session;

        internal Own(StackWalk walk, string binary, string symbol, int? processId)
        {
            Walk = walk;
            var before = KernelObjects.UprobePrograms(Environment.ProcessId);
            var probe = Probe.UProbe(binary, symbol);
            if (processId is { } pid)
                probe = probe.ForProcess(pid);
            _session = probe.Select(static s => s.UStack.Length).Max().AttachAsync(new AttachOptions { Walk = walk }).AsTask().GetAwaiter().GetResult();
            Program = KernelObjects.UprobeProgram(Environment.ProcessId, before);
        }

        internal override StackWalk? Walk { get; }

        internal override OpenProgram Program { get; }

        internal override string End()
        {
            var health = _session.Health;
            var stacks = health.Complete + health.Broken + health.Truncated + health.Approximate + health.StackErrors;
            string[] kinds =
            [
                .. new (string Name, long Count)[]
                {
                    ("complete", health.Complete), ("broken", health.Broken), ("truncated", health.Truncated), ("approximate", health.Approximate), ("failed", health.StackErrors),
                }.Where(static kind => kind.Count > 0).Select(kind => kind.Count == stacks ? kind.Name : string.Create(CultureInfo.InvariantCulture, $"{100.0 * kind.Count / stacks:F1}% {kind.Name}")),
            ];
            return $"{_session.Snapshot()}: {string.Join(", ", kinds)}";
        }

        public override void Dispose()
        {
            Program.Dispose();
            _session.Dispose();
        }
    }
}
