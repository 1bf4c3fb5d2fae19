using StackDepth.Compile.Lowering;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The programs that follow a command and its descendants, and their maps: made on a thread beside the caller's, as nothing about them depends on the query.</summary>
internal sealed class FollowerLinks : IDisposable
{
    private static readonly Version _mappableArrays = new(5, 5);
    private readonly List<BpfProgram> _programs = [];
    private readonly List<RawTracepointLink> _links = [];
    private readonly TaskCompletionSource<KernelMaps> _maps = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _attaching;

    private FollowerLinks(SystemCalls sys) => _attaching = Task.Run(() => Attach(sys));

    /// <summary>Begins to attach.</summary>
    internal static FollowerLinks Begin(SystemCalls sys) => new(sys);

    /// <summary>The maps of the followed processes, once they are there.</summary>
    internal KernelMaps Maps => _maps.Task.GetAwaiter().GetResult();

    /// <exception cref="ProbeUnavailableException">The kernel has no BTF, so the fields of a task cannot be found.</exception>
    internal void WaitUntilAttached() => _attaching.GetAwaiter().GetResult();

    /// <summary>How often the kernel did not run one of the programs: a process may then be missing from those followed.</summary>
    internal long Missed => _programs.Sum(static program => (long)program.Info.RecursionMisses);

    public void Dispose()
    {
        // What went wrong is for Maps and WaitUntilAttached to say; here it only has to be over.
        ((IAsyncResult)_attaching).AsyncWaitHandle.WaitOne();
        Detach();
        foreach (var program in _programs)
            program.Dispose();
        if (_maps.Task.IsCompletedSuccessfully)
            Maps.Dispose();
    }

    /// <summary>Removes the programs from their tracepoints; what they have counted can still be read.</summary>
    internal void Detach()
    {
        foreach (var link in _links)
            link.Dispose();
    }

    private void Attach(SystemCalls sys)
    {
        KernelMaps maps;
        try
        {
            maps = KernelMaps.Create(FollowerPrograms.Maps(readable: Environment.OSVersion.Version >= _mappableArrays), sys);
        }
        catch (Exception error)
        {
            _maps.SetException(error);
            _ = _maps.Task.Exception; // seen: a caller that has failed by then does not ask for the maps
            throw;
        }
        _maps.SetResult(maps);
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
