using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Threads;

/// <summary>gdb as a witness of a process that runs (Targets/Walks/attached.py).</summary>
internal static class AttachedGdb
{
    /// <summary>The physical frames of each thread by thread id; 0 where gdb has no proof of the outermost one.</summary>
    internal static async Task<Dictionary<int, int>> Depths(int pid)
    {
        Requires.Tool("gdb");
        using var folder = new Folder();
        var answer = folder["depths"];
        var start = new ProcessStartInfo("gdb", ["-nx", "-q", "-batch", "-p", pid.ToString(CultureInfo.InvariantCulture), "-x", Builds.File("attached.py")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.Environment["TRUTH_OUT"] = answer;
        start.Environment.Remove("DEBUGINFOD_URLS");
        using var gdb = Process.Start(start)!;
        gdb.StandardInput.Close();
        var output = gdb.StandardOutput.ReadToEndAsync();
        var errors = gdb.StandardError.ReadToEndAsync();
        var exited = gdb.WaitForExitAsync();
        if (await Task.WhenAny(exited, Task.Delay(Eventually.Limit)) != exited)
            gdb.Kill(entireProcessTree: true);
        await exited;
        Assert.True(File.Exists(answer), $"gdb saw nothing of process {pid}:\n{await output}{await errors}");
        return File.ReadLines(answer).Select(static line => line.Split(' ')).ToDictionary(
            static words => int.Parse(words[0], CultureInfo.InvariantCulture), static words => int.Parse(words[1], CultureInfo.InvariantCulture));
    }
}
