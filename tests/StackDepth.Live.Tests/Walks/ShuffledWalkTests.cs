using System.Globalization;

namespace StackDepth.Live.Tests.Walks;

/// <summary>Walks, targets and depths in any order: nothing is ever silently wrong.</summary>
public sealed class ShuffledWalkTests
{
    private const int Stacks = 10_000;
    private const int Runs = 60;

    [Fact]
    public async Task No_complete_stack_is_ever_wrong_in_ten_thousand_at_random()
    {
        // STACKDEPTH_SEED repeats a run.
        var seed = int.TryParse(Environment.GetEnvironmentVariable("STACKDEPTH_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Random.Shared.Next();
        var random = new Random(seed);
        var targets = Corpus.All.Values.ToArray();
        var walks = WalkApi.All;
        long stacks = 0, auto = 0, complete = 0;
        List<MeasuredStack> bad = [];
        HashSet<string> used = [];
        var runs = 0;
        // At least so many stacks and runs, and, where there is Auto, so many of its own that a percentage means something.
        while (stacks < Stacks || runs < Runs || (auto < Stacks / 10 && walks.Any(static walk => walk.ToString() == "Auto")))
        {
            var target = targets[random.Next(targets.Length)];
            var walk = walks[random.Next(walks.Length)];
            // What gdb has to count stays at the depths that it has counted.
            var depth = target.Truth == TruthSource.Report && random.Next(4) > 0 ? random.Next(1, 300) : target.Depths[random.Next(int.Min(2, target.Depths.Length))];
            // Some have many hits in each round, or wait in it.
            var repeat = target.Truth == TruthSource.Gdb || target.Name == "dlopen" || target.Name.StartsWith("step/", StringComparison.Ordinal) ? 1 : random.Next(1, 16);
            MeasuredStack[] measured;
            try
            {
                measured = await Measuring.Measure(target, depth, walk, repeat);
            }
            catch (Xunit.Sdk.XunitException error)
            {
                throw new InvalidOperationException($"Seed {seed}: {error.Message}", error);
            }

            runs++;
            used.Add(target.Name);
            stacks += measured.Length;
            bad.AddRange(measured.Where(static stack => stack.IsSilentlyWrong));
            if (walk.ToString() == "Auto" && target.AheadOfTime)
            {
                var provable = measured.Where(static stack => !stack.MayBeIncomplete).ToArray();
                auto += provable.Length;
                complete += provable.Count(static stack => stack.Completeness == Completeness.Complete);
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"Seed {seed}: {stacks} stacks in {runs} runs of {used.Count} targets; under Auto {complete} of {auto} complete.");
        Assert.True(bad.Count == 0, $"Seed {seed}: {bad.Count} stacks are silently wrong:\n{string.Join('\n', bad.Take(10))}");
        Assert.True(complete >= 0.99 * auto, $"Seed {seed}: under Auto only {complete} of {auto} stacks are complete.");
    }
}
