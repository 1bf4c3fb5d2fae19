using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>Run-time statistics of BPF programs (<see cref="ProgramInfo.RunTime"/>), on for the whole system as long as one such object is alive.</summary>
internal sealed class KernelStatistics : IDisposable
{
    private const uint RunTime = 0;

    private readonly FileDescriptor _handle;

    private KernelStatistics(FileDescriptor handle) => _handle = handle;

    /// <exception cref="KernelException">The kernel refuses: it takes Linux 5.8 and CAP_SYS_ADMIN.</exception>
    internal static KernelStatistics Enable(SystemCalls sys)
    {
        var attribute = new EnableStatsAttribute { Type = RunTime };
        return KernelCall.BpfDescriptor(sys, BpfCommand.EnableStats, ref attribute, out var errno) is { } handle
            ? new KernelStatistics(handle)
            : throw KernelErrors.Create(KernelOperation.EnableStatistics, errno, "", sys);
    }

    public void Dispose() => _handle.Dispose();
}
