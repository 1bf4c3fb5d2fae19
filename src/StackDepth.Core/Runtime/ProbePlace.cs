using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;
using StackDepth.Native.Usdt;

namespace StackDepth.Runtime;

/// <summary>Where the probe of a query sits, found out before anything is attached; and how its program gets there.</summary>
internal abstract class ProbePlace : IDisposable
{
    /// <summary>How many sites there are.</summary>
    internal abstract int SiteCount { get; }

    /// <summary>The number of the first one: those of a query's probes follow each other.</summary>
    internal int FirstSite { get; set; }

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
        IrUserReturnProbe user => new UserProbePlace(TargetResolver.Resolve(user.Binary, user.Symbols, resolve), isReturn: true),
        IrKernelReturnProbe kernel => KernelProbePlace.ResolveReturns(kernel, resolve, sys),
        IrKernelProbe kernel => KernelProbePlace.Resolve(kernel, resolve, sys),
        IrTracepoint tracepoint => TracepointPlace.Resolve(tracepoint, resolve, sys),
        IrRawTracepoint raw => RawTracepointPlace.Resolve(raw, sys),
        IrTracing tracing => TracingPlace.Resolve(tracing, resolve, sys),
        IrUsdtProbe usdt => new UsdtProbePlace(usdt, UsdtResolver.Resolve(usdt.Binary, usdt.Provider, usdt.Name, resolve)),
        IrProfile or IrInterval or IrSoftwareEvent => new PerfEventPlace(query.Probe),
        _ => throw IrNodes.Unknown(query.Probe),
    };

    /// <summary>Where the fields lie that a query names.</summary>
    /// <exception cref="ProbeQueryException">There is no such field, or it is no such number.</exception>
    internal ImmutableDictionary<string, FieldPlace> Locate(IrQuery query)
    {
        var places = ImmutableDictionary.CreateBuilder<string, FieldPlace>(StringComparer.Ordinal);
        foreach (var expression in query.Expressions)
        {
            expression.Any(node =>
            {
                if (node is IrField field)
                    places[field.Name] = Locate(field);
                if (node is IrFieldText text)
                    places[text.Place] = Locate(text);
                return false;
            });
        }
        return places.ToImmutable();
    }

    /// <summary>Where one field lies.</summary>
    /// <exception cref="ProbeQueryException">There is no such field, or it is no such number.</exception>
    private protected virtual FieldPlace Locate(IrField field) => throw IrNodes.Unknown(field);

    /// <summary>Where one text lies.</summary>
    /// <exception cref="ProbeQueryException">There is no such field, or it is no text.</exception>
    private protected virtual FieldPlace Locate(IrFieldText text) => throw IrNodes.Unknown(text);

    /// <summary>The program as it is loaded for this place.</summary>
    internal virtual ProgramSpec Complete(ProgramSpec program) => program;

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
            cookies.Add((ulong)(FirstSite + index));
        return cookies.MoveToImmutable();
    }

    public virtual void Dispose()
    {
    }
}
