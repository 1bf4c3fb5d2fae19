using System.Diagnostics;
using System.Globalization;

namespace StackDepth.Live.Tests.Questions;

/// <summary>The question that this project began from: does CPython's interpreter re-enter itself when Python calls C and C calls Python?</summary>
public sealed class PythonReentryTests
{
    // The leaf is a C function that every Python has; "plain" recursion stays in one activation of the interpreter since Python 3.11.
    private const string Script = """
        import ctypes, functools, marshal, sys, time
        how, depth = sys.argv[1], int(sys.argv[2])
        def leaf(): marshal.dumps(1)
        def plain(n): leaf() if n == 0 else plain(n - 1)
        def reduce(n): leaf() if n == 0 else functools.reduce(lambda a, b: reduce(n - 1), [0, 0])
        def sort(n): leaf() if n == 0 else sorted([0], key=lambda _: sort(n - 1))
        def callback(n): leaf() if n == 0 else ctypes.CFUNCTYPE(None)(lambda: callback(n - 1))()
        sys.setrecursionlimit(10000)
        globals()[how](1)
        time.sleep(0.3)  # libraries that were loaded this very moment have no unwind rows yet, and their stacks say so
        globals()[how](depth)
        """;

    private static readonly string[] Ways = ["plain", "reduce", "sort", "callback"];

    public static TheoryData<string, string> Pythons => new(
        from python in Found()
        from way in Ways
        select (python, way));

    [Theory]
    [MemberData(nameof(Pythons))]
    public async Task Each_way_through_C_is_an_activation_of_the_interpreter(string python, string way)
    {
        Requires.Bpf();
        Requires.That(File.Exists(python), python);
        var query = Probe.UProbe(python, "*PyMarshal_WriteObjectToString") // with an underscore since 3.13
            .Select(static s => (s.UStack.CountOf("_PyEval_EvalFrameDefault"), s.UStack.Completeness));
        foreach (var depth in new[] { 0, 1, 20, 200 })
        {
            var run = await query.RunAsync(
                new ProcessStartInfo(python, ["-I", "-S", "-B", "-c", Script, way, depth.ToString(CultureInfo.InvariantCulture)]),
                new() { CommandOutput = CommandOutput.Discard }, TestContext.Current.CancellationToken);

            Assert.Equal(0, run.ExitCode);
            // The module's own code is one; before 3.11 each Python function is another, and the leaf's too.
            var old = run.Sites[0].Binary is var binary && OldVersions.Any(version => binary.Contains(version, StringComparison.Ordinal));
            var expected = (way, old) switch
            {
                ("plain", false) => 1,
                ("plain", true) => depth + 3,
                (_, false) => depth + 1,
                _ => (2 * depth) + 3,
            };
            Assert.Equal((expected, Completeness.Complete), run.Result[^1]);
        }
    }

    private static readonly string[] OldVersions = ["3.8", "3.9", "3.10"];

    private static IEnumerable<string> Found()
    {
        yield return "/usr/bin/python3";
        var versions = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv", "versions");
        if (!Directory.Exists(versions))
            yield break;
        foreach (var folder in Directory.GetDirectories(versions).Order(StringComparer.Ordinal))
        {
            if (Version.TryParse(Path.GetFileName(folder), out var version) && version >= new Version(3, 8) && File.Exists(Path.Combine(folder, "bin", "python3")))
                yield return Path.Combine(folder, "bin", "python3");
        }
    }
}
