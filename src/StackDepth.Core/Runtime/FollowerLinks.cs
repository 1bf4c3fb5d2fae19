using StackDepth.Compile.Lowering;
using StackDepth.Native.Btf;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The programs that follow a command and its descendants, loaded and attached.</summary>
internal sealed class FollowerLinks : IDisposable
{
    private readonly List<IDisposable> _attached = [];

    /// <exception cref="ProbeUnavailableException">The kernel has no BTF, so the fields of a task cannot be found.</exception>
    internal static FollowerLinks Attach(KernelMaps maps, SystemCalls sys)
    {
        var offsets = ReadOffsets();
        var links = new FollowerLinks();
        try
        {
            foreach (var follower in FollowerPrograms.Build(offsets))
            {
                var program = BpfProgram.Load(follower.Spec, maps.ByName, sys);
                links._attached.Add(program);
                links._attached.Add(RawTracepointLink.Attach(program, follower.Tracepoint, sys));
            }
            return links;
        }
        catch
        {
            links.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        for (var index = _attached.Count - 1; index >= 0; index--)
            _attached[index].Dispose();
    }

    private static TaskOffsets ReadOffsets()
    {
        if (VmlinuxBtf.TryRead() is { } btf
            && btf.TryGetFieldOffset("task_struct", "tgid", out var tgid)
            && btf.TryGetFieldOffset("task_struct", "signal", out var signal)
            && btf.TryGetFieldOffset("signal_struct", "live", out var live))
            return new(tgid, signal, live);
        throw new ProbeUnavailableException(
            "A command cannot be followed: the kernel's type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF) is missing, so forks cannot be told apart.",
            "Start the program yourself and attach to it with ForProcess(pid), or use a kernel built with BTF.");
    }
}
