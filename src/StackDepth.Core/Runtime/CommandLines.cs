using System.Diagnostics;
using StackDepth.Native.Processes;

namespace StackDepth.Runtime;

/// <summary>What a session does with the description of a command.</summary>
internal static class CommandLines
{
    internal static ChildCommand Parse(ProcessStartInfo command, AttachOptions options) => ChildCommand.From(command) with
    {
        StandardOutput = options.CommandOutput switch
        {
            CommandOutput.Inherit => ChildStream.Inherit,
            CommandOutput.StandardError => ChildStream.ToStandardError,
            CommandOutput.Discard => ChildStream.Null,
            _ => throw new ArgumentOutOfRangeException(nameof(options), options.CommandOutput, "Not a CommandOutput."),
        },
    };
}
