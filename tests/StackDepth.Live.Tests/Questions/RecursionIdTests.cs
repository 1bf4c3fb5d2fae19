namespace StackDepth.Live.Tests.Questions;

/// <summary>Thread ids that come again. Alone, because it turns the system's counter of ids back, and other tests tell threads by their ids.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class RecursionIdTests
{
    [Theory]
    [InlineData(10)]
    [InlineData(700)]
    public async Task A_thread_that_gets_the_id_of_one_that_died_in_mid_recursion_begins_anew(int depth)
    {
        Requires.SysAdmin();
        var counted = await RecursionTests.Count("probed_die", "churn", depth);
        RecursionTests.All(counted, "exact", static count => count.IsExact);
        Assert.True(counted.Select(static count => count.Truth.Tid).Distinct().Count() < 50, "no id came again");
    }
}
