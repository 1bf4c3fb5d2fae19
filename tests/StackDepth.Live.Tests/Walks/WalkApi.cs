using System.Collections.Immutable;
using System.Diagnostics;

namespace StackDepth.Live.Tests.Walks;

/// <summary>What a walk said about one stack.</summary>
internal sealed record WalkedStack(int Tid, int Length, StackReason Reason)
{
    internal Completeness Completeness => Reason.Completeness();
}

/// <summary>The library, as these tests use it: all that has to follow its API is here.</summary>
internal static class WalkApi
{
    /// <summary>The walk of a name.</summary>
    internal static StackWalk Named(string name) => Enum.Parse<StackWalk>(name);

    /// <summary>The walks.</summary>
    internal static StackWalk[] All => Enum.GetValues<StackWalk>();

    /// <summary>Runs the command under a probe; answers what the walk said at every hit, and the run's health.</summary>
    internal static async Task<(ImmutableArray<WalkedStack> Stacks, int ExitCode, ProbeHealth Health)> Run(string binary, string probe, ProcessStartInfo command, StackWalk walk)
    {
        var run = await Probe.UProbe(binary, probe).Select(hit => (hit.Tid, hit.UStack.Length, hit.UStack.Reason)).RunAsync(
            command, new() { Walk = walk, CommandOutput = CommandOutput.Discard, RingBufferBytes = 4 << 20 }, TestContext.Current.CancellationToken);
        return ([.. run.Result.Select(static hit => new WalkedStack(hit.Item1, hit.Item2, hit.Item3))], run.ExitCode, run.Health);
    }
}
