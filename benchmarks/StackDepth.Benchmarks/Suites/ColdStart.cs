using System.Diagnostics;
using System.Globalization;
using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>From starting the tool to the target's first instruction under the probe, and to the end of all.</summary>
internal static class ColdStart
{
    private const int Rounds = 15;

    internal static Section Run()
    {
        using var folder = SharedFolder.Create();
        var target = Target.Install(folder);
        var stamp = Path.Combine(folder.Path, "stamp");
        var artifacts = Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts");
        (string Name, double Goal, string[] Command)[] sides =
        [
            ("bpftrace", double.NaN, Peer.Command($"uprobe:{target}:{Target.Leaf} {{ @ = max(len(ustack)); }}", $"{target} stamp {stamp}")),
            .. Own(),
        ];
        var attached = sides.Select(static _ => new List<double>()).ToArray();
        var whole = sides.Select(static _ => new List<double>()).ToArray();
        for (var round = -1; round < Rounds; round++)
        {
            for (var side = 0; side < sides.Length; side++)
            {
                File.Delete(stamp);
                // Stopwatch and the target read the same clock, CLOCK_MONOTONIC in nanoseconds.
                var begin = Stopwatch.GetTimestamp();
                var (_, milliseconds) = Commands.Run(sides[side].Command);
                var running = long.Parse(File.ReadAllText(stamp), CultureInfo.InvariantCulture);
                if (round < 0)
                    continue;
                attached[side].Add((running - begin) / 1e6);
                whole[side].Add(milliseconds);
            }
        }

        var table = new Table("", "to attached, ms", "to bpftrace's", "to exit, ms", "to bpftrace's", "goal", "attached", "exit");
        for (var side = 0; side < sides.Length; side++)
        {
            var (ready, total) = (attached[side].Median(), whole[side].Median());
            var (readyRatio, totalRatio) = (ready / attached[0].Median(), total / whole[0].Median());
            var goal = sides[side].Goal;
            table.Add(
                sides[side].Name, Number(ready), Number(readyRatio, 3), Number(total), Number(totalRatio, 3),
                double.IsNaN(goal) ? "" : Number(goal, 3), double.IsNaN(goal) ? "" : Verdict(readyRatio <= goal), double.IsNaN(goal) ? "" : Verdict(totalRatio <= goal));
        }
        return new("Cold start", $"""
            One uprobe, `max(len(ustack))`, over a C program that exits at once; medians of {Rounds} alternating rounds, files in the page cache. "Attached" is the moment at
            which the target's `main` begins, which both tools allow only with the probe in place; both are started by way of chroot(8), and both hold a child back that they have made before. "Exit" includes detaching and printing. The peer: {Peer.Version}. The goals of the issue
            do not say which of the two they mean: both verdicts are given. `stackdepth run` prints more than the maximum: minimum, mean and histogram too. "As packed" is what `dotnet tool install` brings to this platform, a native executable (ADR 15);
            "ReadyToRun" what other platforms' packages hold: IL with code compiled ahead, and the JIT for the rest. All by the walk Kernel, as bpftrace's; for the others see "Walks". "A program of the library" is
            benchmarks/ColdStart, a single query.

            {table}
            """);

        (string, double, string[])[] Own()
        {
            string[] tool = ["run", "--walk", "kernel", $"uprobe:{target}:{Target.Leaf}", "--", target, "stamp", stamp], program = [target, Target.Leaf, target, "stamp", stamp];
            return
            [
                ("stackdepth, JIT, ReadyToRun", 1.0 / 2, ["chroot", "/", "dotnet", Path.Combine(artifacts, "tool-r2r", "StackDepth.Tool.dll"), .. tool]),
                ("stackdepth, JIT, a plain build", double.NaN, ["chroot", "/", "dotnet", Path.Combine(artifacts, "tool-jit", "StackDepth.Tool.dll"), .. tool]),
                ("stackdepth, AOT, as packed", 1.0 / 8, ["chroot", "/", Path.Combine(artifacts, "tool-aot", "stackdepth"), .. tool]),
                ("a program of the library, JIT", double.NaN, ["chroot", "/", "dotnet", Path.Combine(artifacts, "cold-jit", "ColdStart.dll"), .. program]),
                ("a program of the library, AOT", double.NaN, ["chroot", "/", Path.Combine(artifacts, "cold-aot", "ColdStart"), .. program]),
            ];
        }
    }
}
