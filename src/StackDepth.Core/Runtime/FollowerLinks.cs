using StackDepth.Compile.Lowering;
using StackDepth.Native.Btf;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The programs that follow a command and its descendants, loaded and attached on a thread beside the caller's.</summary>
internal sealed class FollowerLinks : IDisposable
{
    private readonly List<IDisposable> _attached = [];
    private readonly Task _attaching;

    private FollowerLinks(KernelMaps maps, SystemCalls sys) => _attaching = Task.Run(() => Attach(maps, sys));

    /// <summary>Begins to attach. The maps must live until this is disposed.</summary>
    internal static FollowerLinks Begin(KernelMaps maps, SystemCalls sys) => new(maps, sys);

    /// <exception cref="ProbeUnavailableException">The kernel has no BTF, so the fields of a task cannot be found.</exception>
    internal void WaitUntilAttached() => _attaching.GetAwaiter().GetResult();

    public void Dispose()
    {
        // What went wrong is for WaitUntilAttached to say; here it only has to be over.
        ((IAsyncResult)_attaching).AsyncWaitHandle.WaitOne();
        for (var index = _attached.Count - 1; index >= 0; index--)
            _attached[index].Dispose();
    }

    private void Attach(KernelMaps maps, SystemCalls sys)
    {
        foreach (var follower in FollowerPrograms.Build(ReadOffsets()))
        {
            var program = BpfProgram.Load(follower.Spec, maps.ByName, sys);
            _attached.Add(program);
            _attached.Add(RawTracepointLink.Attach(program, follower.Tracepoint, sys));
        }
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
