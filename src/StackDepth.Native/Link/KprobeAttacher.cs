using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>Attaches kprobes by the best way that the kernel has. kprobe_multi wants to be known at load, so falling back means to load again.</summary>
internal static class KprobeAttacher
{
    /// <param name="spec">The program, of type Kprobe and without an expected attach type.</param>
    /// <param name="maps">The maps that it names.</param>
    /// <param name="request">Where.</param>
    /// <param name="profile">Tells what is switched off; features are probed only after a real call failed.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="keepLog">As in <see cref="BpfProgram.Load"/>.</param>
    /// <exception cref="VerifierException">The verifier rejects the program: no other way to attach would change that.</exception>
    /// <exception cref="KernelException">Neither way works; the message has both reasons.</exception>
    internal static AttachedKprobe Attach(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, KprobeRequest request, KernelProfile profile, SystemCalls sys, bool keepLog = false)
    {
        if (spec is not { Type: ProgramType.Kprobe, ExpectedAttachType: AttachType.None })
        {
            throw new ArgumentException($"A kprobe takes a program of type Kprobe without an expected attach type, not {spec.Type} with {spec.ExpectedAttachType}.", nameof(spec));
        }

        request.Validate();
        KernelException? first = null;
        var reason = ReasonAgainstMulti(request, profile);
        if (reason is null)
        {
            if (AttachMulti(spec, maps, request, sys, keepLog, out first) is { } multi)
            {
                return multi;
            }

            reason = first!.Message;
        }

        if (!profile.Switches.IsEnabled(KernelFeatures.PerfEventKprobe))
        {
            throw Both(request, first?.Errno ?? Errno.EOPNOTSUPP, reason, $"Perf events are switched off ({FeatureSwitches.Variable}).", first);
        }

        try
        {
            return AttachPerfEvents(spec, maps, request, sys, keepLog, reason);
        }
        catch (KernelException second) when (second is not VerifierException && first is not null)
        {
            throw Both(request, second.Errno, reason, second.Message, new AggregateException(first, second));
        }
    }

    private static string? ReasonAgainstMulti(KprobeRequest request, KernelProfile profile) =>
        !profile.Switches.IsEnabled(KernelFeatures.KprobeMulti) ? $"kprobe_multi is switched off ({FeatureSwitches.Variable})."
        : request.Offset != 0 ? "A kprobe_multi link takes functions, and no offsets within them."
        : request.Functions.FirstOrDefault(static function => function.IsTraceable == false) is { Name: not null } function
            ? $"ftrace, by which kprobe_multi works, leaves {function.Name} out."
        : null;

    /// <summary>Null where the kernel has no kprobe_multi, with the error that it gave.</summary>
    private static AttachedKprobe? AttachMulti(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, KprobeRequest request, SystemCalls sys, bool keepLog, out KernelException? failure)
    {
        var probes = FeatureProbes.For(sys);
        BpfProgram program;
        try
        {
            program = BpfProgram.Load(spec with { ExpectedAttachType = AttachType.TraceKprobeMulti }, maps, sys, keepLog);
        }
        catch (KernelException error) when (error is not VerifierException && MayLack(error.Errno) && probes.Ask(KernelFeatures.KprobeMulti) == FeatureAnswer.Absent)
        {
            failure = error;
            return null;
        }

        try
        {
            if (KprobeMultiLink.TryAttach(program, request, sys, out var errno) is { } link)
            {
                failure = null;
                return new AttachedKprobe(program, link, null);
            }

            // A single function that ftrace cannot trace can still be probed by a breakpoint.
            failure = KprobeMultiLink.Refused(request, errno, sys, KprobeDiagnosis.ExplainMulti(request, errno, probes));
            if (!(MayLack(errno) && probes.Ask(KernelFeatures.KprobeMulti) == FeatureAnswer.Absent) && !(request.Functions.Length == 1 && MayBeUntraceable(errno)))
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

    private static AttachedKprobe AttachPerfEvents(
        ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, KprobeRequest request, SystemCalls sys, bool keepLog, string reason)
    {
        var program = BpfProgram.Load(spec, maps, sys, keepLog);
        try
        {
            return new AttachedKprobe(program, PerfEventKprobeLinks.Attach(program, request, sys), reason);
        }
        catch
        {
            program.Dispose();
            throw;
        }
    }

    private static bool MayLack(Errno errno) => errno is Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP;

    private static bool MayBeUntraceable(Errno errno) => errno is Errno.ESRCH or Errno.ENOENT or Errno.EINVAL;

    private static KernelException Both(KprobeRequest request, Errno errno, string first, string second, Exception? inner) =>
        new(
            $"Could not attach {request.Describe()} in either way.\nBy kprobe_multi: {first}\nBy perf events: {second}",
            errno, KernelOperation.Kprobe.Name, second, inner);
}
