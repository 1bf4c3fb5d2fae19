using System.Globalization;
using System.Text;
using Spectre.Console;

namespace StackDepth.Tool.Output;

/// <summary>Standard output as Spectre.Console is to see it. Decided here, as its own look at the environment costs start-up and takes a CI for a terminal.</summary>
internal static class Terminal
{
    private const int PipeWidth = 10_000; // lines are not folded for readers that are programs
    private const int NarrowestWidth = 20;

    internal static IAnsiConsole Create()
    {
        var isTerminal = !Console.IsOutputRedirected;
        var styled = isTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        var encoding = Console.OutputEncoding;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = styled ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = styled ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            Out = new AnsiConsoleOutput(Console.Out),
        });
        console.Profile.Width = Width(isTerminal);
        console.Profile.Capabilities.Unicode = encoding.CodePage == Encoding.UTF8.CodePage;
        return console;
    }

    private static int Width(bool isTerminal) =>
        int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out var columns) && columns > 0 ? int.Max(columns, NarrowestWidth)
        : isTerminal && Console.WindowWidth > 0 ? int.Max(Console.WindowWidth, NarrowestWidth)
        : PipeWidth;
}
