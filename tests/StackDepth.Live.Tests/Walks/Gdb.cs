using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Walks;

/// <summary>gdb as a witness: the physical frames at each hit of an address (Targets/Walks/truth.py).</summary>
internal static class Gdb
{
    private const int Attempts = 3;

    /// <summary>Runs the commands, which differ in their arguments only; answers the thread and the depth of each hit of each run, in order, up to so many hits.</summary>
    /// <remarks>
    /// A uprobe that another test takes away at the very place writes the first instruction back, over gdb's breakpoint (set_orig_insn in the kernel's kernel/events/uprobes.c): then gdb sees no hit, and is asked again.
    /// </remarks>
    internal static async Task<(int Tid, int Depth)[][]> Depths(string probe, int mostHits, params ProcessStartInfo[] commands)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (runs, said) = await Ask(probe, mostHits, commands);
            var line = $"{commands[0].FileName} {string.Join(' ', commands[0].ArgumentList)}";
            if (runs.Count != commands.Length || !runs.All(static run => run.Count > 0))
            {
                Assert.True(attempt < Attempts, $"gdb saw no hit of {probe} in {line}, {attempt} times:\n{said}");
                continue;
            }
            Assert.True(runs.All(static run => run.All(static hit => hit.Depth > 0)), $"gdb cannot prove the outermost frame at some hit of {probe} in {line}: it is no witness there.");
            return [.. runs.Select(static run => run.ToArray())];
        }
    }

    private static async Task<(List<List<(int Tid, int Depth)>> Runs, string Said)> Ask(string probe, int mostHits, ProcessStartInfo[] commands)
    {
        var command = commands[0];
        Requires.Tool("gdb");
        using var folder = new Folder();
        var answer = folder["depths"];
        var start = new ProcessStartInfo("gdb", ["-nx", "-q", "-batch", "-x", Builds.File("truth.py"), command.FileName])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        foreach (var (name, value) in command.Environment)
            start.Environment[name] = value;
        var plus = probe.IndexOf('+', StringComparison.Ordinal);
        start.Environment["TRUTH_PLACE"] = plus < 0 ? "&" + probe : $"(char *)&{probe[..plus]} + {probe[(plus + 1)..]}";
        start.Environment["TRUTH_RUNS"] = string.Join('\n', commands.Select(static run => string.Join(' ', run.ArgumentList)));
        start.Environment["TRUTH_HITS"] = mostHits.ToString(CultureInfo.InvariantCulture);
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
        List<List<(int Tid, int Depth)>> runs = [];
        foreach (var line in File.Exists(answer) ? File.ReadLines(answer) : [])
        {
            if (line == "run")
                runs.Add([]);
            else if (line.Split(' ') is [var tid, var depth])
                runs[^1].Add((Number(tid), Number(depth)));
        }
        return (runs, await output + await errors);
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
