using System.Diagnostics;

namespace StackDepth.Tool.Tests.Support;

/// <summary>The C program whose depth is known, built once for all tests.</summary>
public sealed class DepthTarget : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("stackdepth-tool-tests-").FullName;
    private readonly Lazy<string> _path;

    public DepthTarget() => _path = new(Build);

    /// <summary>The executable. Skips the test where probes are not possible.</summary>
    internal string Path
    {
        get
        {
            Requires.Probes();
            return _path.Value;
        }
    }

    internal string Probe => $"uprobe:{Path}:leaf";

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Build()
    {
        var path = System.IO.Path.Join(_folder, "depth");
        using var gcc = Process.Start(new ProcessStartInfo(
            "gcc",
            ["-O0", "-fno-omit-frame-pointer", "-fcf-protection=none", "-pthread", "-o", path, System.IO.Path.Join(AppContext.BaseDirectory, "Targets", "depth.c")])
        { RedirectStandardError = true })!;
        var errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        Assert.True(gcc.ExitCode == 0, errors);
        return path;
    }
}
