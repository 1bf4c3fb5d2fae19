using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// Attaches uprobes by the best way that the kernel has. uprobe_multi wants to be known at load, so falling back means to load again.
/// </summary>
internal static class UprobeAttacher
{
    /// <param name="spec">The program, of type Kprobe and without an expected attach type.</param>
    /// <param name="maps">The maps that it names.</param>
    /// <param name="request">Where.</param>
    /// <param name="profile">Tells what is switched off; features are probed only after a real call failed.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="keepLog">As in <see cref="BpfProgram.Load"/>.</param>
    /// <param name="perfEventSpec">The program for perf events, where that is another one; asked for only when they are used.</param>
    /// <exception cref="VerifierException">The verifier rejects the program: no other way to attach would change that.</exception>
    /// <exception cref="KernelException">Neither way works; the message has both reasons.</exception>
    internal static AttachedUprobe Attach(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, UprobeRequest request, KernelProfile profile, SystemCalls sys, bool keepLog = false,
        Func<ProgramSpec>? perfEventSpec = null)
    {
        if (spec is not { Type: ProgramType.Kprobe, ExpectedAttachType: AttachType.None })
        {
            throw new ArgumentException($"A uprobe takes a program of type Kprobe without an expected attach type, not {spec.Type} with {spec.ExpectedAttachType}.", nameof(spec));
        }

        request.Validate();
        KernelException? first = null;
        var reason = ReasonAgainstMulti(request, profile, sys);
        if (reason is null)
        {
            var multi = AttachMulti(spec, maps, request, sys, keepLog, out first);
            if (multi is not null)
            {
                return multi;
            }

            reason = first!.Message;
        }

        if (!profile.Switches.IsEnabled(KernelFeatures.PerfEventUprobe))
        {
            throw Both(request, first?.Errno ?? Errno.EOPNOTSUPP, reason, $"Perf events are switched off ({FeatureSwitches.Variable}).", first);
        }

        try
        {
            return AttachPerfEvents(perfEventSpec?.Invoke() ?? spec, maps, request, sys, keepLog, reason);
        }
        catch (KernelException second) when (second is not VerifierException)
        {
            throw Both(request, second.Errno, reason, second.Message, first is null ? second : new AggregateException(first, second));
        }
    }

    private static string? ReasonAgainstMulti(UprobeRequest request, KernelProfile profile, SystemCalls sys)
    {
        if (!profile.Switches.IsEnabled(KernelFeatures.UprobeMulti))
        {
            return $"uprobe_multi is switched off ({FeatureSwitches.Variable}).";
        }

        // At first a pid meant a single thread, silently. Stable releases got the repair too, so the release alone does not say.
        return request.Pid == 0 || profile.Expects(KernelFeatures.UprobeMultiProcess) || profile.Release < KernelFeatureTable.Since(KernelFeatures.UprobeMulti)
            || (profile.Switches.IsEnabled(KernelFeatures.UprobeMultiProcess)
                && FeatureProbes.For(sys).Ask(KernelFeatures.UprobeMultiProcess) != FeatureAnswer.Absent)
            ? null
            : "The pid of a uprobe_multi link means a single thread in this kernel, which would miss the others.";
    }

    /// <summary>Null where the kernel has no uprobe_multi, with the error that it gave.</summary>
    private static AttachedUprobe? AttachMulti(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, UprobeRequest request, SystemCalls sys, bool keepLog, out KernelException? failure)
    {
        var probes = FeatureProbes.For(sys);
        BpfProgram program;
        try
        {
            program = BpfProgram.Load(spec with { ExpectedAttachType = AttachType.TraceUprobeMulti }, maps, sys, keepLog);
        }
        catch (KernelException error) when (error is not VerifierException && MayLack(error.Errno) && probes.Ask(KernelFeatures.UprobeMulti) == FeatureAnswer.Absent)
        {
            failure = error;
            return null;
        }

        try
        {
            if (UprobeMultiLink.TryAttach(program, request, sys, out var errno) is { } link)
            {
                failure = null;
                return new AttachedUprobe(program, link, null);
            }

            var lacks = MayLack(errno) && probes.Ask(KernelFeatures.UprobeMulti) == FeatureAnswer.Absent;
            failure = UprobeMultiLink.Refused(
                request, errno, sys, lacks ? "This kernel has no uprobe_multi." : UprobeDiagnosis.ExplainMulti(request, errno, sys, probes));
            if (!lacks)
            {
                throw failure;
            }
        }
        catch
        {
            program.Dispose();
            throw;
        }

        program.Dispose();
        return null;
    }

    private static AttachedUprobe AttachPerfEvents(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, UprobeRequest request, SystemCalls sys, bool keepLog, string reason)
    {
        var program = BpfProgram.Load(spec, maps, sys, keepLog);
        try
        {
            return new AttachedUprobe(program, PerfEventUprobeLinks.Attach(program, request, sys), reason);
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    private static bool MayLack(Errno errno) => errno is Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP;

    private static KernelException Both(UprobeRequest request, Errno errno, string first, string second, Exception? inner) =>
        new(
            $"Could not attach {request.Describe()} in either way.\nBy uprobe_multi: {first}\nBy perf events: {second}",
            errno, KernelOperation.Uprobe.Name, second, inner);
}
