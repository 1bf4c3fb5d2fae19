namespace StackDepth.Tool.Running;

/// <summary>Ends a command that outlives its measurement: asks first, then kills.</summary>
internal static class CommandEnding
{
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    internal static async Task EndAsync(ProbeCommand command)
    {
        if (command.ExitCode.IsCompleted)
            return;
        command.Terminate();
        if (await Task.WhenAny(command.ExitCode, Task.Delay(s_grace)).ConfigureAwait(false) == command.ExitCode)
            return;
        command.Kill();
        await command.ExitCode.ConfigureAwait(false);
    }
}
