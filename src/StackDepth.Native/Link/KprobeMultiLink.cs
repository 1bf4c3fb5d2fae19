using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>All functions of a request by one link (Linux 5.18, with CONFIG_FPROBE): thousands attach and detach together, with CAP_BPF and CAP_PERFMON.</summary>
internal sealed unsafe class KprobeMultiLink : ProbeLink
{
    private KprobeMultiLink(FileDescriptor handle, int siteCount, AttachType attachType)
        : base(attachType == AttachType.TraceKprobeSession ? "kprobe session" : "kprobe_multi", siteCount, handle)
    {
    }

    /// <summary>One program at the entries and at the returns of the same activations (Linux 6.10): see <see cref="UprobeSessionLink"/>. Which returns are lost is not known.</summary>
    /// <param name="program">Loaded with the expected attach type <see cref="AttachType.TraceKprobeSession"/>; it returns 0 or 1.</param>
    /// <param name="request">Where; not for returns, which a session has without being asked.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static KprobeMultiLink AttachSession(BpfProgram program, KprobeRequest request, SystemCalls sys)
    {
        if (request.IsReturn)
        {
            throw new ArgumentException("A session is at entries and returns alike: ask for entries.", nameof(request));
        }

        return TryAttach(program, request, sys, out var errno, AttachType.TraceKprobeSession)
            ?? throw Refused(request, errno, sys, KprobeDiagnosis.ExplainMulti(request, errno, FeatureProbes.For(sys)));
    }

    /// <param name="program">Loaded with the expected attach type <paramref name="attachType"/>.</param>
    /// <param name="request">Where: entries or returns of functions that ftrace can trace, none within them.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="errno">The kernel's answer; <see cref="Refused"/> makes the error of it.</param>
    /// <param name="attachType"><see cref="AttachType.TraceKprobeMulti"/> or <see cref="AttachType.TraceKprobeSession"/>.</param>
    internal static KprobeMultiLink? TryAttach(BpfProgram program, KprobeRequest request, SystemCalls sys, out Errno errno, AttachType attachType = AttachType.TraceKprobeMulti)
    {
        request.Validate();
        if (request.Offset != 0)
        {
            throw new ArgumentException("A kprobe_multi link takes functions, and no offsets within them.", nameof(request));
        }

        // Addresses say which function is meant where several have a name.
        var count = request.Functions.Length;
        var values = new ulong[count];
        var names = request.HasAddresses ? [] : Names(request, values);
        if (request.HasAddresses)
        {
            for (var i = 0; i < count; i++)
            {
                values[i] = request.Functions[i].Address;
            }
        }

        var cookies = request.Cookies.IsDefaultOrEmpty ? null : ImmutableCollectionsMarshal.AsArray(request.Cookies);
        using var programFd = program.Handle.Borrow();
        fixed (byte* text = names)
        fixed (ulong* valuesPointer = values, cookiesPointer = cookies)
        {
            for (var i = 0; names.Length > 0 && i < count; i++)
            {
                valuesPointer[i] += (ulong)text;
            }

            var attribute = new LinkCreateAttribute
            {
                ProgramFd = (uint)programFd.Value,
                AttachType = (uint)attachType,
                KprobeMulti = new()
                {
                    Flags = request.IsReturn ? KprobeMultiLinkPart.ReturnFlag : 0,
                    Count = (uint)count,
                    Symbols = names.Length > 0 ? (ulong)valuesPointer : 0,
                    Addresses = names.Length > 0 ? 0 : (ulong)valuesPointer,
                    Cookies = (ulong)cookiesPointer,
                },
            };
            var handle = KernelCall.BpfDescriptor(sys, BpfCommand.LinkCreate, ref attribute, out errno);
            return handle is null ? null : new KprobeMultiLink(handle, count, attachType);
        }
    }

    internal static KernelException Refused(KprobeRequest request, Errno errno, SystemCalls sys, string? diagnosis) =>
        KernelErrors.Create(KernelOperation.KprobeMulti, errno, request.Describe(), sys, diagnosis);

    /// <summary>The names one after the other, each with its NUL, and where each begins.</summary>
    private static byte[] Names(KprobeRequest request, ulong[] starts)
    {
        var text = new MemoryStream();
        for (var i = 0; i < starts.Length; i++)
        {
            starts[i] = (ulong)text.Position;
            text.Write(Encoding.UTF8.GetBytes(request.Functions[i].Name + "\0"));
        }

        return text.ToArray();
    }
}
