using System.Collections.Immutable;
using System.Diagnostics;
using StackDepth.Ir;
using StackDepth.Native.Features;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;

namespace StackDepth.Runtime;

/// <summary>One of the probes of a query, its place found.</summary>
/// <param name="Query">What is asked at it.</param>
/// <param name="Scope">Whose hits count.</param>
/// <param name="Resolve">How its place was found.</param>
/// <param name="Place">Its place.</param>
internal sealed record PlannedProbe(IrQuery Query, ProcessScope Scope, ResolveOptions Resolve, ProbePlace Place) : IDisposable
{
    /// <summary>The process whose hits count; null for more than one.</summary>
    internal int? ProcessId => Query.Probe.ProcessId;

    /// <summary>Finds the places of the probes of a query, and numbers their sites, one probe's behind another's.</summary>
    /// <param name="query">The query.</param>
    /// <param name="options">How it is attached.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="command">The command that is to be started; null where none is.</param>
    /// <param name="followed">Whether a command is followed.</param>
    /// <param name="sys">The kernel.</param>
    /// <exception cref="TargetException">There is no such place.</exception>
    internal static ImmutableArray<PlannedProbe> ResolveAll(IrQuery query, AttachOptions options, KernelProfile kernel, ProcessStartInfo? command, bool followed, SystemCalls sys)
    {
        using var undo = new Undo();
        var probes = ImmutableArray.CreateBuilder<PlannedProbe>();
        var sites = 0;
        foreach (var branch in query.Branches)
            QueryPlanner.Target(QueryPlanner.Scope(branch, followed), options, kernel);
        foreach (var branch in query.Branches)
        {
            var resolve = QueryPlanner.Resolve(branch, options, kernel, command);
            var place = undo.Add(ProbePlace.Resolve(branch, resolve, sys));
            place.FirstSite = sites;
            sites += place.SiteCount;
            probes.Add(new(branch, QueryPlanner.Scope(branch, followed), resolve, place));
        }
        undo.Keep();
        return probes.ToImmutable();
    }

    public void Dispose() => Place.Dispose();
}
