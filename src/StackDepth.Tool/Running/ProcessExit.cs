using System.Diagnostics;

namespace StackDepth.Tool.Running;

/// <summary>Waits for the end of a process that is not a child of this one.</summary>
internal static class ProcessExit
{
    internal static async Task WaitAsync(int pid, CancellationToken cancellationToken)
    {
        Process process;
        try
        {
            process = Process.GetProcessById(pid);
        }
        catch (ArgumentException)
        {
            return; // ended since the probes were attached
        }
        using (process)
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
    }
}
