using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;

namespace StackDepth.Core.Tests.Compile;

/// <summary>A count of values counts the hits whose values could all be had.</summary>
public sealed class CountTests
{
    [Fact]
    public void A_hit_whose_stack_could_not_be_walked_is_no_value_even_beside_others()
    {
        var run = new CompiledRun(GoldenQueries.Source.Select(s => (s.Pid, s.UStack.Length, s.KStack.Length)).Count().Query, GoldenQueries.Target);
        run.Run(new Hit { UserStack = 80, KernelStack = 80 });
        run.Run(new Hit { UserStack = -14, KernelStack = 80 });
        run.Run(new Hit { UserStack = 80, KernelStack = -14 });
        run.Run(new Hit { UserStack = 0, KernelStack = 80 });

        Assert.Equal((1, 4, 3), (run.Total().Count, run.Counter(HealthCounter.Hits), run.Counter(HealthCounter.StackErrors)));
        run.AssertAtRest();
    }

    [Fact]
    public void A_count_of_hits_walks_nothing()
    {
        var run = new CompiledRun(GoldenQueries.Source.Count().Query, GoldenQueries.Target);
        run.Run(new Hit { UserStack = -14 });

        Assert.Equal((1, 0), (run.Counter(HealthCounter.Hits), run.Counter(HealthCounter.StackErrors)));
        Assert.Null(run.Compiled.Aggregate);
    }
}
