using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>Attaches kprobes by the best way that the kernel has.</summary>
internal sealed class KprobeAttacher : FallbackAttacher
{
    private readonly KprobeRequest _request;

    private KprobeAttacher(KprobeRequest request, KernelProfile profile, SystemCalls sys) : base(profile, sys) => _request = request;

    private protected override (string Kind, string Multi) Names => ("kprobe", "kprobe_multi");

    private protected override (KernelFeatures Multi, KernelFeatures PerfEvent) Features => (KernelFeatures.KprobeMulti, KernelFeatures.PerfEventKprobe);

    private protected override AttachType MultiType => AttachType.TraceKprobeMulti;

    private protected override KernelOperation Operation => KernelOperation.Kprobe;

    private protected override string Subject => _request.Describe();

    private protected override bool TellsWhyUntried => false;

    /// <param name="spec">The program, of type Kprobe and without an expected attach type.</param>
    /// <param name="maps">The maps that it names.</param>
    /// <param name="request">Where.</param>
    /// <param name="profile">Tells what is switched off; features are probed only after a real call failed.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="keepLog">As in <see cref="BpfProgram.Load"/>.</param>
    /// <exception cref="VerifierException">The verifier rejects the program: no other way to attach would change that.</exception>
    /// <exception cref="KernelException">Neither way works; the message has both reasons.</exception>
    internal static AttachedProbe Attach(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, KprobeRequest request, KernelProfile profile, SystemCalls sys, bool keepLog = false)
    {
        request.Validate();
        return new KprobeAttacher(request, profile, sys).Attach(spec, maps, keepLog);
    }

    private protected override string? ReasonAgainstRequest() =>
        _request.Offset != 0 ? "A kprobe_multi link takes functions, and no offsets within them."
        : _request.Functions.FirstOrDefault(static function => function.IsTraceable == false) is { Name: not null } function
            ? $"ftrace, by which kprobe_multi works, leaves {function.Name} out."
        : null;

    private protected override ProbeLink? TryAttachMulti(BpfProgram program, out Errno errno) => KprobeMultiLink.TryAttach(program, _request, Sys, out errno);

    private protected override KernelException RefusedMulti(Errno errno, bool lacks) =>
        KprobeMultiLink.Refused(_request, errno, Sys, KprobeDiagnosis.ExplainMulti(_request, errno, Probes));

    // A single function that ftrace cannot trace can still be probed by a breakpoint.
    private protected override bool PerfEventsMayDo(Errno errno) => _request.Functions.Length == 1 && errno is (Errno.ESRCH or Errno.ENOENT or Errno.EINVAL);

    private protected override ProbeLink AttachPerfEvents(BpfProgram program) => PerfEventKprobeLinks.Attach(program, _request, Sys);
}
