using System.CommandLine;
using StackDepth.Tool.Output;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Cli;

/// <summary><c>stackdepth explain PROBE</c>.</summary>
internal static class ExplainCommandLine
{
    internal static Command Create(Flag verbose)
    {
        var query = new QueryOptions();
        var verify = new Flag("--verify", "Also load the program into the kernel, and show the verifier's log. Needs privileges.");
        var command = new Command("explain", "Show what a probe becomes: its sites, the query and the program.");
        query.AddTo(command);
        command.Options.Add(verify);
        command.Options.Add(verbose);
        command.SetAction(parsed =>
        {
            var request = query.Request(parsed);
            var plan = DepthQuery.Build(request).Explain(new(verify.In(parsed), query.Attach(parsed, log: null, OutputFormat.Table)));
            ExplainReport.Write(request.Probe, plan, StandardStreams.Output);
            return ExitStatus.Success;
        });
        return command;
    }
}
