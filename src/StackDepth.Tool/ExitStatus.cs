namespace StackDepth.Tool;

/// <summary>The tool's own exit statuses, as env(1) and timeout(1) choose them; any other is the command's own. docs/tool.md tells them to users.</summary>
internal static class ExitStatus
{
    internal const int Success = 0;

    /// <summary><c>check</c>: user-space functions cannot be probed here.</summary>
    internal const int CannotProbe = 1;

    /// <summary>The command line is wrong: EX_USAGE of sysexits.h.</summary>
    internal const int Usage = 64;

    /// <summary><c>--duration</c> was over before the command.</summary>
    internal const int TimedOut = 124;

    /// <summary>The tool could not do its work.</summary>
    internal const int Failure = 125;

    /// <summary>The command was found and cannot be executed.</summary>
    internal const int NotExecutable = 126;

    /// <summary>The command was not found.</summary>
    internal const int NotFound = 127;

    /// <summary>A signal ended the run: this plus the signal's number.</summary>
    internal const int Signal = 128;
}
