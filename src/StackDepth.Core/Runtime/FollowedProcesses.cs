using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The set of followed processes that the kernel's programs keep, for reading.</summary>
internal sealed class FollowedProcesses : IDisposable
{
    private readonly MapMemory _followed;
    private readonly BpfMap _waiting;

    /// <exception cref="KernelException">The kernel does not let the set be mapped.</exception>
    internal FollowedProcesses(KernelMaps maps, SystemCalls sys)
    {
        _waiting = maps[MapNames.Waiting];
        _followed = MapMemory.Of(maps[MapNames.Followed], sys);
    }

    /// <summary>Whether a process is followed, or is the command at its exec: what that maps is told of before the tracepoint at its end makes it one of the followed.</summary>
    internal bool Contains(int processId) => _waiting.Read<int>(0) == processId || IsFollowed(processId);

    public void Dispose() => _followed.Dispose();

    private bool IsFollowed(int processId) => PidSet.Place(processId) is { } place && (_followed.ReadUInt64(place.Offset) & place.Bit) != 0;
}
