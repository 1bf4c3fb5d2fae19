using System.Collections.Immutable;
using StackDepth.Native.Link;
using StackDepth.Native.Targets;

namespace StackDepth.Native.Usdt;

/// <summary>A place of a USDT probe: an inlined or repeated one has several, each with arguments in places of its own.</summary>
/// <param name="Provider">Such as <c>python</c>.</param>
/// <param name="Name">Such as <c>function__entry</c>.</param>
/// <param name="Address">The virtual address of its nop, as in the file.</param>
/// <param name="Offset">Its file offset.</param>
/// <param name="Semaphore">The file offset of its semaphore; 0 for none.</param>
/// <param name="Arguments">Where the arguments are.</param>
internal sealed record UsdtSite(string Provider, string Name, ulong Address, ulong Offset, ulong Semaphore, ImmutableArray<UsdtArgument> Arguments);

/// <summary>An open file and the USDT probes in it.</summary>
internal sealed class UsdtTarget : OpenTarget
{
    /// <summary>At least one site, ordered by offset, one for each offset.</summary>
    public required ImmutableArray<UsdtSite> Sites { get; init; }

    /// <summary>All sites, each with its semaphore.</summary>
    /// <param name="pid">The process to probe; 0 for all.</param>
    /// <param name="firstCookie">The first site's cookie; those of the others follow it.</param>
    public UprobeRequest Request(int pid, int firstCookie = 0) =>
        new(AttachPath, [.. Sites.Select(static site => site.Offset)], [.. Enumerable.Range(firstCookie, Sites.Length).Select(static i => (ulong)i)], pid, IsReturn: false)
        {
            ReferenceCounters = Sites.Any(static site => site.Semaphore != 0) ? [.. Sites.Select(static site => site.Semaphore)] : [],
        };
}
