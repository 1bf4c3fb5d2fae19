namespace StackDepth.Tool.Running;

/// <summary>What is asked of each hit beside the depth.</summary>
/// <param name="Member">Its member in JSON.</param>
/// <param name="Title">For people.</param>
/// <param name="Value">The answer.</param>
internal sealed record Question(string Member, string Title, Func<ProbeContext, Expr<long>> Value)
{
    internal static Question Python { get; } = new("python", "Python frames", static s => s.Python.Length.ToInt64());

    internal static Question Recursion { get; } = new("recursion", "recursion", static s => s.Recursion.ToInt64());

    internal static Question Bytes { get; } = new("bytes", "stack bytes", static s => s.UStack.Bytes);

    internal static Question BytesFree { get; } = new("bytesFree", "bytes free", static s => s.UStack.BytesFree);

    internal static Question CountIn(string[] functions) => new("countIn", $"frames in {string.Join(", ", functions)}", s => s.UStack.CountOf(functions).ToInt64());
}
