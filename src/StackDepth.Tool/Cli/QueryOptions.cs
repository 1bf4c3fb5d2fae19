using System.Collections.Immutable;
using System.CommandLine;
using Microsoft.Extensions.Logging;
using StackDepth.Tool.Parsing;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Cli;

/// <summary>What <c>run</c> and <c>explain</c> have in common: the probe and what is asked about it.</summary>
internal sealed class QueryOptions
{
    private readonly Argument<string> _probe = new("PROBE")
    {
        Description = "uprobe:BINARY:SYMBOL (or u:...). BINARY is a path, a program or a library; SYMBOL a function, a glob in quotes, symbol+offset, or 0xADDRESS.",
    };

    private readonly Option<int?> _pid = new("--pid", "-p") { Description = "Observe this process only. Its threads count, its children do not.", HelpName = "PID" };

    private readonly Option<GroupKey> _by = Choices.Option(
        "--by", "One result for each of these.",
        ("comm", GroupKey.Comm), ("pid", GroupKey.Pid), ("tid", GroupKey.Tid), ("function", GroupKey.Function));

    private readonly Option<string[]> _where = new("--where")
    {
        Description = "Count only hits for which this holds, e.g. 'comm == python3 && pid != 12'. May be repeated: all must hold.",
        HelpName = "CONDITION",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<MeasuredStack> _stack = Choices.Option(
        "--stack", "Whose frames are counted; user unless it is written.", ("user", MeasuredStack.User), ("kernel", MeasuredStack.Kernel));

    private readonly Option<int> _maxFunctions = new("--max-functions")
    {
        Description = "How many functions a glob may match.",
        HelpName = "N",
        DefaultValueFactory = static _ => new AttachOptions().MaxFunctions,
    };

    private readonly Option<int> _maxKeys = new("--max-keys")
    {
        Description = "How many groups --by can hold; the hits of more are counted as lost.",
        HelpName = "N",
        DefaultValueFactory = static _ => new AttachOptions().MaxKeys,
    };

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_probe);
        command.Options.Add(_pid);
        command.Options.Add(_by);
        command.Options.Add(_where);
        command.Options.Add(_stack);
        command.Options.Add(_maxFunctions);
        command.Options.Add(_maxKeys);
    }

    internal QueryRequest Request(ParseResult parsed)
    {
        var conditions = ImmutableArray.CreateBuilder<WhereCondition>();
        foreach (var where in parsed.GetValue(_where) ?? [])
            conditions.AddRange(WhereParser.Parse(where));
        var pid = parsed.GetValue(_pid);
        return pid <= 0
            ? throw new UsageException("--pid takes the number of a process, from 1.")
            : new(ProbeSpecParser.Parse(parsed.GetRequiredValue(_probe)), parsed.GetValue(_stack), parsed.GetValue(_by), conditions.ToImmutable(), pid);
    }

    internal AttachOptions Attach(ParseResult parsed, ILoggerFactory? log, OutputFormat format) => new()
    {
        MaxFunctions = Positive(parsed, _maxFunctions),
        MaxKeys = Positive(parsed, _maxKeys),
        LoggerFactory = log,
        CommandOutput = format is OutputFormat.Json ? CommandOutput.StandardError : CommandOutput.Inherit,
    };

    private static int Positive(ParseResult parsed, Option<int> option) =>
        parsed.GetValue(option) is > 0 and var value ? value : throw new UsageException($"{option.Name} takes a number from 1.");
}
