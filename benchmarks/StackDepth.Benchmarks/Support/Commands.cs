using System.Diagnostics;

namespace StackDepth.Benchmarks.Support;

/// <summary>Runs other programs.</summary>
internal static class Commands
{
    internal static Process Start(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardInput = true };
        return Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start.");
    }

    /// <summary>Runs a command to its end: its standard output, and how long it took in milliseconds.</summary>
    internal static (string Output, double Milliseconds) Run(params string[] command)
    {
        var begin = Stopwatch.GetTimestamp();
        using var process = Start(command);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var elapsed = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        return process.ExitCode == 0 ? (output, elapsed) : throw new InvalidOperationException($"`{string.Join(' ', command)}` failed with exit code {process.ExitCode}.");
    }

    /// <summary>This program again, in a process of its own.</summary>
    internal static string[] Self(params string[] arguments) => [Environment.ProcessPath!, typeof(Commands).Assembly.Location, .. arguments];
}
