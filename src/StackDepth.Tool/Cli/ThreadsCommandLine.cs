using System.CommandLine;
using StackDepth.Tool.Diagnostics;
using StackDepth.Tool.Output;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Cli;

/// <summary><c>stackdepth threads</c>.</summary>
internal static class ThreadsCommandLine
{
    internal static Command Create(Flag verbose)
    {
        var pid = new Count(["--pid", "-p"], "the number of a process", "The threads of this process only.", "PID");
        var format = Choices.Option("--format", "How the result is printed; table unless it is written.", ("table", OutputFormat.Table), ("json", OutputFormat.Json));
        var command = new Command("threads", "Show how deep the stacks of all threads are now, the deepest first. Nothing is probed or stopped.");
        command.Options.Add(pid);
        command.Options.Add(format);
        command.Options.Add(verbose);
        command.SetAction(parsed =>
        {
            using var log = verbose.In(parsed) ? StderrLog.CreateFactory() : null;
            ThreadDepth[] threads = [.. Probe.Threads(pid.In(parsed), new() { LoggerFactory = log }).OrderByDescending(static thread => thread.User).ThenByDescending(static thread => thread.Kernel)];
            if (format.In(parsed) is OutputFormat.Json)
            {
                using var output = StandardStreams.OpenOutput();
                ThreadsReport.WriteJson(threads, output);
            }
            else
            {
                ThreadsReport.WriteTable(threads, Terminal.Create());
            }
            return ExitStatus.Success;
        });
        return command;
    }
}
