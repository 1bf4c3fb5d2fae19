using System.Collections.Immutable;
using System.Diagnostics;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Processes;

/// <summary>What a <see cref="GatedChild"/> runs: inert, nothing is looked up or checked before <see cref="GatedChild.Start"/>.</summary>
internal sealed record ChildCommand
{
    /// <summary>
    /// The file to execute, found as a shell in <see cref="WorkingDirectory"/> with <see cref="Environment"/> would: a name without a slash through that PATH, a relative path from
    /// that directory. The target of a probe is looked up the same way, so that both mean one file.
    /// </summary>
    internal required string FileName { get; init; }

    /// <summary>What the program sees as its own name; null for <see cref="FileName"/> as it stands.</summary>
    internal string? Argv0 { get; init; }

    /// <summary>The arguments after the program's name. No shell sees them.</summary>
    internal ImmutableArray<string> Arguments { get; init; } = [];

    /// <summary>The child's working directory; null for this process's.</summary>
    internal string? WorkingDirectory { get; init; }

    /// <summary>The child's whole environment (a null value means not set), or null for this process's as <see cref="Environment"/> knows it.</summary>
    internal IReadOnlyDictionary<string, string?>? Environment { get; init; }

    /// <summary>Where the child's standard output goes.</summary>
    internal ChildStream StandardOutput { get; init; }

    /// <summary>
    /// The command that <paramref name="info"/> describes. <see cref="ProcessStartInfo.FileName"/> is found as a shell finds it, in the
    /// command's own working directory and by its own PATH (<see cref="Process.Start(ProcessStartInfo)"/> would look beside the running program and in the current directory first).
    /// </summary>
    /// <exception cref="ArgumentException"><paramref name="info"/> asks for what a gated child cannot do; the message says what to do instead.</exception>
    internal static ChildCommand From(ProcessStartInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        Refuse(string.IsNullOrEmpty(info.FileName), "FileName is empty: name the program to run.");
        Refuse(info.UseShellExecute, "UseShellExecute is not possible: the child must be the program itself. Set it to false and FileName to the executable.");
        Refuse(
            info.RedirectStandardInput || info.RedirectStandardOutput || info.RedirectStandardError,
            "RedirectStandardInput, RedirectStandardOutput and RedirectStandardError are not possible: the child shares this process's console. "
            + "Let the child write to a file and read that, or start it yourself with Process.Start and probe it by its pid.");
        Refuse(
            !string.IsNullOrEmpty(info.UserName),
            "UserName is not possible: the child runs as this process's user. Run this process as that user, or use a launcher such as setpriv as FileName.");
        Refuse(info.ArgumentList.Count > 0 && !string.IsNullOrEmpty(info.Arguments), "Arguments and ArgumentList are both set: use one of them.");

        return new ChildCommand
        {
            FileName = info.FileName,
            Arguments = info.ArgumentList.Count > 0 ? [.. info.ArgumentList] : CommandLine.Split(info.Arguments),
            WorkingDirectory = string.IsNullOrEmpty(info.WorkingDirectory) ? null : info.WorkingDirectory,
            Environment = new Dictionary<string, string?>(info.Environment, StringComparer.Ordinal),
        };

        static void Refuse(bool condition, string message)
        {
            if (condition)
            {
                throw new ArgumentException(message, nameof(info));
            }
        }
    }

    /// <summary>The path to give to <c>execve(2)</c>, absolute, so that the child's working directory does not change its meaning.</summary>
    /// <exception cref="FileNotFoundException">A name without a slash that is not in PATH.</exception>
    internal string ResolveFileName()
    {
        ArgumentException.ThrowIfNullOrEmpty(FileName);
        string directory = Path.GetFullPath(WorkingDirectory ?? ".");

        return FileName.Contains('/', StringComparison.Ordinal)
            ? Path.GetFullPath(FileName, directory)
            : new ProgramSearch("", SearchPath, directory).Find(FileName) is { } found ? Path.GetFullPath(found)
            : throw new FileNotFoundException(
                $"No executable file called '{FileName}' in any directory of PATH. Give its path (for one in the current directory: './{FileName}').", FileName);
    }

    private string? SearchPath => Environment is null
        ? System.Environment.GetEnvironmentVariable("PATH")
        : Environment.TryGetValue("PATH", out string? path) ? path : null;
}
