namespace StackDepth.Core.Tests.Walks;

/// <summary>The bytecode of the walks against a model of them, over files, mappings and stacks that are made up at random.</summary>
public sealed class WalkPropertyTests
{
    private const int Rounds = 400;

    public static TheoryData<StackWalk, int, bool> Walks => new()
    {
        { StackWalk.Auto, 40, true },
        { StackWalk.FramePointer, 40, true },
        { StackWalk.Unwind, 40, true },
        { StackWalk.Auto, 9, false },
        { StackWalk.FramePointer, 1000, false },
        { StackWalk.Unwind, 1000, false },
    };

    [Theory]
    [MemberData(nameof(Walks))]
    public void A_walk_comes_to_what_the_model_comes_to(StackWalk walk, int maxFrames, bool entersAtFunctions)
    {
        var machine = new WalkMachine(walk, maxFrames, entersAtFunctions);
        Dictionary<StackReason, int> reasons = [];
        var (followed, hijacked, fellBack) = (0, 0, 0);
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            var (process, registers) = new RandomStacks(random, machine).Next();
            var expected = machine.Model(process, registers);

            Assert.Equal((seed, expected), (seed, machine.Walk(process, registers)));
            // Again, from the caches.
            Assert.Equal((seed, expected), (seed, machine.Walk(process, registers)));
            followed += machine.LastModel!.NeedsBx ? 1 : 0;
            hijacked += machine.LastModel.Hijacked;
            fellBack += process.Memory.Reads.Zip(process.Memory.Reads.Skip(1)).Count(static pair => !pair.First.Done && pair.Second.Done && pair.First.Address == pair.Second.Address);
            reasons[expected.Reason] = reasons.GetValueOrDefault(expected.Reason) + 1;
        }

        // The stacks are worth walking: they end in all the ways that there are, bar those that the machine has to be told.
        var rare = new[] { StackReason.UnprovedLimit, StackReason.MappingBusy, StackReason.SignalLimit, StackReason.FrameLimit, StackReason.UnsupportedRule, StackReason.Running };
        Assert.True((walk == StackWalk.FramePointer || followed >= 5) && hijacked >= 20 && fellBack >= 5, $"rbx followed {followed} times, {hijacked} returns put right, {fellBack} reads cut to a page");
        Assert.Empty(Enum.GetValues<StackReason>().Where(static reason => reason <= StackReason.GuessFailed).Except(reasons.Keys).Except(rare));
    }
}
