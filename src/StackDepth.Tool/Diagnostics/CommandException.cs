namespace StackDepth.Tool.Diagnostics;

/// <summary>The command could not be started.</summary>
/// <param name="status">The tool's exit status for it.</param>
/// <param name="inner">Why; its message says what to do.</param>
internal sealed class CommandException(int status, Exception inner) : Exception(inner.Message, inner)
{
    internal int Status => status;
}
