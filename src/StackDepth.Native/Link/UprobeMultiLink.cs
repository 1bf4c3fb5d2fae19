using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>All sites of a request by one link (Linux 6.6): thousands attach and detach in milliseconds, with CAP_BPF and CAP_PERFMON alone.</summary>
internal sealed unsafe class UprobeMultiLink : ProbeLink
{
    private UprobeMultiLink(FileDescriptor handle, int siteCount) : base("uprobe_multi", siteCount, handle)
    {
    }

    /// <param name="program">Loaded with the expected attach type <see cref="AttachType.TraceUprobeMulti"/>.</param>
    /// <param name="request">Where; a pid means the process only since 6.10 (<see cref="KernelFeatures.UprobeMultiProcess"/>).</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses; the message says which of the arguments is at fault.</exception>
    internal static UprobeMultiLink Attach(BpfProgram program, UprobeRequest request, SystemCalls sys) =>
        TryAttach(program, request, sys, out var errno)
        ?? throw Refused(request, errno, sys, UprobeDiagnosis.ExplainMulti(request, errno, sys, FeatureProbes.For(sys)));

    internal static UprobeMultiLink? TryAttach(BpfProgram program, UprobeRequest request, SystemCalls sys, out Errno errno) =>
        Create(program, request, AttachType.TraceUprobeMulti, sys, out errno) is { } handle ? new UprobeMultiLink(handle, request.Offsets.Length) : null;

    /// <summary>The link as a descriptor, of one of the two attach types that take many sites.</summary>
    internal static FileDescriptor? Create(BpfProgram program, UprobeRequest request, AttachType attachType, SystemCalls sys, out Errno errno)
    {
        request.Validate();
        var path = Encoding.UTF8.GetBytes(request.AttachPath + "\0");
        var offsets = ImmutableCollectionsMarshal.AsArray(request.Offsets);
        var cookies = request.Cookies.IsDefaultOrEmpty ? null : ImmutableCollectionsMarshal.AsArray(request.Cookies);
        var counters = request.ReferenceCounters.IsDefaultOrEmpty ? null : ImmutableCollectionsMarshal.AsArray(request.ReferenceCounters);
        using var programFd = program.Handle.Borrow();
        fixed (byte* pathPointer = path)
        fixed (ulong* offsetsPointer = offsets, cookiesPointer = cookies, countersPointer = counters)
        {
            var attribute = new LinkCreateAttribute
            {
                ProgramFd = (uint)programFd.Value,
                AttachType = (uint)attachType,
                UprobeMulti = new()
                {
                    Path = (ulong)pathPointer,
                    Offsets = (ulong)offsetsPointer,
                    ReferenceCounterOffsets = (ulong)countersPointer,
                    Cookies = (ulong)cookiesPointer,
                    Count = (uint)request.Offsets.Length,
                    Flags = request.IsReturn ? UprobeMultiLinkPart.ReturnFlag : 0,
                    Pid = request.Pid,
                },
            };
            return KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out errno);
        }
    }

    internal static KernelException Refused(UprobeRequest request, Errno errno, SystemCalls sys, string? diagnosis) =>
        KernelErrors.Create(KernelOperation.UprobeMulti, errno, request.Describe(), sys, diagnosis);
}
