using System.Text;
using StackDepth.Native.Btf;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Tracepoints;

namespace StackDepth.Native.Link;

/// <summary>A program attached to a raw tracepoint, such as <c>sys_enter</c> or <c>sched_switch</c>.</summary>
internal sealed unsafe class RawTracepointLink : ProbeLink
{
    private RawTracepointLink(FileDescriptor handle, string kind) : base(kind, siteCount: 1, handle)
    {
    }

    /// <exception cref="KernelException">The kernel refuses: ENOENT where it has no such tracepoint.</exception>
    internal static RawTracepointLink Attach(BpfProgram program, string name, SystemCalls sys)
    {
        using var programFd = program.Handle.Borrow();
        fixed (byte* pointer = Encoding.UTF8.GetBytes(name + "\0"))
        {
            var attribute = new RawTracepointAttribute { Name = (ulong)pointer, ProgramFd = (uint)programFd.Value };
            if (KernelCall.BpfDescriptor(sys, BpfCommand.RawTracepointOpen, ref attribute, out var errno) is { } handle)
            {
                return new RawTracepointLink(handle, "raw tracepoint");
            }

            throw KernelErrors.Create(
                KernelOperation.RawTracepoint, errno, $"tracepoint '{name}'", sys,
                errno == Errno.ENOENT ? TypedTracepoint.Unknown(VmlinuxBtf.TryRead(sys: sys), name).Message : null);
        }
    }

    /// <summary>Attaches a program whose tracepoint was said when it was loaded, and which has its arguments by type.</summary>
    /// <param name="program">Of type Tracing, with <see cref="AttachType.TraceRawTp"/> and the id of a <see cref="TypedTracepoint"/>; it returns 0.</param>
    /// <param name="name">The tracepoint, for messages.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static RawTracepointLink AttachTyped(BpfProgram program, string name, SystemCalls sys)
    {
        if (program.Spec is not { Type: ProgramType.Tracing, ExpectedAttachType: AttachType.TraceRawTp, AttachFunction: > 0 })
        {
            throw new ArgumentException($"A tracepoint with typed arguments takes a program of type Tracing for it, not {program.Spec.Type} with {program.Spec.ExpectedAttachType}.", nameof(program));
        }

        using var programFd = program.Handle.Borrow();
        var attribute = new RawTracepointAttribute { ProgramFd = (uint)programFd.Value };
        return KernelCall.BpfDescriptor(sys, BpfCommand.RawTracepointOpen, ref attribute, out var errno) is { } handle
            ? new RawTracepointLink(handle, "typed tracepoint")
            : throw KernelErrors.Create(KernelOperation.TypedTracepoint, errno, $"tracepoint '{name}'", sys);
    }
}
