using System.Diagnostics;
using StackDepth.Native.Processes;

namespace StackDepth.Native.Tests.Processes;

/// <summary>What /proc says about processes, and waiting for it to say so.</summary>
internal static class Proc
{
    /// <summary>Waits until a condition holds. The limit only keeps a broken test from hanging: no test depends on its length.</summary>
    internal static async Task Until(Func<bool> condition, string what)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(60), $"never happened: {what}");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>The state letter of a process; null when there is none.</summary>
    internal static char? State(int pid)
    {
        try
        {
            string stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>True when a process sleeps in an openat(2), which is how it stands at a gate.</summary>
    internal static bool SleepsInOpen(int pid)
    {
        const string OpenAtX64 = "257 ", OpenAtArm64 = "56 ";
        string call = File.ReadAllText($"/proc/{pid}/syscall");
        return State(pid) == 'S' && (call.StartsWith(OpenAtX64, StringComparison.Ordinal) || call.StartsWith(OpenAtArm64, StringComparison.Ordinal));
    }

    internal static string? Executable(int pid) => new FileInfo($"/proc/{pid}/exe").LinkTarget;

    /// <summary>All children of this process, of whichever thread.</summary>
    internal static List<int> Children() =>
        [.. Directory.EnumerateDirectories("/proc/self/task").SelectMany(task => ChildFinder.FromThread(int.Parse(Path.GetFileName(task), null)) ?? [])];

    /// <summary>How many threads wait for gated children.</summary>
    internal static int SpawnThreads() => Directory.EnumerateDirectories("/proc/self/task").Count(task =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(task, "comm")).StartsWith("StackDepth chil", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    });

    /// <summary>How many descriptors of the kinds that a gated child uses are open here.</summary>
    internal static int GateDescriptors() => InheritableDescriptors.Open().Count(fd =>
        new FileInfo(Gate.PathOf(fd)).LinkTarget is { } link
        && (link.Contains("stackdepth-", StringComparison.Ordinal) || link.StartsWith("pipe:", StringComparison.Ordinal)
            || link.Contains("[pidfd", StringComparison.Ordinal) || link.Contains("[eventfd", StringComparison.Ordinal)));

    internal static void MakeExecutable(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }
    }

    internal static int GateDirectories() => Directory.EnumerateDirectories(Path.GetTempPath(), $"stackdepth-gate-{Environment.ProcessId}-*").Count();
}

/// <summary>A folder for what a test's children write.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("gated child ");

    internal string Root => _directory.FullName;

    internal string this[string name] => Path.Combine(Root, name);

    public void Dispose() => _directory.Delete(recursive: true);
}

internal static class Commands
{
    /// <summary>A script for sh, and the positional parameters it sees.</summary>
    internal static ChildCommand Shell(string script, params string[] parameters) => new() { FileName = "/bin/sh", Arguments = ["-c", script, "sh", .. parameters] };

    internal static async Task<ChildExit> Run(ChildCommand command)
    {
        using GatedChild child = GatedChild.Start(command);
        child.Release();
        return await child.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}
