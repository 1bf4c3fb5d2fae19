
namespace StackDepth.Live.Tests.Walks;

/// <summary>Node and .NET: code that is made at run time, without tables. No exact truth; what is known is that the stack has such frames, and more than so many.</summary>
internal static class JitTargets
{
    internal static IEnumerable<WalkTarget> All { get; } =
    [
        .. new[] { "plain", "array", "json" }.Select(static mode => new WalkTarget("node/" + mode, TruthSource.None, () => Node(mode)) { Depths = [10, 100] }),
        .. new[] { "managed", "delegate", "unmanaged" }.Select(static mode => new WalkTarget("dotnet/" + mode, TruthSource.None, () => DotNet(mode)) { Depths = [10, 100] }),
    ];

    private static WalkProgram Node(string mode)
    {
        var path = Requires.Program("node");
        var library = Builds.C("hops.node", "-O2", "-shared", "-fPIC", "walk.c", "hops.c");
        return new(path, library, (depth, repeat, _) => [Builds.File("walk.js"), mode, $"{depth}", $"{repeat}", library]);
    }

    /// <summary>This program itself: <see cref="ManagedTarget"/>.</summary>
    private static WalkProgram DotNet(string mode)
    {
        var program = Path.ChangeExtension(typeof(ManagedTarget).Assembly.Location, null);
        var library = InterpreterTargets.Library;
        return new(program, library, (depth, repeat, _) => [ManagedTarget.Command, mode, $"{depth}", $"{repeat}", library]);
    }
}
