using StackDepth.Benchmarks.Support;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>What it costs to count the frames of Python code, by the interpreter's own structures.</summary>
internal static class PythonFrames
{
    private const int Batches = 41;
    private const int Calls = 100;
    private const int DeepCalls = 20;
    private const int Shallow = 20;
    private const int Deep = 800;
    private static readonly string[] Modes = ["p", "i", "g"];

    internal static Section Run()
    {
        using var text = new StringWriter();
        using var statistics = KernelStatistics.Enable(SystemCalls.Real);
        text.WriteLine($"Nanoseconds per hit of `max(s.Python.Length)` at `PyObject_Format`, medians of {Batches} batches; a frame's cost is that of {Deep} frames less that of {Shallow}, by {Deep - Shallow}. \"Itself\" is a function that");
        text.WriteLine("calls itself, \"in turn\" are 64 that call each other, \"generators\" each wait for the next. The answer is of all hits, at most two frames deeper than the recursion is.");
        text.WriteLine();
        var table = new Table("", "depth 5", "depth 20", "depth 100", "itself, a frame", "in turn, a frame", "generators, a frame", "answer");
        foreach (var (name, program) in Pythons())
        {
            Console.Error.WriteLine($"   {name}");
            using var target = new LineTarget(program, "-I", "-S", "-B", Path.Combine(Document.RepositoryRoot, "benchmarks", "native", "frames.py"));
            target.Ask("p 5 1");
            var before = KernelObjects.UprobePrograms(Environment.ProcessId);
            using var session = Probe.UProbe(program, "PyObject_Format").ForProcess(target.ProcessId).Select(static s => s.Python.Length).Max().AttachAsync().AsTask().GetAwaiter().GetResult();
            using var kernel = KernelObjects.UprobeProgram(Environment.ProcessId, before);
            var depths = new[] { 5, Shallow, 100 }.Select(depth => Cost($"p {depth} {Calls}")).ToArray();
            table.Add([name, .. depths.Select(static cost => Number(cost)), .. Modes.Select(mode => Number(Frame(mode), 1)), $"{session.Snapshot()}: {session.Health}"]);

            double Frame(string mode) => (Cost($"{mode} {Deep} {DeepCalls}") - Cost($"{mode} {Shallow} {Calls}")) / (Deep - Shallow);

            double Cost(string line)
            {
                List<double> values = [];
                for (var batch = -2; batch < Batches; batch++)
                {
                    var start = kernel.Counters;
                    target.Ask(line);
                    var end = kernel.Counters;
                    if (end.Runs == start.Runs)
                        throw new InvalidOperationException($"{name}: no hits for '{line}'.");
                    if (batch >= 0)
                        values.Add((double)(end.Nanoseconds - start.Nanoseconds) / (end.Runs - start.Runs));
                }
                return values.Median();
            }
        }
        text.WriteLine(table);
        return new("Python frames", text.ToString());
    }

    private static IEnumerable<(string Name, string Program)> Pythons()
    {
        if (File.Exists("/usr/bin/python3.11"))
            yield return ("Debian's 3.11", "/usr/bin/python3.11");
        var versions = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv", "versions");
        foreach (var folder in Directory.Exists(versions) ? Directory.GetDirectories(versions).OrderBy(static folder => Version.TryParse(Path.GetFileName(folder), out var version) ? version : new()) : Enumerable.Empty<string>())
        {
            var program = Path.Combine(folder, "bin", "python3");
            if (Version.TryParse(Path.GetFileName(folder), out var version) && version >= new Version(3, 9) && File.Exists(program))
                yield return ($"pyenv's {version}", program);
        }
    }
}
