using System.Diagnostics;

namespace StackDepth.Live.Tests.Support;

/// <summary>A run of the target as a command: its commands, separated by ";", and the file that it reports to.</summary>
internal sealed class Command : IDisposable
{
    private readonly string _report = Path.Combine(Path.GetTempPath(), $"stackdepth-report-{Guid.NewGuid():N}");

    internal Command(string commands, string? program = null)
    {
        Start = new ProcessStartInfo(program ?? CTarget.Shared, commands.Split(' '));
        Start.Environment["REPORT"] = _report;
    }

    /// <summary>The target reports what the kernel's walk finds.</summary>
    internal static AttachOptions ByKernel { get; } = new() { Walk = StackWalk.Kernel };

    internal static AttachOptions Quiet { get; } = ByKernel with { CommandOutput = CommandOutput.Discard };

    internal ProcessStartInfo Start { get; }

    /// <summary>The lines that the command has written so far.</summary>
    internal string[] Lines => File.Exists(_report) ? File.ReadAllLines(_report) : [];

    internal Report Report => Support.Report.Parse(Lines);

    public void Dispose() => File.Delete(_report);
}
