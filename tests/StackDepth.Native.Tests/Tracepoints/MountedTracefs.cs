using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Native.Tests.Tracepoints;

/// <summary>Tracefs in a folder of its own, so that it does not matter whether and where the machine has it mounted.</summary>
internal sealed class MountedTracefs : IDisposable
{
    private readonly string _folder;

    internal MountedTracefs()
    {
        Requires.SysAdmin();
        Requires.Tool("mount");
        Requires.That(File.ReadAllText("/proc/filesystems").Contains("\ttracefs\n", StringComparison.Ordinal), "tracefs in the kernel");
        _folder = Directory.CreateTempSubdirectory("stackdepth-tracefs-").FullName;
        CompiledTargets.Run("mount", "-t", "tracefs", "tracefs", _folder);
        try
        {
            Tracefs = Tracefs.Find(SystemCalls.Real, ["/nowhere", _folder]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Tracefs Tracefs { get; }

    public void Dispose()
    {
        CompiledTargets.Run("umount", "-l", _folder);
        Directory.Delete(_folder);
    }
}
