namespace StackDepth.Live.Tests.Walks;

/// <summary>The walk by frame pointers: complete where the whole program keeps them, and nowhere else than where it is right.</summary>
public sealed class FramePointerWalkTests
{
    public static TheoryData<string> Targets => Corpus.Names(static target => target.AheadOfTime);

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Where_it_is_wrong_it_says_so(string name)
    {
        var target = Corpus.All[name];
        foreach (var depth in target.Depths)
        {
            var stacks = await Measuring.Measure(target, depth, WalkApi.Named("FramePointer"));
            Measuring.All(stacks, "right or incomplete", static stack => !stack.IsSilentlyWrong);
        }
    }

    [Fact]
    public async Task A_program_that_is_all_frame_pointers_is_walked_to_its_end()
    {
        foreach (var depth in new[] { 10, 100, 2000 })
        {
            var stacks = await Measuring.Measure(Corpus.All["bare"], depth, WalkApi.Named("FramePointer"));
            Measuring.All(stacks, "exact and complete", static stack => stack.IsExact);
        }
    }
}
