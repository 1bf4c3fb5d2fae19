using System.Diagnostics;
using StackDepth.Native.Sys;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Live.Tests.Sources;

/// <summary>Tracefs where the library looks for it; mounted for the time of the tests where the machine has it nowhere.</summary>
public sealed class TracefsMount : IDisposable
{
    private const string Folder = "/sys/kernel/tracing";

    private readonly bool _isOurs;

    public TracefsMount()
    {
        try
        {
            Tracefs.Find(SystemCalls.Real);
        }
        catch (KernelException)
        {
            Requires.SysAdmin();
            Requires.Tool("mount");
            Run("mount", "-t", "tracefs", "tracefs", Folder);
            _isOurs = true;
        }
    }

    public void Dispose()
    {
        if (_isOurs)
            Run("umount", "-l", Folder);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors);
    }
}
