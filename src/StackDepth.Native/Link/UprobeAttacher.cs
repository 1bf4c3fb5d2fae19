using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>Attaches uprobes by the best way that the kernel has.</summary>
internal sealed class UprobeAttacher : FallbackAttacher
{
    private readonly UprobeRequest _request;

    private UprobeAttacher(UprobeRequest request, KernelProfile profile, SystemCalls sys) : base(profile, sys) => _request = request;

    private protected override (string Kind, string Multi) Names => ("uprobe", "uprobe_multi");

    private protected override (KernelFeatures Multi, KernelFeatures PerfEvent) Features => (KernelFeatures.UprobeMulti, KernelFeatures.PerfEventUprobe);

    private protected override AttachType MultiType => AttachType.TraceUprobeMulti;

    private protected override KernelOperation Operation => KernelOperation.Uprobe;

    private protected override string Subject => _request.Describe();

    private protected override bool TellsWhyUntried => true;

    /// <param name="spec">The program, of type Kprobe and without an expected attach type.</param>
    /// <param name="maps">The maps that it names.</param>
    /// <param name="request">Where.</param>
    /// <param name="profile">Tells what is switched off; features are probed only after a real call failed.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="keepLog">As in <see cref="BpfProgram.Load"/>.</param>
    /// <param name="perfEventSpec">The program for perf events, where that is another one; asked for only when they are used.</param>
    /// <exception cref="VerifierException">The verifier rejects the program: no other way to attach would change that.</exception>
    /// <exception cref="KernelException">Neither way works; the message has both reasons.</exception>
    internal static AttachedProbe Attach(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, UprobeRequest request, KernelProfile profile, SystemCalls sys, bool keepLog = false,
        Func<ProgramSpec>? perfEventSpec = null)
    {
        request.Validate();
        return new UprobeAttacher(request, profile, sys).Attach(spec, maps, keepLog, perfEventSpec);
    }

    // At first a pid meant a single thread, silently. Stable releases got the repair too, so the release alone does not say.
    private protected override string? ReasonAgainstRequest() =>
        _request.Pid == 0 || Profile.Expects(KernelFeatures.UprobeMultiProcess) || Profile.Release < KernelFeatureTable.Since(KernelFeatures.UprobeMulti)
            || (Profile.Switches.IsEnabled(KernelFeatures.UprobeMultiProcess) && Probes.Ask(KernelFeatures.UprobeMultiProcess) != FeatureAnswer.Absent)
            ? null
            : "The pid of a uprobe_multi link means a single thread in this kernel, which would miss the others.";

    private protected override ProbeLink? TryAttachMulti(BpfProgram program, out Errno errno) => UprobeMultiLink.TryAttach(program, _request, Sys, out errno);

    private protected override KernelException RefusedMulti(Errno errno, bool lacks) => UprobeMultiLink.Refused(
        _request, errno, Sys, lacks ? "This kernel has no uprobe_multi." : UprobeDiagnosis.ExplainMulti(_request, errno, Sys, Probes));

    private protected override bool PerfEventsMayDo(Errno errno) => false;

    private protected override ProbeLink AttachPerfEvents(BpfProgram program) => PerfEventUprobeLinks.Attach(program, _request, Sys);
}
