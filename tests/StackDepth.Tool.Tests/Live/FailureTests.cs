using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>Every failure is a sentence with a remedy on standard error, and a status that says whose it is.</summary>
public sealed class FailureTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    [Theory]
    [InlineData("watchpoint probes are not supported yet", "run", "watchpoint:0x1000:8:w", "--", "true")]
    [InlineData("the function's name is missing", "run", "uprobe:/bin/sh", "--", "true")]
    [InlineData("--where compares with ==", "run", "uprobe:/bin/sh:main", "--where", "comm = sh", "--", "true")]
    [InlineData("--by is one of comm, pid, tid, function", "run", "uprobe:/bin/sh:main", "--by", "cpu", "--", "true")]
    [InlineData("--format is one of table, json", "run", "uprobe:/bin/sh:main", "--format", "xml", "--", "true")]
    [InlineData("--stack is one of user, kernel", "run", "uprobe:/bin/sh:main", "--stack", "both", "--", "true")]
    [InlineData("--duration needs a unit", "run", "uprobe:/bin/sh:main", "--duration", "5", "--", "true")]
    [InlineData("--pid and a command exclude each other", "run", "uprobe:/bin/sh:main", "-p", "1", "--", "true")]
    [InlineData("--pid takes the number of a process", "run", "uprobe:/bin/sh:main", "-p", "0")]
    [InlineData("--max-functions takes a number from 1", "run", "uprobe:/bin/sh:main", "--max-functions", "0", "--", "true")]
    [InlineData("Write '--' before the command", "run", "uprobe:/bin/sh:main", "true")]
    [InlineData("The command is missing after '--'", "run", "uprobe:/bin/sh:main", "--")]
    [InlineData("The command is empty", "run", "uprobe:/bin/sh:main", "--", "")]
    [InlineData("Unknown option --frmat, did you mean --format?", "run", "uprobe:/bin/sh:main", "--frmat", "json", "--", "true")]
    [InlineData("Unknown option --frmat, did you mean --format?", "run", "--frmat=json", "uprobe:/bin/sh:main", "--", "true")]
    [InlineData("Unknown option --frmat, did you mean --format?", "run", "uprobe:/bin/sh:main", "--frmat", "json")]
    [InlineData("Unknown option -x.", "run", "uprobe:/bin/sh:main", "-x", "--", "true")]
    [InlineData("Unknown option --vrify, did you mean --verify?", "explain", "uprobe:/bin/sh:main", "--vrify")]
    [InlineData("Option -v stands too early", "-v", "run", "uprobe:/bin/sh:main", "--", "true")]
    [InlineData("'./deep' stands before '--'", "run", "uprobe:/bin/sh:main", "./deep", "--by", "pid", "--", "5")]
    [InlineData("Only one probe can be given", "run", "uprobe:/bin/sh:main", "uprobe:/bin/sh:exit", "--", "true")]
    [InlineData("Only one probe can be given", "run", "uprobe:/bin/sh:main", "u:/bin/sh:exit")]
    [InlineData("PROBE is missing before '--'", "run", "--", "true", "uprobe:/bin/sh:main")]
    [InlineData("Write 'run' before the probe", "uprobe:/bin/sh:main", "--", "true")]
    [InlineData("Unknown command 'rnu', did you mean run?", "rnu", "uprobe:/bin/sh:main")]
    [InlineData("--pid takes the number of a process from 1 to 2147483647, not 'abc'", "run", "uprobe:/bin/sh:main", "-p", "abc")]
    [InlineData("--max-functions takes a number from 1 to 2147483647, not '99999999999'", "run", "uprobe:/bin/sh:main", "--max-functions", "99999999999")]
    [InlineData("--max-frames takes a number from 1 to 8388608, not '8388609'", "run", "uprobe:/bin/sh:main", "--max-frames", "8388609")]
    [InlineData("--walk is one of auto, fp, unwind, kernel, not 'dwarf'", "run", "uprobe:/bin/sh:main", "--walk", "dwarf")]
    [InlineData("--max-keys takes a number from 1 to 2147483647, not '-1'", "run", "uprobe:/bin/sh:main", "--max-keys", "-1")]
    [InlineData("knows no globs", "run", "uprobe:/bin/sh:main", "--where", "comm == de*", "--", "true")]
    [InlineData("'stackdepth run --help'", "run")]
    [InlineData("'stackdepth --help'", "measure")]
    [InlineData("'stackdepth --help'")]
    [InlineData("'stackdepth check --help'", "check", "--nonsense")]
    public async Task A_wrong_command_line_is_64(string message, params string[] arguments)
    {
        var result = await ToolProcess.RunAsync(arguments);

        Assert.Equal(64, result.Status);
        Says(result, message);
    }

    [Theory]
    [InlineData("no-such-binary", "uprobe:/no/such/no-such-binary:main")]
    [InlineData("Did you mean", "uprobe:{0}:leav")]
    [InlineData("--max-functions", "uprobe:{0}:*", "--max-functions", "2")]
    [InlineData("There is no process", "uprobe:{0}:leaf", "--pid", "2147483647")]
    public async Task What_cannot_be_attached_is_125_and_nothing_runs(string message, string probe, params string[] options)
    {
        string[] command = options is ["--pid", ..] ? [] : ["--", "echo", "ran"];
        var result = await ToolProcess.RunAsync(["run", probe.Replace("{0}", target.Path, StringComparison.Ordinal), .. options, .. command]);

        Assert.Equal(125, result.Status);
        Says(result, message);
    }

    [Theory]
    [InlineData("table")]
    [InlineData("json")]
    public async Task A_result_that_cannot_be_written_is_125_and_the_command_has_ended(string format)
    {
        var result = await ToolProcess.RunAsync(
            ["run", target.Probe, "--format", format, "--", "true"], null, null, ["sh", "-c", "exec \"$@\" > /dev/full", "sh"]);

        Assert.Equal(125, result.Status);
        Says(result, "could not be written");
    }

    [Fact]
    public async Task A_closed_standard_output_is_said_to_be_closed()
    {
        var result = await ToolProcess.RunAsync(["run", target.Probe, "--", "true"], null, null, ["sh", "-c", "exec \"$@\" >&-", "sh"]);

        Assert.Equal(125, result.Status);
        Says(result, "it is closed, or not open for writing");
    }

    [Fact]
    public async Task The_stack_trace_is_for_those_who_ask()
    {
        var result = await ToolProcess.RunAsync("run", "uprobe:/no/such/binary:main", "-v", "--", "true");

        Assert.Equal(125, result.Status);
        Assert.Contains("   at ", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verbose_logs_to_standard_error()
    {
        var result = await ToolProcess.RunAsync("run", target.Probe, "--verbose", "--format", "json", "--", target.Path, "3", "3");

        Assert.Contains("stackdepth: info: Probes attached", result.Errors, StringComparison.Ordinal);
        Assert.Equal(3, result.Json.GetProperty("health").GetProperty("hits").GetInt64());
    }

    [Fact]
    public async Task Without_privileges_the_missing_capabilities_and_the_remedy_are_named()
    {
        Requires.Root();
        Requires.Program("setpriv");
        string[] nobody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];

        var run = await ToolProcess.RunAsync(["run", target.Probe, "--", "true"], null, null, nobody);
        var check = await ToolProcess.RunAsync(["check"], null, null, nobody);

        Assert.Equal(125, run.Status);
        Says(run, "CAP_");
        Assert.StartsWith("stackdepth: No privilege: CAP_BPF and CAP_PERFMON are missing. ", run.Errors, StringComparison.Ordinal);
        Assert.Contains("setcap", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("FILE", run.Errors, StringComparison.Ordinal);
        if (ToolProcess.Line is [var executable])
            Assert.Contains(executable, run.Errors, StringComparison.Ordinal);
        else
            Assert.Contains("every .NET program", run.Errors, StringComparison.Ordinal);
        Assert.Equal(1, check.Status);
        Assert.Contains("setcap", check.Output, StringComparison.Ordinal);
        Assert.Contains("cannot be probed", check.Output, StringComparison.Ordinal);
    }

    private static void Says(ToolResult result, string message)
    {
        Assert.Equal("", result.Output);
        Assert.StartsWith("stackdepth: ", result.Errors, StringComparison.Ordinal);
        Assert.Contains(message, result.Errors, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", result.Errors, StringComparison.Ordinal);
    }
}
