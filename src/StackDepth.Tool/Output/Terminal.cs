using System.Globalization;
using System.Text;
using Spectre.Console;

namespace StackDepth.Tool.Output;

/// <summary>Standard output as Spectre.Console is to see it. Decided here: its own look at the environment costs start-up and takes a CI for a terminal.</summary>
internal sealed class Terminal : IAnsiConsoleOutput
{
    private const int PipeWidth = 10_000; // lines are not folded for readers that are programs
    private const int NarrowestWidth = 20;

    public TextWriter Writer => StandardStreams.Output;

    public bool IsTerminal { get; } = !Console.IsOutputRedirected;

    public int Width => int.TryParse(Environment.GetEnvironmentVariable("COLUMNS"), NumberStyles.None, CultureInfo.InvariantCulture, out var columns) && columns > 0 ? int.Max(columns, NarrowestWidth)
        : IsTerminal && WindowSize.Columns() is { } width ? int.Max(width, NarrowestWidth)
        : PipeWidth;

    public int Height => 24; // nothing here is laid out by it

    internal static IAnsiConsole Create()
    {
        var output = new Terminal();
        var styled = output.IsTerminal && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = styled ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = styled ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            Out = output,
        });
        console.Profile.Width = output.Width;
        console.Profile.Capabilities.Unicode = StandardStreams.IsUnicode;
        return console;
    }

    public void SetEncoding(Encoding encoding)
    {
        // The writer has the encoding of the user's locale already.
    }
}
