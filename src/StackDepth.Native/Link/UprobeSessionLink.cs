using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// One program at the entries of functions and at the returns of the same activations (Linux 6.13). The program asks by a kernel function which of the two it is at, and has eight bytes
/// of memory from the one to the other (<see cref="SessionFunctions"/>). By what it returns at the entry, 1 or 0, it does without the return or waits for it. It never sees a return whose entry
/// it has not seen; of an entry, the return can be lost (<see cref="ReturnNesting"/>).
/// </summary>
internal sealed class UprobeSessionLink : ProbeLink
{
    private UprobeSessionLink(FileDescriptor handle, int siteCount) : base("uprobe session", siteCount, handle)
    {
    }

    /// <param name="program">Of type Kprobe, loaded with the expected attach type <see cref="AttachType.TraceUprobeSession"/>; it returns 0 or 1.</param>
    /// <param name="request">Where; not for returns, which a session has without being asked.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses; the message says which of the arguments is at fault.</exception>
    internal static UprobeSessionLink Attach(BpfProgram program, UprobeRequest request, SystemCalls sys)
    {
        if (request.IsReturn)
        {
            throw new ArgumentException("A session is at entries and returns alike: ask for entries.", nameof(request));
        }

        return UprobeMultiLink.Create(program, request, AttachType.TraceUprobeSession, sys, out var errno) is { } handle
            ? new UprobeSessionLink(handle, request.Offsets.Length)
            : throw KernelErrors.Create(
                KernelOperation.UprobeSession, errno, request.Describe(), sys, UprobeDiagnosis.ExplainSession(request, errno, sys, FeatureProbes.For(sys)));
    }
}
