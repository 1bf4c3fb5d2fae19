using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace StackDepth.Tool.Cli;

/// <summary>The tool's command line.</summary>
internal sealed class ToolCommandLine
{
    private readonly Flag _verbose = new("--verbose", "Log to standard error what the tool does; show stack traces of failures.", "-v");
    private readonly Command _root = new("stackdepth", "How deep does a program's stack get, and can the number be trusted? Exit statuses: the command's own; 64 wrong usage, 124 --duration ended it, 125 the tool failed, 126 and 127 it could not be executed or found, 130 Ctrl-C.");

    internal ParseResult Parse(string[] arguments)
    {
        // A start has no time for what it does not need. Descriptions of these two come from resources, which takes 5 ms.
        if (arguments is not ["run", ..] || Array.Exists(arguments, static word => word is "--help" or "-h" or "-?" or "/h" or "/?" or "--version"))
        {
            _root.Options.Add(new HelpOption());
            _root.Options.Add(new VersionOption());
        }
        // When the first word is a command, it is the only one that the line can mean.
        var all = arguments is not ["run" or "check" or "explain" or "threads", ..];
        if (all || arguments[0] == "run")
            _root.Subcommands.Add(RunCommandLine.Create(_verbose));
        if (all || arguments[0] == "check")
            _root.Subcommands.Add(CheckCommandLine.Create(_verbose));
        if (all || arguments[0] == "explain")
            _root.Subcommands.Add(ExplainCommandLine.Create(_verbose));
        if (all || arguments[0] == "threads")
            _root.Subcommands.Add(ThreadsCommandLine.Create(_verbose));
        // A command's '@file' is the command's.
        return CommandLineParser.Parse(_root, arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
    }

    internal bool IsVerbose(ParseResult parsed) => _verbose.In(parsed);
}
