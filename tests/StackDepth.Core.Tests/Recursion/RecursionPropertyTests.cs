namespace StackDepth.Core.Tests.Recursion;

/// <summary>The bytecode that counts activations over programs that are made up at random, against what those programs know of themselves.</summary>
public sealed class RecursionPropertyTests
{
    private const int Rounds = 400;

    [Fact]
    public void Where_all_can_be_known_what_is_said_to_be_complete_is_exact_and_nearly_all_is()
    {
        var (hits, complete) = (0, 0);
        for (var seed = 0; seed < Rounds; seed++)
        {
            foreach (var (index, hit) in new RecursiveProgram(seed, Hindrances.None).Run().Index())
            {
                Assert.True(hit.IsHonest, $"seed {seed}, hit {index}: {hit}");
                hits += hit.IsOnOwnStack ? 1 : 0;
                complete += hit is { IsOnOwnStack: true, IsExact: true } ? 1 : 0;
            }
        }
        Assert.True(hits > 50_000 && complete > hits * 0.99, $"{complete} of {hits} hits on their threads' own stacks are complete");
    }

    [Fact]
    public void Whatever_stands_in_the_way_what_is_said_to_be_complete_is_exact_and_the_rest_a_bound()
    {
        Dictionary<StackReason, int> reasons = [];
        for (var seed = 0; seed < Rounds; seed++)
        {
            // One of them, or two.
            var random = new Random(seed);
            var hindrances = (Hindrances)((1 << random.Next(8)) | (1 << random.Next(8)));
            foreach (var (index, hit) in new RecursiveProgram(seed, hindrances).Run().Index())
            {
                Assert.True(hit.IsHonest, $"seed {seed}, {hindrances}, hit {index}: {hit}");
                reasons[hit.Answer.Reason] = reasons.GetValueOrDefault(hit.Answer.Reason) + 1;
            }
        }
        Assert.Empty(new[] { StackReason.None, StackReason.ForeignStack, StackReason.InterruptedStack, StackReason.UnprovedActivation, StackReason.UnseenEntries, StackReason.LostEntries }.Except(reasons.Keys));
    }
}
