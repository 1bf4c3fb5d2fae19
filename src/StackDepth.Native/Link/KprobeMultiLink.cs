using System.Runtime.InteropServices;
using System.Text;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>All functions of a request by one link (Linux 5.18, with CONFIG_FPROBE): thousands attach and detach together, with CAP_BPF and CAP_PERFMON.</summary>
internal sealed unsafe class KprobeMultiLink : ProbeLink
{
    private KprobeMultiLink(FileDescriptor handle, int siteCount) : base("kprobe_multi", siteCount, handle)
    {
    }

    /// <param name="program">Loaded with the expected attach type <see cref="AttachType.TraceKprobeMulti"/>.</param>
    /// <param name="request">Where: entries or returns of functions that ftrace can trace, none within them.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="errno">The kernel's answer; <see cref="Refused"/> makes the error of it.</param>
    internal static KprobeMultiLink? TryAttach(BpfProgram program, KprobeRequest request, SystemCalls sys, out Errno errno)
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
                AttachType = (uint)AttachType.TraceKprobeMulti,
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
            return handle is null ? null : new KprobeMultiLink(handle, count);
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
