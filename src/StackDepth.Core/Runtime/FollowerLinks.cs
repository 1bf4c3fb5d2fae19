using StackDepth.Compile.Lowering;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The programs that follow a command and its descendants, loaded and attached on a thread beside the caller's.</summary>
internal sealed class FollowerLinks : IDisposable
{
    private readonly List<BpfProgram> _programs = [];
    private readonly List<RawTracepointLink> _links = [];
    private readonly Task _attaching;

    private FollowerLinks(KernelMaps maps, SystemCalls sys) => _attaching = Task.Run(() => Attach(maps, sys));

    /// <summary>Begins to attach. The maps must live until this is disposed.</summary>
    internal static FollowerLinks Begin(KernelMaps maps, SystemCalls sys) => new(maps, sys);

    /// <exception cref="ProbeUnavailableException">The kernel has no BTF, so the fields of a task cannot be found.</exception>
    internal void WaitUntilAttached() => _attaching.GetAwaiter().GetResult();

    /// <summary>How often the kernel did not run one of the programs: a process may then be missing from those followed.</summary>
    internal long Missed => _programs.Sum(static program => (long)program.Info.RecursionMisses);

    public void Dispose()
    {
        // What went wrong is for WaitUntilAttached to say; here it only has to be over.
        ((IAsyncResult)_attaching).AsyncWaitHandle.WaitOne();
        Detach();
        foreach (var program in _programs)
            program.Dispose();
    }

    /// <summary>Removes the programs from their tracepoints; what they have counted can still be read.</summary>
    internal void Detach()
    {
        foreach (var link in _links)
            link.Dispose();
    }

    private void Attach(KernelMaps maps, SystemCalls sys)
    {
        foreach (var follower in FollowerPrograms.Build(ReadOffsets()))
        {
            var program = BpfProgram.Load(follower.Spec, maps.ByName, sys);
            _programs.Add(program);
            _links.Add(RawTracepointLink.Attach(program, follower.Tracepoint, sys));
        }
    }

    private static TaskOffsets ReadOffsets()
    {
        if (KernelTypes.Fields is { } fields)
            return new(fields.TaskProcessId, fields.TaskSignal, fields.SignalLive);
        throw new ProbeUnavailableException(
            "A command cannot be followed: the kernel's type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF) is missing, so forks cannot be told apart.",
            "Start the program yourself and attach to it with ForProcess(pid), or use a kernel built with BTF.");
    }
}
