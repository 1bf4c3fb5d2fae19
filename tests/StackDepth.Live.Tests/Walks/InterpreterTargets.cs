
namespace StackDepth.Live.Tests.Walks;

/// <summary>Pythons and Lua, whose frames gdb counts. The probed function is a C function that the script calls.</summary>
internal static class InterpreterTargets
{
    private const string Marshal = "PyMarshal_WriteObjectToString";
    private static readonly string[] PythonModes = ["plain", "reduce", "sort", "generator", "callback"];
    private static readonly string[] OtherPythonModes = ["reduce", "callback"];
    private static readonly int[] PythonDepths = [10, 100, 390];

    /// <summary>The distribution's Python: stripped, without frame pointers, all code in the program itself (on Debian).</summary>
    private static readonly string Debian = File.Exists("/usr/bin/python3.11") ? "/usr/bin/python3.11" : "/usr/bin/python3";

    private static readonly string[] LuaModes = ["plain", "pcall", "sort", "coroutine"];

    internal static IEnumerable<WalkTarget> All { get; } =
    [
        .. Python("debian-python", Debian, PythonModes),
        new WalkTarget("debian-python/marshal", TruthSource.Gdb, static () => Program(Debian, "reduce", null)) { Depths = PythonDepths, Probe = Marshal },
        .. Others().SelectMany(static other => Python(other.Name, other.Path, OtherPythonModes)),
        .. LuaModes.Select(static mode => new WalkTarget("lua/" + mode, TruthSource.Gdb, () => Lua(mode))
        {
            // Lua allows about 200 C calls in each other.
            Depths = [10, 100, 180],
        }),
    ];

    internal static string Library => Builds.C("hops.so", "-O2", "-shared", "-fPIC", "walk.c", "hops.c");

    private static IEnumerable<WalkTarget> Python(string name, string path, string[] modes) =>
        modes.Select(mode => new WalkTarget($"{name}/{mode}", TruthSource.Gdb, () => Program(path, mode, Library)) { Depths = PythonDepths });

    private static WalkProgram Program(string python, string mode, string? library)
    {
        Requires.That(File.Exists(python), python);
        return new(python, library ?? python, (depth, repeat, _) => ["-I", "-S", "-B", Builds.File("walk.py"), mode, $"{depth}", $"{repeat}", library ?? "-"]);
    }

    private static WalkProgram Lua(string mode)
    {
        return new(Requires.Program("lua5.4"), Library, (depth, repeat, _) => [Builds.File("walk.lua"), mode, $"{depth}", $"{repeat}", Library]);
    }

    /// <summary>The newest two Pythons of pyenv, if there are any: built with other options, and the code in a library.</summary>
    private static IEnumerable<(string Name, string Path)> Others()
    {
        var versions = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv", "versions");
        return !Directory.Exists(versions)
            ? []
            : Directory.GetDirectories(versions)
                .Select(static folder => (Name: Path.GetFileName(folder), Path: Path.Combine(folder, "bin", "python3")))
                .Where(static python => Version.TryParse(python.Name, out var version) && version >= new Version(3, 8) && File.Exists(python.Path))
                .OrderByDescending(static python => Version.Parse(python.Name))
                .Take(2)
                .Select(static python => ("pyenv-" + python.Name, python.Path));
    }
}
