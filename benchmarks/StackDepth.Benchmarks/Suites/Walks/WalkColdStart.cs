using System.Diagnostics;
using System.Globalization;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;
using StackDepth.Runtime;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>What a walk costs before the first hit: the start of the tool, and the verifier's work.</summary>
internal static class WalkColdStart
{
    private const int Rounds = 9;
    private const int Loads = 15;
    private const uint MostVerified = 200_000;
    private static readonly StackWalk[] Walks = [StackWalk.Kernel, StackWalk.FramePointer, StackWalk.Auto, StackWalk.Unwind];

    internal static void Print(TextWriter text, SharedFolder folder)
    {
        text.WriteLine("### Cold start by walk");
        text.WriteLine();
        var binary = WalkPrograms.Install(folder, "walks-fp");
        var stamp = Path.Combine(folder.Path, "stamp");
        var artifacts = Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts");
        string[] readyToRun = ["chroot", "/", "dotnet", Path.Combine(artifacts, "tool-r2r", "StackDepth.Tool.dll")], aot = ["chroot", "/", Path.Combine(artifacts, "tool-aot", "stackdepth")];
        (string Name, bool EmptyCache, string[] Command)[] sides =
        [
            ("bpftrace", false, Peer.Command($"uprobe:{binary}:{Target.Leaf} {{ @ = max(len(ustack)); }}", $"{binary} {stamp}")),
            ("stackdepth ReadyToRun, kernel", false, Run(readyToRun, "kernel")),
            ("stackdepth ReadyToRun, auto", false, Run(readyToRun, "auto")),
            ("stackdepth ReadyToRun, unwind", false, Run(readyToRun, "unwind")),
            ("... with an empty table cache", true, Run(readyToRun, "unwind")),
            ("stackdepth AOT, as packed, unwind", false, Run(aot, "unwind")),
            ("... with an empty table cache", true, Run(aot, "unwind")),
        ];
        var attached = sides.Select(static _ => new List<double>()).ToArray();
        var whole = sides.Select(static _ => new List<double>()).ToArray();
        for (var round = -1; round < Rounds; round++)
        {
            for (var side = 0; side < sides.Length; side++)
            {
                File.Delete(stamp);
                var cache = Directory.CreateTempSubdirectory("stackdepth-bench-").FullName;
                string[] command = sides[side].EmptyCache ? ["env", $"XDG_CACHE_HOME={cache}", .. sides[side].Command] : sides[side].Command;
                // Stopwatch and the target read the same clock, CLOCK_MONOTONIC in nanoseconds.
                var begin = Stopwatch.GetTimestamp();
                var (_, milliseconds) = Commands.Run(command);
                var running = long.Parse(File.ReadAllText(stamp), CultureInfo.InvariantCulture);
                Directory.Delete(cache, recursive: true);
                if (round < 0)
                    continue;
                attached[side].Add((running - begin) / 1e6);
                whole[side].Add(milliseconds);
            }
        }

        text.WriteLine($"One uprobe in a C program that exits at once, linked with libc as usual; medians of {Rounds} alternating rounds. \"Attached\" is when the target's `main` begins, \"exit\" the end of");
        text.WriteLine("the tool. The tables of the program and its libraries come from the cache on disk but where the cache is empty.");
        text.WriteLine();
        var table = new Table("", "to attached, ms", "to bpftrace's", "to exit, ms", "to bpftrace's");
        for (var side = 0; side < sides.Length; side++)
        {
            var (ready, total) = (attached[side].Median(), whole[side].Median());
            table.Add(sides[side].Name, Number(ready), Number(ready / attached[0].Median(), 2), Number(total), Number(total / whole[0].Median(), 2));
        }
        text.WriteLine(table);
        text.WriteLine($"Goal, with the walk Unwind at most 1/2 of bpftrace's: AOT, as packed, attached {Half(attached, 5)}, exit {Half(whole, 5)}; ReadyToRun attached {Half(attached, 3)}, exit {Half(whole, 3)}.");
        text.WriteLine();
        PrintVerifier(text, binary);

        string[] Run(string[] tool, string walk) => [.. tool, "run", "--walk", walk, $"uprobe:{binary}:{Target.Leaf}", "--", binary, stamp];

        static string Half(List<double>[] times, int side) => Verdict(times[side].Median() <= times[0].Median() / 2);
    }

    private static void PrintVerifier(TextWriter text, string binary)
    {
        var kernel = KernelProfile.Detect(SystemCalls.Real);
        var query = Probe.UProbe(binary, Target.Leaf).Select(static s => s.UStack.Length).Max().Query;
        var table = new Table("program of max(length)", "instructions", "verified", "load, ms", "bytes of machine code");
        var met = true;
        foreach (var walk in Walks)
        {
            var options = new AttachOptions { Walk = walk };
            var compiled = QueryPlanner.Compile(query, QueryPlanner.Target(QueryPlanner.Scope(query, hasCommand: true), options, kernel), kernel);
            using var maps = KernelMaps.Create(compiled.Maps, SystemCalls.Real);
            List<double> times = [];
            ProgramInfo info = default;
            for (var load = 0; load < Loads; load++)
            {
                var begin = Stopwatch.GetTimestamp();
                using var program = BpfProgram.Load(compiled.Program, maps.ByName, SystemCalls.Real);
                times.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
                info = program.Info;
            }
            met &= info.VerifiedInstructions <= MostVerified;
            table.Add(walk.ToString(), Number(compiled.Program.Instructions.Length), Number(info.VerifiedInstructions), Number(times.Median(), 2), Number(info.JitedBytes));
        }
        text.WriteLine(table);
        text.WriteLine($"Goal, each within {Number(MostVerified)} verified instructions: {Verdict(met)}. Loads are medians of {Loads}, in a process that has loaded before.");
        text.WriteLine();
    }
}
