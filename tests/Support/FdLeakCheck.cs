using System.Diagnostics;

namespace StackDepth.Tests.Support;

/// <summary>
/// Asserts that the process's open files are, when it is disposed, those that they were when it was made: the same numbers, of the same files. Put tests that use
/// it into the collection <see cref="Alone"/>: other tests open files too. Assemblies are left out.
/// </summary>
internal sealed class FdLeakCheck : IDisposable
{
    /// <summary>The collection of tests that run while no others do.</summary>
    internal const string Alone = "Alone";

    private readonly SortedDictionary<int, string> _before;

    internal FdLeakCheck()
    {
        // What earlier tests left to the finalizer must not vanish in the middle.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        _before = Snapshot();
    }

    public void Dispose()
    {
        // The runner and the runtime open and close files of their own; a leak stays.
        var watch = Stopwatch.StartNew();
        string[] differences;
        while ((differences = Differences()).Length > 0 && watch.Elapsed < TimeSpan.FromSeconds(5))
        {
            Thread.Sleep(20);
        }

        Assert.True(differences.Length == 0, $"Open files differ from before:\n{string.Join('\n', differences)}");
    }

    /// <summary>The open files by number, with what the kernel says they are.</summary>
    internal static SortedDictionary<int, string> Snapshot()
    {
        var files = new SortedDictionary<int, string>();
        foreach (var path in Directory.GetFiles("/proc/self/fd"))
        {
            // The listing's own descriptor is gone by now; the runtime keeps the assemblies open that it loads, whenever it comes to need one.
            if (new FileInfo(path).LinkTarget is { } target
                && !target.StartsWith("/proc/", StringComparison.Ordinal) && !target.EndsWith(".dll", StringComparison.Ordinal))
            {
                files[int.Parse(Path.GetFileName(path), System.Globalization.CultureInfo.InvariantCulture)] = target;
            }
        }

        return files;
    }

    private string[] Differences()
    {
        var now = Snapshot();
        return
        [
            .. now.Where(file => _before.GetValueOrDefault(file.Key) != file.Value).Select(file => $"opened: {file.Key} -> {file.Value}"),
            .. _before.Where(file => now.GetValueOrDefault(file.Key) != file.Value).Select(file => $"closed: {file.Key} -> {file.Value}"),
        ];
    }
}

/// <summary>Tests that run while no others do.</summary>
[CollectionDefinition(FdLeakCheck.Alone, DisableParallelization = true)]
public sealed class RunsAlone;
