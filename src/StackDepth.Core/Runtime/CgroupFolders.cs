using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using StackDepth.Compile;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>Tells the kernel which cgroups a query means, by their folders.</summary>
internal static class CgroupFolders
{
    private const int OpenDirectory = 0x1_0000 | 0x8_0000; // O_DIRECTORY | O_CLOEXEC

    /// <exception cref="ProbeTargetNotFoundException">There is no such cgroup.</exception>
    internal static void Fill(KernelMaps maps, CompiledQuery compiled, SystemCalls sys)
    {
        var folders = compiled.Cgroups;
        for (var index = 0; index < folders.Length; index++)
        {
            var path = Resolve(folders[index], sys);
            var descriptor = LibC.Open(path, OpenDirectory, 0);
            if (descriptor < 0)
                throw NotFound(folders[index], $"{path} cannot be opened ({(Errno)Marshal.GetLastPInvokeError()})");
            // The map holds the cgroup itself, until the map is gone.
            using var folder = new SafeFileHandle(descriptor, ownsHandle: true);
            try
            {
                maps[MapNames.Cgroups].Update(MemoryMarshal.AsBytes([index]), MemoryMarshal.AsBytes([descriptor]));
            }
            catch (KernelException error) when (error.Errno == Errno.EBADF)
            {
                throw NotFound(folders[index], $"{path} is no folder of cgroups of version 2");
            }
        }
    }

    /// <summary>The folder: from the root, or below the mount of the hierarchy of version 2.</summary>
    private static string Resolve(string path, SystemCalls sys)
    {
        if (path.StartsWith('/'))
            return path;
        foreach (var line in (sys.ReadText("/proc/self/mounts") ?? "").Split('\n'))
        {
            if (line.Split(' ') is [_, var mount, "cgroup2", ..])
                return Path.Combine(mount, path);
        }
        throw NotFound(path, "no hierarchy of cgroups of version 2 is mounted (mount -t cgroup2 none /sys/fs/cgroup)");
    }

    private static ProbeTargetNotFoundException NotFound(string path, string why) =>
        new($"There is no cgroup \"{Native.Elf.PrintableText.EscapeAll(path)}\": {why}. Write the path of its folder, as /sys/fs/cgroup/system.slice/nginx.service, or below the hierarchy's mount, as system.slice/nginx.service (the third field of the line 0:: in /proc/PID/cgroup, without the first slash).", []);
}
