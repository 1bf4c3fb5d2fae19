using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Tracepoints;

/// <summary>The kernel's file system that describes its tracepoints, where it is mounted; never mounted from here.</summary>
internal sealed class Tracefs
{
    /// <summary>Where it is mounted as a rule: by itself (Linux 4.1), or within debugfs.</summary>
    internal static readonly string[] MountPoints = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    private readonly SystemCalls _sys;

    private Tracefs(string root, SystemCalls sys) => (Root, _sys) = (root, sys);

    internal string Root { get; }

    /// <exception cref="TargetException">It is not mounted, or may not be read: the message says what to do.</exception>
    internal static Tracefs Find(SystemCalls sys) => Find(sys, MountPoints);

    internal static Tracefs Find(SystemCalls sys, IReadOnlyList<string> mountPoints)
    {
        // Only root may look into it as a rule, and who may not look cannot tell it from one that is not mounted.
        return mountPoints.FirstOrDefault(root => sys.FileExists($"{root}/available_events")) is { } mounted
            ? new Tracefs(mounted, sys)
            : throw new TargetException(
                $"The kernel's tracepoints could not be read: tracefs is not mounted at {string.Join(" or ", mountPoints)}, or this user may not look there. "
                + "Run as root; where it is not mounted: `sudo mount -t tracefs tracefs /sys/kernel/tracing`.");
    }

    /// <summary>The description of a tracepoint; null where there is none of that name, or it is no tracepoint (of the group ftrace).</summary>
    /// <exception cref="TargetException">Its description cannot be understood.</exception>
    internal TracepointFormat? TryRead(string group, string name)
    {
        if (!IsName(group) || !IsName(name) || _sys.ReadText($"{Root}/events/{group}/{name}/format") is not { } text || !_sys.FileExists($"{Root}/events/{group}/{name}/id"))
        {
            return null;
        }

        return TracepointFormat.Parse(group, name, text)
            ?? throw new TargetException($"The description of the tracepoint {group}:{name} in {Root} cannot be understood.");
    }

    /// <summary>All groups and names, in the kernel's order.</summary>
    /// <exception cref="TargetException">The list cannot be read.</exception>
    internal IEnumerable<(string Group, string Name)> All()
    {
        // Thousands of lines, more than a small file.
        string[] lines;
        try
        {
            lines = File.ReadAllLines($"{Root}/available_events");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new TargetException($"{Root}/available_events cannot be read: {error.Message} Run as root.", error);
        }

        foreach (var line in lines)
        {
            if (line.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon)
            {
                yield return (line[..colon], line[(colon + 1)..]);
            }
        }
    }

    // A name that is a path would lead elsewhere.
    private static bool IsName(string text) => text.Length is > 0 and < 256 && text is not ("." or "..") && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
}
