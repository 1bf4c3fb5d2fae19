namespace StackDepth.Live.Tests.Walks;

/// <summary>The walks that need no frame pointers: exact and proved, at every hit, wherever a proof is possible.</summary>
public sealed class ExactWalkTests
{
    public static TheoryData<string> Targets => Corpus.Names(static target => target.AheadOfTime);

    public static TheoryData<string> JitTargets => Corpus.Names(static target => !target.AheadOfTime);

    [Theory]
    [MemberData(nameof(Targets))]
    public Task Auto_is_exact(string name) => IsExact(name, "Auto");

    [Theory]
    [MemberData(nameof(Targets))]
    public Task Unwind_is_exact(string name) => IsExact(name, "Unwind");

    [Theory]
    [MemberData(nameof(JitTargets))]
    public async Task Stacks_with_frames_of_a_compiler_at_run_time_are_never_complete(string name)
    {
        var target = Corpus.All[name];
        foreach (var walk in WalkApi.All)
        {
            foreach (var depth in target.Depths)
                Measuring.All(await Measuring.Measure(target, depth, walk), "incomplete", static stack => stack.Completeness != Completeness.Complete);
        }
    }

    private static async Task IsExact(string name, string walk)
    {
        var target = Corpus.All[name];
        foreach (var depth in target.Depths)
        {
            var stacks = await Measuring.Measure(target, depth, WalkApi.Named(walk));
            // Where other threads change the mappings all the time, the kernel can be too busy to look one up; that is the machine's load, not the stack's.
            var busy = stacks.Count(static stack => stack.Reason == StackReason.MappingBusy);
            var broken = stacks.Count(static stack => stack is { MayBeIncomplete: false, Completeness: Completeness.Broken }) - busy;
            var tolerated = broken <= target.MayBreak && busy <= int.Max(stacks.Length / 20, 1);
            Measuring.All(
                stacks, "exact and complete",
                stack => stack.IsExact || ((stack.MayBeIncomplete || (tolerated && stack.Completeness == Completeness.Broken)) && !stack.IsSilentlyWrong));
        }
    }
}
