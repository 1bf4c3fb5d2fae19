using System.Collections.Immutable;
using System.CommandLine;
using Microsoft.Extensions.Logging;
using StackDepth.Tool.Parsing;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Cli;

/// <summary>What <c>run</c> and <c>explain</c> have in common: the probe and what is asked about it.</summary>
internal sealed class QueryOptions
{
    private const int MostFrames = 1 << 23; // AttachOptions.MaxFrames

    private readonly Argument<string> _probe = new("PROBE")
    {
        Description = "uprobe:BINARY:SYMBOL (or u:...). BINARY is a path, a program or a library; SYMBOL a function, a glob in quotes, symbol+offset, or 0xADDRESS. Or kprobe:FUNCTION, tracepoint:CATEGORY:NAME, profile:hz:N, software:EVENT:COUNT.",
    };

    private readonly Count _pid = new(["--pid", "-p"], "the number of a process", "Observe this process only. Its threads count, its children do not.", "PID");

    private readonly Choice<GroupKey> _by = Choices.Option(
        "--by", "One result for each of these.",
        ("comm", GroupKey.Comm), ("pid", GroupKey.Pid), ("tid", GroupKey.Tid), ("function", GroupKey.Function),
        ("completeness", GroupKey.Completeness));

    private readonly Option<string[]> _where = new("--where")
    {
        Description = "Count only hits for which this holds, e.g. 'comm == python3 && pid != 12'. May be repeated: all must hold.",
        HelpName = "CONDITION",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Choice<MeasuredStack> _stack = Choices.Option(
        "--stack", "Whose frames are counted; unless it is written kernel at a kprobe, and else user.", ("user", MeasuredStack.User), ("kernel", MeasuredStack.Kernel));

    private readonly Choice<StackWalk> _walk = Choices.Option(
        "--walk", "How the frames of user stacks are found; auto unless it is written. kernel is the kernel's own walk, as bpftrace's.",
        ("auto", StackWalk.Auto), ("fp", StackWalk.FramePointer), ("unwind", StackWalk.Unwind), ("kernel", StackWalk.Kernel));

    private readonly Count _maxFrames = new(
        ["--max-frames"], "a number", $"The most frames that a walk counts; {new AttachOptions().MaxFrames} unless it is written. Not for the kernel's walk, which has its own limit.", "N", MostFrames);

    private readonly Count _maxFunctions = new(
        ["--max-functions"], "a number", $"How many functions a glob may match; {new AttachOptions().MaxFunctions} unless it is written.", "N");

    private readonly Count _maxKeys = new(
        ["--max-keys"], "a number", $"How many groups --by can hold; the hits of more are counted as lost; {new AttachOptions().MaxKeys} unless it is written.", "N");

    private readonly Option<string[]> _countIn = new("--count-in")
    {
        Description = "Also count the frames that lie in this function: a name, a glob in quotes, or module!name. May be repeated: frames in any of them.",
        HelpName = "SYMBOL",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Flag _bytes = new("--bytes", "Also measure the bytes of the stack that are in use, and those that are left to its limit.");

    private readonly Flag _recursion = new("--recursion", "Also count how many activations of the probed function are live on the thread.");

    private readonly Flag _python = new("--python", "Also count the Python frames of the thread (CPython 3.9 to 3.14), beside the native depth.");

    internal void AddTo(Command command)
    {
        command.Arguments.Add(_probe);
        command.Options.Add(_pid);
        command.Options.Add(_by);
        command.Options.Add(_where);
        command.Options.Add(_countIn);
        command.Options.Add(_bytes);
        command.Options.Add(_recursion);
        command.Options.Add(_python);
        command.Options.Add(_stack);
        command.Options.Add(_walk);
        command.Options.Add(_maxFrames);
        command.Options.Add(_maxFunctions);
        command.Options.Add(_maxKeys);
    }

    internal QueryRequest Request(ParseResult parsed)
    {
        var conditions = ImmutableArray.CreateBuilder<WhereCondition>();
        foreach (var where in parsed.GetValue(_where) ?? [])
            conditions.AddRange(WhereParser.Parse(where));
        var probe = ProbeSpecParser.Parse(parsed.GetRequiredValue(_probe));
        var stack = _stack.In(parsed);
        if (stack is MeasuredStack.OfProbe)
            stack = probe.Kind is ProbeKind.Kernel or ProbeKind.KernelReturn or ProbeKind.FEntry or ProbeKind.FExit ? MeasuredStack.Kernel : MeasuredStack.User;
        return new(probe, stack, _by.In(parsed), conditions.ToImmutable(), _pid.In(parsed), Questions(parsed));
    }

    private ImmutableArray<Question> Questions(ParseResult parsed)
    {
        var questions = ImmutableArray.CreateBuilder<Question>();
        if (parsed.GetValue(_countIn) is { Length: > 0 } functions)
            questions.Add(Question.CountIn(functions));
        if (_bytes.In(parsed))
            questions.AddRange(Question.Bytes, Question.BytesFree);
        if (_recursion.In(parsed))
            questions.Add(Question.Recursion);
        if (_python.In(parsed))
            questions.Add(Question.Python);
        return questions.ToImmutable();
    }

    internal AttachOptions Attach(ParseResult parsed, ILoggerFactory? log, OutputFormat format)
    {
        var defaults = new AttachOptions();
        return defaults with
        {
            Walk = _walk.In(parsed),
            MaxFrames = _maxFrames.In(parsed) ?? defaults.MaxFrames,
            MaxFunctions = _maxFunctions.In(parsed) ?? defaults.MaxFunctions,
            MaxKeys = _maxKeys.In(parsed) ?? defaults.MaxKeys,
            LoggerFactory = log,
            CommandOutput = format is OutputFormat.Json ? CommandOutput.StandardError : CommandOutput.Inherit,
        };
    }
}
