using System.Diagnostics;
using StackDepth.Native.Processes;

namespace StackDepth.Runtime;

/// <summary>What a session does with the description of a command.</summary>
internal static class CommandLines
{
    internal static ChildCommand Parse(ProcessStartInfo command, AttachOptions options)
    {
        var child = ChildCommand.From(command);
        // Found before anything is attached; the program still sees the name that was written.
        var path = child.ResolveFileName();
        if (!Path.Exists(path))
            throw new FileNotFoundException($"There is no '{child.FileName}' to execute{(child.WorkingDirectory is { } directory ? $" in {directory}" : "")}.", child.FileName);
        return child with { FileName = path, Argv0 = child.Argv0 ?? child.FileName, StandardOutput = Output(options) };
    }

    private static ChildStream Output(AttachOptions options) => options.CommandOutput switch
    {
        CommandOutput.Inherit => ChildStream.Inherit,
        CommandOutput.StandardError => ChildStream.ToStandardError,
        CommandOutput.Discard => ChildStream.Null,
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.CommandOutput, "Not a CommandOutput."),
    };
}
