using System.ComponentModel;
using StackDepth.Tool.Output;
using StackDepth.Tool.Parsing;

namespace StackDepth.Tool.Diagnostics;

/// <summary>Says in a sentence what went wrong and what to do about it; the stack trace is for <c>-v</c>.</summary>
internal static class Failures
{
    /// <summary>Answers the exit status.</summary>
    internal static int Report(Exception error, bool verbose, TextWriter output)
    {
        output.Write("stackdepth: ");
        foreach (var line in OptionNames.In(Describe(error)).Split('\n'))
            output.WriteLine(PrintableName.Of(line.TrimEnd('\r')));
        if (verbose && error is ProbeVerificationException verification)
        {
            output.WriteLine(verification.Disassembly);
            output.WriteLine(verification.VerifierLog);
        }
        if (verbose && error is not UsageException)
            output.WriteLine(error.ToString());
        return error switch
        {
            UsageException => ExitStatus.Usage,
            CommandException command => command.Status,
            _ => ExitStatus.Failure,
        };
    }

    private static string Describe(Exception error) => error switch
    {
        ProbeUnavailableException unavailable when MissingPrivileges.Describe(unavailable) is { } missing => missing,
        ProbeUnavailableException unavailable when !unavailable.Message.Contains(unavailable.Remedy, StringComparison.Ordinal) => $"{unavailable.Message} {unavailable.Remedy}",
        ProbeVerificationException => $"{error.Message} Run again with -v for the verifier's whole log.",
        UsageException or StackDepthException or CommandException => error.Message,
        IOException or UnauthorizedAccessException or Win32Exception => error.Message,
        _ => $"A defect of the tool: {error.GetType().Name}: {error.Message} Run again with -v for the stack trace, and report it.",
    };
}
