using StackDepth.Native.Processes;

namespace StackDepth;

/// <summary>A command that runs under a session.</summary>
public sealed class ProbeCommand
{
    private readonly GatedChild _child;

    internal ProbeCommand(GatedChild child)
    {
        _child = child;
        ExitCode = WaitAsync();
    }

    /// <summary>The command's process id.</summary>
    public int Pid => _child.Pid;

    /// <summary>Completes when the command has exited: with its exit code, or 128 plus the number of the signal that ended it.</summary>
    public Task<int> ExitCode { get; }

    /// <summary>Asks the command to end, with SIGTERM. Does nothing when it has exited.</summary>
    public void Terminate() => _child.Terminate();

    /// <summary>Ends the command with SIGKILL. Does nothing when it has exited.</summary>
    public void Kill() => _child.Kill();

    private async Task<int> WaitAsync() => (await _child.WaitForExitAsync().ConfigureAwait(false)).ExitCode;
}
