using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Walks;

/// <summary>The kernel's walk over the targets: right as far as frame pointers go, and never called complete.</summary>
public sealed class KernelWalkTests
{
    public static TheoryData<string> Targets => Corpus.Names(static _ => true);

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task The_kernels_walk_proves_nothing_and_follows_frame_pointers(string name)
    {
        var target = Corpus.All[name];
        foreach (var depth in new[] { 10, 100 })
        {
            var stacks = await Measuring.Measure(target, depth, WalkApi.Named("Kernel"));
            Measuring.All(stacks, "unproved", static stack => stack.Completeness is Completeness.Broken or Completeness.Truncated);
            if (target.KernelMisses is { } misses)
                Measuring.All(stacks, $"{misses} frames short", stack => stack.Length == int.Min(stack.Truth!.Value - misses, Report.KernelWalkLimit));
        }
    }
}
