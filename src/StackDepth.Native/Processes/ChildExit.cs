namespace StackDepth.Native.Processes;

/// <summary>How a child ended.</summary>
/// <param name="ExitCode">0 to 255, or 128 + <paramref name="Signal"/> as shells and <see cref="System.Diagnostics.Process"/> say it.</param>
/// <param name="Signal">The signal that killed the child, or null when it exited by itself.</param>
internal readonly record struct ChildExit(int ExitCode, int? Signal)
{
    /// <summary>Decodes a <c>waitpid(2)</c> status of an ended child: the low 7 bits are the signal, the next byte the exit code.</summary>
    internal static ChildExit FromWaitStatus(int status) =>
        (status & 0x7f) is var signal and not 0 ? new(128 + signal, signal) : new((status >> 8) & 0xff, null);
}
