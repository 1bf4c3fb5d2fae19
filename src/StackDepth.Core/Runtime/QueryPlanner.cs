using System.Collections.Immutable;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Btf;
using StackDepth.Native.Features;
using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

/// <summary>What has to be decided about a query before it can be compiled, and its explanation.</summary>
internal static class QueryPlanner
{
    private const int KernelWalkFrames = 127;
    private const int LargestRing = 1 << 30;
    private const int MostKeys = 1 << 22;
    private const int MostFrames = 1 << 23; // BPF_MAX_LOOPS, the most rounds of bpf_loop
    // Over all CPUs.
    private const long LargeGroupBytes = 64 << 20;

    private static readonly Version FetchingAtomics = new(5, 12);
    private static readonly Version NonPreallocatedGroups = new(6, 1);
    private static readonly Version LinksCompareProcesses = new(6, 12);
    private static readonly Version OptimizedNops = new(6, 18);
    private static readonly Version MapSequenceIsSeqcount = new(6, 13);

    internal static ProcessScope Scope(IrQuery query, bool hasCommand) => (query.Probe.ProcessId, hasCommand) switch
    {
        ({ } pid, true) => throw new ProbeQueryException($"ForProcess({pid}) and a command exclude each other: a command's own processes are followed. Leave one of the two out."),
        ({ } pid, false) => query.Probe.FiltersByLink ? new ProcessScope.Linked(pid) : new ProcessScope.One(pid),
        (null, true) => new ProcessScope.Followed(),
        (null, false) => new ProcessScope.AllBut(Environment.ProcessId),
    };

    /// <summary>The scope once the code to probe is known. To ask which process it is costs more than all else that a count does: it is asked only where this process can hit the probe.</summary>
    internal static ProcessScope Narrow(ProcessScope scope, ProbeTarget? target) =>
        scope is ProcessScope.AllBut && target is not null && !OwnCode.MayRun(target) ? new ProcessScope.All() : scope;

