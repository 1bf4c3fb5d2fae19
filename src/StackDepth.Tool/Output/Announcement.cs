using System.Globalization;
using StackDepth.Tool.Running;

namespace StackDepth.Tool.Output;

/// <summary>Says that the probes are in place, where no command's output shows it.</summary>
internal static class Announcement
{
    internal static void Write(TextWriter output, ProbeSession session, RunRequest request)
    {
        var where = session.Sites.IsEmpty ? request.Query.Probe.Binary : session.Sites[0].Binary;
        var whose = request.Query.ProcessId is { } pid ? string.Create(CultureInfo.InvariantCulture, $"process {pid}") : "all processes";
        output.WriteLine($"stackdepth: {Numbers.Probes(session.Sites.Length)} in {PrintableName.Of(where)}, {whose}; Ctrl-C ends.");
    }
}
