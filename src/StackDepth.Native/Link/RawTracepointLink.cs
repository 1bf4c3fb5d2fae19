using System.Text;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>A program attached to a raw tracepoint, such as <c>sys_enter</c> or <c>sched_switch</c>.</summary>
internal sealed unsafe class RawTracepointLink : IProbeLink
{
    private readonly FileDescriptor _handle;

    private RawTracepointLink(FileDescriptor handle) => _handle = handle;

    public string Kind => "raw tracepoint";

    public int SiteCount => 1;

    /// <exception cref="KernelException">The kernel refuses: ENOENT where it has no such tracepoint.</exception>
    internal static RawTracepointLink Attach(BpfProgram program, string name, SystemCalls sys)
    {
        using var programFd = program.Handle.Borrow();
        fixed (byte* pointer = Encoding.UTF8.GetBytes(name + "\0"))
        {
            var attribute = new RawTracepointAttribute { Name = (ulong)pointer, ProgramFd = (uint)programFd.Value };
            if (KernelCall.BpfDescriptor(sys, BpfCommand.RawTracepointOpen, ref attribute, out var errno) is { } handle)
            {
                return new RawTracepointLink(handle);
            }

            throw KernelErrors.Create(
                KernelOperation.RawTracepoint, errno, $"tracepoint '{name}'", sys,
                errno == Errno.ENOENT ? "The kernel has no tracepoint of that name: `ls /sys/kernel/tracing/events/*/` lists them (without their group)." : null);
        }
    }

    public void Dispose() => _handle.Dispose();
}