    internal static CompileTarget Target(ProcessScope scope, AttachOptions options, KernelProfile kernel)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxKeys);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxKeys, MostKeys);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxFunctions);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.RingBufferBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.RingBufferBytes, LargestRing);
        if (options.Walk is < StackWalk.Auto or > StackWalk.Kernel)
            throw new ArgumentOutOfRangeException("options.Walk", options.Walk, "There is no such walk.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(options.MaxFrames);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxFrames, MostFrames);
        // Linux 6.10 and 6.11 compare memory, which a vforked child shares, and not processes (kernel commit 900f362e2062): there the program asks.
        if (scope is ProcessScope.Linked linked && kernel.Release < LinksCompareProcesses)
            scope = new ProcessScope.One(linked.ProcessId);
        var ring = (int)BitOperations.RoundUpToPowerOf2((uint)int.Max(options.RingBufferBytes, Environment.SystemPageSize));
        // Our walks know the registers of x86-64.
        var walk = options.Walk == StackWalk.Auto && kernel.Architecture != Architecture.X64 ? StackWalk.Kernel : options.Walk;
        return new(scope, walk, int.Min(KernelWalkFrames, kernel.MaxStackFrames), ring, options.MaxKeys, kernel.Release < NonPreallocatedGroups, options.MaxFrames)
        {
            LargeGroupBytes = LargeGroupBytes / kernel.PossibleCpus,
        };
    }

    /// <summary>Compiles a query of one probe.</summary>
    /// <exception cref="ProbeUnavailableException">The kernel cannot run what the query wants.</exception>
    internal static CompiledQuery Compile(IrQuery query, CompileTarget target, KernelProfile kernel) =>
        Loadable(ProbeCompiler.Compile([.. query.Branches.Select(branch => new CompileBranch(branch, For(branch, target, kernel)))]), kernel);

    /// <summary>Compiles the probes of a query, each for its own processes.</summary>
    /// <exception cref="ProbeUnavailableException">The kernel cannot run what the query wants.</exception>
    internal static CompiledQuery Compile(ImmutableArray<PlannedProbe> probes, AttachOptions options, KernelProfile kernel)
    {
        var branches = ImmutableArray.CreateBuilder<CompileBranch>(probes.Length);
        var sites = 0;
        foreach (var probe in probes)
            sites += probe.Place.SiteCount;
        foreach (var probe in probes)
        {
            var conditions = Target(probe.Scope, options, kernel);
            branches.Add(new(probe.Query, For(probe.Query, conditions with { Scope = Narrow(conditions.Scope, probe.Place.Target), Sites = sites, FirstSite = probe.Place.FirstSite, Named = probe.Place.Locate(probe.Query) }, kernel)));
        }
        return Loadable(ProbeCompiler.Compile(branches.MoveToImmutable()), kernel);
    }

    /// <summary>Before 5.12 the kernel's programs know no atomic operation that answers what was there (kernel commits 5ca419f2864a, 5ffa25502b5a).</summary>
    private static CompiledQuery Loadable(CompiledQuery compiled, KernelProfile kernel)
    {
        if (kernel.Release < FetchingAtomics && compiled.Programs.Any(static program => program.Program.Instructions.Any(Opcode.FetchesAtomically)))
        {
            throw new ProbeUnavailableException(
                $"The query needs Linux {FetchingAtomics} (atomic operations of BPF that answer the old value); this is {kernel.Release}.",
                "Use a newer kernel. What only counts hits, by filters that look at no stack, runs on this one.");
        }
        return compiled;
    }

    /// <summary>The kernel as it is, with its fields where a walk of ours needs them.</summary>
    private static CompileTarget For(IrQuery query, CompileTarget target, KernelProfile kernel)
    {
        if (!kernel.HasBtf && query.Expressions.Any(static expression => expression.Any(static node => (node is IrState state ? state.Place : (node as IrAssign)?.Place)?.Variable.IsPerThread == true)))
        {
            throw new ProbeUnavailableException(
                "Variables of threads (Probe.State<T>) need the kernel's type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF).",
                "Use a variable by key, Probe.State<int, T>, with s.Tid as the key, and Clear it when a thread is done; or use a kernel built with BTF.");
        }
        if (target.CountsFramesOfKernelWalk(query))
        {
            throw new ProbeQueryException("Frames are counted by function while a walk of StackDepth's own finds them: CountOf needs another walk than StackWalk.Kernel (the tool: --walk auto).");
        }
        if (target.OwnWalks(query) is { Count: > 0 } walks)
        {
            if (kernel.Architecture != Architecture.X64)
            {
                throw new ProbeUnavailableException(
                    $"The walk {walks[0]} is for x86-64; this is {kernel.Architecture}.",
                    "Leave the walk to StackWalk.Auto, or set it to StackWalk.Kernel (the tool: --walk kernel), whose depths are the kernel's and not proved.");
            }
            var fields = kernel.HasBtf && kernel.Expects(KernelFeatures.BpfLoop) && kernel.Expects(KernelFeatures.FindVma) ? KernelTypes.Fields : null;
            if (fields is null && !query.Probe.HasUserRegisters)
            {
                throw new ProbeUnavailableException(
                    $"User stacks at {query.Probe} need Linux {KernelFeatureTable.Since(KernelFeatures.BpfLoop)} (bpf_loop, bpf_find_vma) with type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF), or the kernel's own walk; this is {kernel.Release}.",
                    "Set the walk to StackWalk.Kernel (the tool: --walk kernel), whose depths are not proved, or use a newer kernel.");
            }
            var counts = query.Expressions.Any(static expression => expression.Any(static part => part is IrStackCountOf));
            if (fields is null && (counts || walks.Contains(StackWalk.Unwind)))
            {
                throw new ProbeUnavailableException(
                    $"{(counts ? "To count frames by function" : "The walk Unwind")} needs Linux {KernelFeatureTable.Since(KernelFeatures.BpfLoop)} (bpf_loop, bpf_find_vma) with type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF); this is {kernel.Release}"
                    + (kernel.Expects(KernelFeatures.BpfLoop) ? ", without the type information." : "."),
                    counts ? "Leave CountOf away, or use a newer kernel."
                        : "Leave the walk to StackWalk.Auto, which follows frame pointers on such a kernel and says that its depths are not proved, or use a newer kernel.");
            }
            target = target with { Fields = fields, SequenceShift = kernel.Release >= MapSequenceIsSeqcount ? 1 : 0, WalksStatically = fields is null };
        }
        if (CompileTarget.UsesPython(query))
        {
            var fields = kernel.Architecture == Architecture.X64 && kernel.HasBtf && kernel.Expects(KernelFeatures.BpfLoop) && kernel.Expects(KernelFeatures.FindVma) ? KernelTypes.Fields : null;
            if (fields?.Identity is null)
            {
                throw new ProbeUnavailableException(
                    $"Python frames need x86-64 and Linux {KernelFeatureTable.Since(KernelFeatures.BpfLoop)} (bpf_loop, bpf_find_vma) with type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF); this is {kernel.Release} on {kernel.Architecture}.",
                    "Leave Python out of the query, or use a newer kernel.");
            }
            target = target with { Fields = fields };
        }
        if (CompileTarget.Measures(query))
            target = target with { Fields = FieldsToMeasure(kernel), SequenceShift = kernel.Release >= MapSequenceIsSeqcount ? 1 : 0 };
        target = target with { Session = ReturnSessions.For(query, kernel) };
        // Whose frames they are is told by when the process started.
        if ((query.Sink is IrAggregate { Kept: not null } || StackNode.IsDeliveredBy(query)) && target.Fields is null && kernel.HasBtf)
            target = target with { Fields = KernelTypes.Fields };
        return target;
    }

    /// <summary>What Recursion and the bytes of a stack need of the kernel.</summary>
    private static KernelOffsets FieldsToMeasure(KernelProfile kernel)
    {
        if (kernel.Architecture != Architecture.X64)
            throw new ProbeUnavailableException($"Recursion and the bytes of a stack are for x86-64; this is {kernel.Architecture}.", "Select UStack.Length by StackWalk.Kernel.");
        if (kernel.HasBtf && kernel.Expects(KernelFeatures.BpfLoop) && kernel.Expects(KernelFeatures.FindVma) && KernelTypes.Fields is { TaskControlBlock: not null } fields)
            return fields;
        throw new ProbeUnavailableException(
            $"Recursion and the bytes of a stack need Linux {KernelFeatureTable.Since(KernelFeatures.FindVma)} (bpf_loop, bpf_find_vma) with type information (/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF); this is {kernel.Release}"
            + (kernel.Expects(KernelFeatures.FindVma) ? ", without the type information." : "."),
            "Select UStack.Length, or use a newer kernel.");
    }

    internal static ResolveOptions Resolve(IrQuery query, AttachOptions options, KernelProfile kernel, ProcessStartInfo? command)
    {
        var resolve = new ResolveOptions
        {
            Pid = query.Probe.ProcessId,
            MaxFunctions = options.MaxFunctions,
            FindsColdParts = CompileTarget.CountsActivations(query),
            NopsBecomeCalls = kernel.Architecture == Architecture.X64 && kernel.Release >= OptimizedNops,
        };
        if (command is null)
            return resolve;
        // The target is looked up as the command would look it up.
        return resolve with
        {
            WorkingDirectory = string.IsNullOrEmpty(command.WorkingDirectory) ? Environment.CurrentDirectory : command.WorkingDirectory,
            Environment = Variables(command.Environment),
        };
    }

    private static Dictionary<string, string> Variables(IDictionary<string, string?> environment)
    {
        var variables = new Dictionary<string, string>(environment.Count, StringComparer.Ordinal);
        foreach (var (name, value) in environment)
        {
            if (value is not null)
                variables.Add(name, value);
        }
        return variables;
    }

    internal static ProbePlan Explain(IrQuery query, ExplainOptions explain)
    {
        CapturedValues.Check(query);
        var options = explain.Options ?? new();
        var kernel = options.Kernel ?? KernelProfile.Detect(options.SystemCalls);
        using var undo = new Undo();
        try
        {
            var probes = PlannedProbe.ResolveAll(query, options, kernel, command: null, explain.Command, options.SystemCalls);
            foreach (var probe in probes)
                undo.Add(probe);
            return PlanText.Describe(Compile(probes, options, kernel), probes, explain.Verify ? options : null);
        }
        catch (Exception error) when (NativeErrors.Translate(error) is { } translated)
        {
            throw translated;
        }
    }
}
