using System.Diagnostics;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Tests.Support;

/// <summary>
/// Tracefs where the library looks for it. Mounted where the machine has it nowhere, as it is until somebody asks for it; and left there, as test programs that run beside this one use it too.
/// </summary>
public sealed class TracefsMount
{
    /// <summary>A test class has it as its fixture.</summary>
    public TracefsMount() => _ = Root;

    /// <summary>Where it is mounted.</summary>
    internal static string Root => TryFind() ?? Mount();

    private static string? TryFind()
    {
        try
        {
            return Tracefs.Find(SystemCalls.Real).Root;
        }
        catch (TargetException)
        {
            return null;
        }
    }

    private static string Mount()
    {
        Requires.SysAdmin();
        var start = new ProcessStartInfo(Requires.Program("mount"), ["-t", "tracefs", "tracefs", Tracefs.MountPoints[0]]) { RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        // Another test program may have been faster: then this mount fails, and it is there all the same.
        var root = TryFind();
        Requires.That(root is not null, $"tracefs: {errors}");
        return root!;
    }
}
