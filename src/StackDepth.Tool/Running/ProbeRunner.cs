using System.ComponentModel;
using System.Diagnostics;
using StackDepth.Tool.Diagnostics;
using StackDepth.Tool.Output;

namespace StackDepth.Tool.Running;

/// <summary>Runs one query from attaching to the printed result.</summary>
internal sealed class ProbeRunner(RunRequest request)
{
    private const int NoEntry = 2; // ENOENT

    /// <summary>Answers the tool's exit status.</summary>
    internal async Task<int> RunAsync()
    {
        using var interruption = new Interruption();
        DepthSession session;
        try
        {
            session = Start(interruption);
        }
        catch (OperationCanceledException) when (interruption.Signal.IsCompleted)
        {
            return ExitStatus.Signal + await interruption.Signal.ConfigureAwait(false); // nothing was gathered yet
        }
        await using (session.ConfigureAwait(false))
        {
            var command = session.Probes.Command;
            if (command is null)
                Announcement.Write(StandardStreams.Error, session.Probes, request);
            try
            {
                var end = await WaitAsync(command, interruption).ConfigureAwait(false);
                var depths = await session.StopAsync().ConfigureAwait(false);
                int? exitCode = end is RunEnd.Exit && command is not null ? await command.ExitCode.ConfigureAwait(false) : null;
                Print(new(request.Query, request.Options.Walk, depths, session.Probes.Health, session.Probes.Sites, session.Probes.TargetNote, session.Probes.AttachedBy, end, exitCode));
                return end switch
                {
                    RunEnd.Interrupt => ExitStatus.Signal + await interruption.Signal.ConfigureAwait(false),
                    RunEnd.Duration when command is not null => ExitStatus.TimedOut,
                    _ => exitCode ?? ExitStatus.Success,
                };
            }
            finally
            {
                if (command is not null)
                    await CommandEnding.EndAsync(command).ConfigureAwait(false);
            }
        }
    }

    private DepthSession Start(Interruption interruption)
    {
        interruption.Listen();
        var command = request.Command.IsEmpty ? null : new ProcessStartInfo(request.Command[0], request.Command.RemoveAt(0));
        try
        {
            return DepthQuery.Build(request.Query).Start(command, request.Options, interruption.Token);
        }
        catch (FileNotFoundException error) when (command is not null)
        {
            throw new CommandException(ExitStatus.NotFound, error);
        }
        catch (Win32Exception error) when (command is not null)
        {
            throw new CommandException(error.NativeErrorCode == NoEntry ? ExitStatus.NotFound : ExitStatus.NotExecutable, error);
        }
    }

    private async Task<RunEnd> WaitAsync(ProbeCommand? command, Interruption interruption)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(interruption.Token);
        var forever = Timeout.InfiniteTimeSpan;
        Task exit = command is not null ? command.ExitCode
            : request.Query.ProcessId is { } pid ? ProcessExit.WaitAsync(pid, over.Token)
            : interruption.Signal;
        var duration = Task.Delay(request.Duration ?? forever, over.Token);
        var first = await Task.WhenAny(interruption.Signal, exit, duration).ConfigureAwait(false);
        var interrupted = interruption.Signal.IsCompleted;
        await over.CancelAsync().ConfigureAwait(false);
        if (interrupted)
            return RunEnd.Interrupt;
        await first.ConfigureAwait(false); // shows why when the waiting itself failed
        return first == exit ? RunEnd.Exit : RunEnd.Duration;
    }

    private void Print(RunReport report)
    {
        try
        {
            if (request.Format is OutputFormat.Json)
                JsonReport.Write(report);
            else
                TableReport.Write(report);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Without a descriptor 1 the first file that the runtime opened for reading has its number.
            var why = error is UnauthorizedAccessException ? "it is closed, or not open for writing. Send it to /dev/null when it is not wanted." : error.Message;
            throw new IOException($"The result could not be written to standard output: {why}", error);
        }
    }
}
