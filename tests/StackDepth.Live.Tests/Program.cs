using StackDepth.Live.Tests.Symbols;
using StackDepth.Live.Tests.Walks;
using Xunit.MicrosoftTestingPlatform;
using Xunit.Runner.InProc.SystemConsole;

namespace StackDepth.Live.Tests;

/// <summary>The test runner's entry point, except for the commands that the tests give this program.</summary>
internal static class Program
{
    /// <summary>Attaches a probe and prints what it throws: "unprivileged BINARY SYMBOL".</summary>
    internal const string Unprivileged = "unprivileged";

    private static async Task<int> Main(string[] args) => args switch
    {
        [Unprivileged, var binary, var symbol] => await AttachAndTell(binary, symbol),
        [ManagedTarget.Command, var mode, var depth, var repeat, var library] => ManagedTarget.Run(mode, depth, repeat, library),
        [ManagedSymbolTarget.Command, var library] => ManagedSymbolTarget.Run(library),
        _ when args.Any(static arg => arg is "-automated" or "@@") => await ConsoleRunner.Run(args),
        _ => await TestPlatformTestFramework.RunAsync(args, SelfRegisteredExtensions.AddSelfRegisteredExtensions),
    };

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
