using StackDepth.Native.Features;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Link;

/// <summary>
/// The ways to attach that kprobes and uprobes have alike, the better one first: one link for all sites, and a perf event for each. The link wants to be known at load, so falling back means to
/// load again.
/// </summary>
internal abstract class FallbackAttacher
{
    private readonly SystemCalls _sys;
    private readonly KernelProfile _profile;
    private readonly FeatureProbes _probes;

    /// <param name="profile">Tells what is switched off; features are probed only after a real call failed.</param>
    /// <param name="sys">The kernel.</param>
    private protected FallbackAttacher(KernelProfile profile, SystemCalls sys) => (_profile, _sys, _probes) = (profile, sys, FeatureProbes.For(sys));

    /// <summary>What the probes are called.</summary>
    private protected abstract (string Kind, string Multi) Names { get; }

    private protected abstract (KernelFeatures Multi, KernelFeatures PerfEvent) Features { get; }

    private protected abstract AttachType MultiType { get; }

    private protected abstract KernelOperation Operation { get; }

    /// <summary>What is probed, for messages.</summary>
    private protected abstract string Subject { get; }

    /// <summary>Whether an error of perf events tells why one link was not even tried.</summary>
    private protected abstract bool TellsWhyUntried { get; }

    private protected SystemCalls Sys => _sys;

    private protected KernelProfile Profile => _profile;

    private protected FeatureProbes Probes => _probes;

    /// <param name="spec">The program, of type Kprobe and without an expected attach type.</param>
    /// <param name="maps">The maps that it names.</param>
    /// <param name="keepLog">As in <see cref="BpfProgram.Load"/>.</param>
    /// <param name="perfEventSpec">The program for perf events, where that is another one; asked for only when they are used.</param>
    private protected AttachedProbe Attach(ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, bool keepLog, Func<ProgramSpec>? perfEventSpec = null)
    {
        if (spec is not { Type: ProgramType.Kprobe, ExpectedAttachType: AttachType.None })
        {
            throw new ArgumentException($"A {Names.Kind} takes a program of type Kprobe without an expected attach type, not {spec.Type} with {spec.ExpectedAttachType}.", nameof(spec));
        }

        KernelException? first = null;
        var reason = ReasonAgainstMulti();
        if (reason is null)
        {
            if (AttachMulti(spec, maps, keepLog, out first) is { } multi)
            {
                return multi;
            }

            reason = first!.Message;
        }

        if (!_profile.Switches.IsEnabled(Features.PerfEvent))
        {
            throw Both(first?.Errno ?? Errno.EOPNOTSUPP, reason, $"Perf events are switched off ({FeatureSwitches.Variable}).", first);
        }

        try
        {
            return AttachedProbe.Load(perfEventSpec?.Invoke() ?? spec, maps, _sys, AttachPerfEvents, reason, keepLog);
        }
        catch (KernelException second) when (second is not VerifierException && (first is not null || TellsWhyUntried))
        {
            throw Both(second.Errno, reason, second.Message, first is null ? second : new AggregateException(first, second));
        }
    }

    /// <summary>Why one link cannot do it, as far as is known without asking the kernel; null where nothing is.</summary>
    private protected abstract string? ReasonAgainstRequest();

    private protected abstract ProbeLink? TryAttachMulti(BpfProgram program, out Errno errno);

    /// <summary>The error of a link that was refused.</summary>
    /// <param name="errno">The kernel's answer.</param>
    /// <param name="lacks">Whether the kernel has no such links.</param>
    private protected abstract KernelException RefusedMulti(Errno errno, bool lacks);

    /// <summary>Whether perf events may do what a kernel that has such links refused.</summary>
    private protected abstract bool PerfEventsMayDo(Errno errno);

    private protected abstract ProbeLink AttachPerfEvents(BpfProgram program);

    private string? ReasonAgainstMulti() => _profile.Switches.IsEnabled(Features.Multi) ? ReasonAgainstRequest() : $"{Names.Multi} is switched off ({FeatureSwitches.Variable}).";

    /// <summary>Null where perf events are to be tried, with the error that the kernel gave.</summary>
    private AttachedProbe? AttachMulti(ProgramSpec spec, IReadOnlyDictionary<string, BpfMap> maps, bool keepLog, out KernelException? failure)
    {
        BpfProgram program;
        try
        {
            program = BpfProgram.Load(spec with { ExpectedAttachType = MultiType }, maps, _sys, keepLog);
        }
        catch (KernelException error) when (error is not VerifierException && Lacks(error.Errno))
        {
            failure = error;
            return null;
        }

        try
        {
            if (TryAttachMulti(program, out var errno) is { } link)
            {
                failure = null;
                return new AttachedProbe(program, link, null);
            }

            var lacks = Lacks(errno);
            failure = RefusedMulti(errno, lacks);
            if (!lacks && !PerfEventsMayDo(errno))
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

    private bool Lacks(Errno errno) =>
        errno is Errno.EINVAL or Errno.EOPNOTSUPP or Errno.ENOTSUPP && _probes.Ask(Features.Multi) == FeatureAnswer.Absent;

    private KernelException Both(Errno errno, string first, string second, Exception? inner) =>
        new($"Could not attach {Subject} in either way.\nBy {Names.Multi}: {first}\nBy perf events: {second}", errno, Operation.Name, second, inner);
}
