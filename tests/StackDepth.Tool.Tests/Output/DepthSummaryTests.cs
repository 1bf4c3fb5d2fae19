using System.Collections.Immutable;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Tests.Output;

public sealed class DepthSummaryTests
{
    [Fact]
    public void The_total_of_groups_is_that_of_all_their_stacks()
    {
        var total = DepthSummary.Of(
        [
            new(3, 1, 3, 2, [new(1, 1, 1), new(2, 3, 2)]),
            new(1, 17, 17, 17, [new(16, 31, 1)]),
        ]);

        Assert.Equal((4L, 1, 17, 5.75), (total.Count, total.Min, total.Max, total.Mean));
        Assert.Equal([new(1, 1, 1), new(2, 3, 2), new(4, 7, 0), new(8, 15, 0), new(16, 31, 1)], total.Histogram);
    }

    [Fact]
    public void No_groups_have_no_depth()
    {
        var total = DepthSummary.Of(ImmutableArray<DepthSummary>.Empty);

        Assert.Equal((0L, null, null, null), (total.Count, total.Min, total.Max, total.Mean));
        Assert.Empty(total.Histogram);
    }
}
