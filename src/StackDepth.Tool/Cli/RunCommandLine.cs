using System.CommandLine;
using StackDepth.Tool.Diagnostics;
using StackDepth.Tool.Parsing;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Cli;

/// <summary><c>stackdepth run PROBE [-- COMMAND ...]</c>.</summary>
internal static class RunCommandLine
{
    internal static Command Create(Flag verbose)
    {
        var query = new QueryOptions();
        var words = new Argument<string[]>("COMMAND") { Description = "After '--': the command to run under the probes. Without it: all processes, until Ctrl-C.", Arity = ArgumentArity.ZeroOrMore };
        var duration = new Option<string?>("--duration") { Description = "Stop after this time: 500ms, 5s, 2m, 1h. A command that still runs is ended.", HelpName = "TIME" };
        var format = Choices.Option("--format", "How the result is printed; table unless it is written.", ("table", OutputFormat.Table), ("json", OutputFormat.Json));
        var command = new Command("run", "Measure how deep the stack is at each hit of a probe.");
        query.AddTo(command);
        command.Arguments.Add(words);
        command.Options.Add(duration);
        command.Options.Add(format);
        command.Options.Add(verbose);
        command.SetAction((parsed, _) => RunAsync(parsed, query, CommandWords.Of(parsed, words), parsed.GetValue(duration), format.In(parsed), verbose.In(parsed)));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, QueryOptions options, string[] command, string? duration, OutputFormat format, bool verbose)
    {
        var query = options.Request(parsed);
        if (query.ProcessId is not null && command.Length > 0)
            throw new UsageException("--pid and a command exclude each other: a command's own processes are followed. Leave one of the two out.");
        using var log = verbose ? StderrLog.CreateFactory() : null;
        var request = new RunRequest(query, [.. command], duration is null ? null : DurationParser.Parse(duration), format, options.Attach(parsed, log, format));
        return await new ProbeRunner(request).RunAsync().ConfigureAwait(false);
    }
}
