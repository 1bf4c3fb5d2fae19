using System.Globalization;
using StackDepth.Live.Tests.Generated;
using StackDepth.Live.Tests.Rights;
using StackDepth.Live.Tests.Symbols;
using StackDepth.Live.Tests.Threads;
using StackDepth.Live.Tests.Walks;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace StackDepth.Live.Tests;

/// <summary>The test runner's entry point, except for the commands that the tests give this program.</summary>
internal static class Program
{
    /// <summary>Attaches a probe and prints what it throws: "unprivileged BINARY SYMBOL".</summary>
    internal const string Unprivileged = "unprivileged";

    /// <summary>Prints the threads, or what looking at them throws: "threads all|PID".</summary>
    internal const string Threads = "threads";

    /// <summary>Tries random queries: "random COUNT FIRST" (tests/random/run.sh).</summary>
    private const string Random = "random";

    /// <summary>Runs eight sessions under load: "soak SECONDS" (tests/soak/run.sh).</summary>
    private const string Soak = "soak";

    private static async Task<int> Main(string[] args) => args switch
    {
        [Unprivileged, var binary, var symbol] => await AttachAndTell(binary, symbol),
        [ManagedTarget.Command, var mode, var depth, var repeat, var library] => ManagedTarget.Run(mode, depth, repeat, library),
        [ManagedSymbolTarget.Command, var library] => ManagedSymbolTarget.Run(library),
        [ManagedThreads.Command, .. var depths] => ManagedThreads.Run(depths),
        [RightsProbe.Command, var target, var usdt] => await RightsProbe.Tell(target, usdt),
        [Random, var count, var first] => TryRandomQueries(int.Parse(count, CultureInfo.InvariantCulture), long.Parse(first, CultureInfo.InvariantCulture)),
        [Soak, var seconds] => await RunSoak(TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture))),
        [Threads, var scope] => ShowThreads(scope == "all" ? null : int.Parse(scope, CultureInfo.InvariantCulture)),
        _ when args.Any(static arg => arg is "-automated" or "@@") => await ConsoleRunner.Run(args),
        _ => await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
    };

    private static int TryRandomQueries(int count, long first)
    {
        using var trials = new LiveTrials();
        var figures = trials.Run(first, count, Console.WriteLine);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{figures.Queries:N0} queries and {figures.Hits:N0} hits, {figures.TooLarge} refused as too large for one program, {figures.Failures.Length} failed"));
        return figures.Failures.IsEmpty ? 0 : 1;
    }

    private static async Task<int> RunSoak(TimeSpan time)
    {
        var figures = await Load.Soak.Run(time, CancellationToken.None);
        foreach (var sum in figures.Unaccounted)
            Console.WriteLine(sum);
        Console.WriteLine(figures);
        return figures is { Unaccounted: [], IsFlat: true } ? 0 : 1;
    }

    private static int ShowThreads(int? pid)
    {
        try
        {
            foreach (var thread in Probe.Threads(pid))
                Console.WriteLine($"{thread.Pid} {thread.Tid} {thread.User} {thread.Reason}");
            return 0;
        }
        catch (ProbeUnavailableException error)
        {
            Console.WriteLine(error.Message);
            return 1;
        }
    }

    private static async Task<int> AttachAndTell(string binary, string symbol)
    {
        try
        {
            await using var session = await Probe.UProbe(binary, symbol).Count().AttachAsync();
            Console.WriteLine("attached");
            return 1;
        }
        catch (ProbeUnavailableException error)
        {
            Console.WriteLine(error.Message);
            Console.WriteLine("remedy: " + error.Remedy);
            return 0;
        }
    }
}
