using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>A loaded program at its probe.</summary>
/// <param name="Program">The program, as it was loaded for the kind of link.</param>
/// <param name="Link">The attachment.</param>
/// <param name="FallbackReason">Why it is not the best kind of link; null where it is.</param>
internal sealed record AttachedProbe(BpfProgram Program, IProbeLink Link, string? FallbackReason) : IDisposable
{
    /// <summary>How it is attached, for people.</summary>
    internal string Kind => FallbackReason is { } reason ? $"{Link.Kind} ({reason})" : Link.Kind;

    /// <summary>Detaches, then lets go of the program.</summary>
    public void Dispose()
    {
        Link.Dispose();
        Program.Dispose();
    }
}

/// <summary>Where the probe of a query sits, found out before anything is attached; and how its program gets there.</summary>
internal abstract class ProbePlace : IDisposable
{
    /// <summary>How many sites there are.</summary>
    internal abstract int SiteCount { get; }

    /// <summary>The file that is probed, for people; or what else.</summary>
    internal abstract string Name { get; }

    /// <summary>The file of user code that is probed; null where it is none.</summary>
    internal virtual ProbeTarget? Target => null;

    /// <summary>What the target turned out to be, where that is not what was written; else null.</summary>
    internal string? Note => Target?.Note;

    /// <summary>Finds the places of a query's probe.</summary>
    /// <exception cref="TargetException">There is no such place.</exception>
    internal static ProbePlace Resolve(IrQuery query, ResolveOptions resolve, SystemCalls sys) => query.Probe switch
    {
        IrUserProbe user => new UserProbePlace(TargetResolver.Resolve(user.Binary, user.Symbols, resolve)),
        IrKernelProbe kernel => KernelProbePlace.Resolve(kernel, resolve, sys),
        IrTracepoint tracepoint => TracepointPlace.Resolve(tracepoint, resolve, sys),
        IrProfile or IrInterval or IrSoftwareEvent => new PerfEventPlace(query.Probe),
        _ => throw IrNodes.Unknown(query.Probe),
    };

    /// <summary>The sites, in the order of their cookies.</summary>
    internal abstract ImmutableArray<ProbeSite> Describe(StackWalk walk = StackWalk.Kernel, UnwindFileEntry? entry = null);

    /// <summary>Loads the program and attaches it.</summary>
    /// <param name="program">The program, without an expected attach type.</param>
    /// <param name="maps">The maps that it names.</param>
    /// <param name="processId">The process to probe, where the link can keep to one.</param>
    /// <param name="kernel">What the kernel is expected to have.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="perfEventProgram">The program for perf events of uprobes, where that is another one.</param>
    internal abstract AttachedProbe Attach(
        ProgramSpec program, IReadOnlyDictionary<string, BpfMap> maps, int? processId, KernelProfile kernel, SystemCalls sys, Func<ProgramSpec> perfEventProgram);

    /// <summary>The numbers of the sites, which the kernel hands back at a hit.</summary>
    private protected ImmutableArray<ulong> Cookies()
    {
        var cookies = ImmutableArray.CreateBuilder<ulong>(SiteCount);
        for (var index = 0; index < SiteCount; index++)
            cookies.Add((ulong)index);
        return cookies.MoveToImmutable();
    }

    public virtual void Dispose()
    {
    }
}
