using System.Globalization;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Processes;

/// <summary>The descriptors of this process that a program started by it would inherit, besides the three standard ones.</summary>
internal static class InheritableDescriptors
{
    private const int GetDescriptorFlags = 1; // F_GETFD, whose only flag is FD_CLOEXEC

    /// <summary>Descriptors from 3 up without FD_CLOEXEC. As a rule none: .NET sets the flag on all of its own.</summary>
    internal static List<int> Find() => Open().FindAll(fd => fd > 2 && LibC.FileControl(fd, GetDescriptorFlags, 0) == 0);

    /// <summary>All open descriptors of this process, in the kernel's order; the one used to list them is among them.</summary>
    internal static List<int> Open()
    {
        List<int> open = [];
        foreach (string path in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
        {
            open.Add(int.Parse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture));
        }

        return open;
    }
}
