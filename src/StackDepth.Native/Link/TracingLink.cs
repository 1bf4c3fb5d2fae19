using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// A program at the entry or the exit of one kernel function (fentry, fexit): no breakpoint, and the arguments as the function's own types. Which function was said when the program was loaded.
/// </summary>
internal sealed class TracingLink : ProbeLink
{
    private TracingLink(FileDescriptor handle, string kind) : base(kind, siteCount: 1, handle)
    {
    }

    /// <summary>Loads a program for a function and attaches it.</summary>
    /// <param name="spec">The program, of type Tracing, with <see cref="AttachType.TraceFentry"/> or <see cref="AttachType.TraceFexit"/> and the function's id in the kernel's BTF.</param>
    /// <param name="function">The function's name, for messages.</param>
    /// <param name="maps">The maps that the program names.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="cookie">What bpf_get_attach_cookie gives (5.19); 0 for none.</param>
    /// <param name="keepLog">As in <see cref="BpfProgram.Load"/>.</param>
    /// <exception cref="VerifierException">The verifier rejects the program.</exception>
    /// <exception cref="KernelException">The kernel refuses for another reason.</exception>
    internal static (BpfProgram Program, TracingLink Link) Load(
        ProgramSpec spec, string function, IReadOnlyDictionary<string, BpfMap> maps, SystemCalls sys, ulong cookie = 0, bool keepLog = false)
    {
        if (spec is not { Type: ProgramType.Tracing, ExpectedAttachType: AttachType.TraceFentry or AttachType.TraceFexit, AttachFunction: > 0 })
        {
            throw new ArgumentException($"fentry and fexit take a program of type Tracing for them and a function, not {spec.Type} with {spec.ExpectedAttachType}.", nameof(spec));
        }

        BpfProgram program;
        try
        {
            program = BpfProgram.Load(spec, maps, sys, keepLog);
        }
        catch (KernelException error) when (error is not VerifierException && error.Errno == Errno.EPERM)
        {
            throw KernelErrors.Create(KernelOperation.Tracing, error.Errno, $"kernel function {function}", sys, Forbidden, error);
        }

        try
        {
            return (program, Attach(program, function, sys, cookie));
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static TracingLink Attach(BpfProgram program, string function, SystemCalls sys, ulong cookie = 0)
    {
        var type = program.Spec.ExpectedAttachType;
        using var programFd = program.Handle.Borrow();
        FileDescriptor? handle;
        Errno errno;
        if (cookie == 0)
        {
            var attribute = new RawTracepointAttribute { ProgramFd = (uint)programFd.Value };
            handle = KernelCall.BpfDescriptor(sys, BpfCommand.RawTracepointOpen, ref attribute, out errno);
        }
        else
        {
            var attribute = new LinkCreateAttribute { ProgramFd = (uint)programFd.Value, AttachType = (uint)type, Tracing = new() { Cookie = cookie } };
            handle = KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out errno);
        }

        return handle is not null ? new TracingLink(handle, type == AttachType.TraceFentry ? "fentry" : "fexit")
            : throw KernelErrors.Create(KernelOperation.Tracing, errno, $"kernel function {function}", sys, Explain(errno, cookie));
    }

    private const string Forbidden =
        "Where other BPF programs load, this kernel forbids those that patch its functions, as a hardened or virtual machine's kernel can: use a tracepoint or a kprobe.";

    private static string? Explain(Errno errno, ulong cookie) => errno switch
    {
        Errno.EBUSY => "Another user of ftrace (livepatch, or a probe of another kind with its own trampoline) has the function.",
        Errno.ENOTSUPP or Errno.EOPNOTSUPP => "This kernel cannot patch its functions for BPF (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS; on arm64 Linux 6.0 or later): use a kprobe.",
        Errno.E2BIG => "38 programs, the most there can be, are attached to the function already.",
        Errno.EINVAL when cookie != 0 => "Cookies of fentry and fexit need Linux 5.19 or later.",
        _ => null,
    };
}
