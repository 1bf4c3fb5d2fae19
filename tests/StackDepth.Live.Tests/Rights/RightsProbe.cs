using System.Diagnostics;

namespace StackDepth.Live.Tests.Rights;

/// <summary>Tries each feature with the rights that this process has, and tells what came of it; run by <see cref="RightsTests"/> in a process of its own.</summary>
internal static class RightsProbe
{
    /// <summary>"rights TARGET USDT-TARGET".</summary>
    internal const string Command = "rights";

    internal const string Works = "works";

    private const int Calls = 30;

    private static readonly AttachOptions s_quiet = new() { CommandOutput = CommandOutput.Discard };

    /// <summary>The features, each with a try that throws, or answers whether the result is right.</summary>
    internal static IEnumerable<(string Feature, Func<string, string, Task<bool>> Try)> Features { get; } =
    [
        ("functions of one's own program, counted", static async (target, _) => await Run(Probe.UProbe(target, "leaf_push").Count(), target) == Calls),
        ("as a stream", static async (target, _) => (await Probe.UProbe(target, "leaf_push").Select(static s => s.Tid).RunAsync(Calling(target), s_quiet)).Result.Length == Calls),
        ("stacks by the walk Auto", static async (target, _) => await Run(Probe.UProbe(target, "leaf_push").Select(static s => s.UStack.Length).Max(), target) > 3),
        ("stacks by the walk Kernel", static async (target, _) => await Run(Probe.UProbe(target, "leaf_push").Select(static s => s.UStack.By(StackWalk.Kernel).Length).Max(), target) > 1),
        ("the deepest stack with its names", static async (target, _) => (await Run(Probe.UProbe(target, "leaf_push").MaxBy(static s => s.UStack.Length), target))!.Stack.Frames.Any(static frame => frame.Symbol == "main")),
        ("returns", static async (target, _) => await Run(Probe.URetProbe(target, "leaf_push").Count(), target) == Calls),
        ("one process, by its id", static async (target, _) => await OneProcess(target)),
        ("many functions by a glob", static async (target, _) => await Run(Probe.UProbe(target, "leaf_*").Count(), target) == Calls),
        ("variables of threads", static async (target, _) =>
        {
            var before = Probe.State<int>("before");
            return await Run(Probe.UProbe(target, "leaf_push").Set(before, static s => s.Pid).Count(), target) == Calls;
        }),
        ("USDT with semaphores", static async (_, usdt) => (await Probe.Usdt(usdt, "demo", "tick").Count().RunAsync(new ProcessStartInfo(usdt, ["/dev/null", "0"]), s_quiet)).Result == 56),
        ("samples of a command", static async (target, _) => (await Probe.Profile(997).Count().RunAsync(new ProcessStartInfo(target, ["raw", "3000000"]), s_quiet)).Result > 0),
        ("page faults of a command", static async (target, _) => await Run(Probe.SoftwareEvent("page-faults").Count(), target) > 0),
        ("a tracepoint", static async (target, _) => await Run(Probe.Tracepoint("syscalls", "sys_enter_*").Count(), target) > 0),
        ("a typed tracepoint", static async (target, _) => await Run(Probe.RawTracepoint("sys_enter").Count(), target) > 0),
        ("the threads of a process", static (_, _) => Task.FromResult(Probe.Threads(Environment.ProcessId).Any())),
        ("the threads of all", static (_, _) => Task.FromResult(Probe.Threads().Any(static thread => thread.Pid != Environment.ProcessId))),
    ];

    internal static async Task<int> Tell(string target, string usdt)
    {
        foreach (var (feature, attempt) in Features)
        {
            string outcome;
            try
            {
                outcome = await attempt(target, usdt) ? Works : "another answer";
            }
            catch (ProbeUnavailableException error)
            {
                outcome = $"{nameof(ProbeUnavailableException)}: {error.Message} {error.Remedy}";
            }
            catch (Exception error)
            {
                outcome = $"{error.GetType().Name}: {error.Message}";
            }
            Console.WriteLine($"{feature}\t{outcome.ReplaceLineEndings(" ")}");
        }
        return 0;
    }

    private static ProcessStartInfo Calling(string target) => new(target, ["raw", $"{Calls}"]);

    private static async Task<T> Run<T>(ProbeQuery<T> query, string target) => (await query.RunAsync(Calling(target), s_quiet)).Result;

    private static async Task<bool> OneProcess(string target)
    {
        using var process = Process.Start(new ProcessStartInfo(target) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        try
        {
            await using var session = await Probe.UProbe(target, "leaf_push").ForProcess(process.Id).Count().AttachAsync();
            await process.StandardInput.WriteLineAsync($"raw {Calls}");
            await process.StandardInput.FlushAsync();
            while (await process.StandardOutput.ReadLineAsync() is not ("ok" or null))
            {
                // Until it has done that.
            }
            return await session.StopAsync() == Calls;
        }
        finally
        {
            process.StandardInput.Close();
            await process.WaitForExitAsync();
        }
    }
}
