using System.Runtime.InteropServices;

namespace StackDepth.Native.Targets;

/// <summary>Whether this process can come to run the code of a target.</summary>
internal static class OwnCode
{
    /// <summary>False only when it is sure: the file is a program, this process does not run it, and no loader would bring it in.</summary>
    internal static bool MayRun(ProbeTarget target)
    {
        // musl's dlopen takes programs too.
        if (!target.IsProgram || RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal))
        {
            return true;
        }

        try
        {
            // Not /proc/self/exe alone: that is the loader when the program was started by way of it. Inodes of another file system can be the same: then the answer is the careful one.
            var inode = FileIdentity.Inode(target.File);
            return inode is null || ProcessMaps.Read(Environment.ProcessId).Exists(file => file.Inode == inode || file.Path == target.Path);
        }
        catch (TargetException)
        {
            return true; // /proc hides this process's own mappings
        }
    }
}
