namespace StackDepth.Live.Tests.Walks;

/// <summary>All targets, by name.</summary>
internal static class Corpus
{
    internal static IReadOnlyDictionary<string, WalkTarget> All { get; } =
        new[] { NativeTargets.All, LeafTargets.All, InterpreterTargets.All, JitTargets.All }.SelectMany(static targets => targets).ToDictionary(static target => target.Name);

    /// <summary>Rows for theories.</summary>
    internal static TheoryData<string> Names(Func<WalkTarget, bool> which) => [.. All.Values.Where(which).Select(static target => target.Name)];
}
