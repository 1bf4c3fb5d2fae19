using System.Collections.Immutable;

namespace StackDepth.Native.Link;

/// <summary>Where to put uprobes: offsets in one file.</summary>
/// <param name="AttachPath">The file, as the kernel shall open it; <c>/proc/self/fd/N</c> names the very file that was resolved.</param>
/// <param name="Offsets">File offsets of instructions, each once.</param>
/// <param name="Cookies">What bpf_get_attach_cookie gives at each offset; empty, or as many as offsets.</param>
/// <param name="Pid">The process to probe; 0 for every process that has the file mapped now or later.</param>
/// <param name="IsReturn">Whether to probe the returns of the functions at the offsets.</param>
internal sealed record UprobeRequest(string AttachPath, ImmutableArray<ulong> Offsets, ImmutableArray<ulong> Cookies, int Pid, bool IsReturn)
{
    /// <summary>The kernel's limit for one link (MAX_UPROBE_MULTI_CNT).</summary>
    internal const int MaxSites = 1 << 20;

    /// <summary>
    /// The file offset of each site's reference counter, which the kernel raises in every process that it probes: the semaphore of a USDT probe; 0 for none. Empty, or as many as offsets.
    /// </summary>
    internal ImmutableArray<ulong> ReferenceCounters { get; init; } = [];

    /// <exception cref="ArgumentException">The request contradicts itself.</exception>
    internal void Validate()
    {
        if (string.IsNullOrEmpty(AttachPath) || AttachPath.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The path of the file to probe is empty or has a NUL in it.");
        }

        if (Offsets.IsDefaultOrEmpty || Offsets.Length > MaxSites)
        {
            throw new ArgumentException($"Between 1 and {MaxSites} offsets can be probed, not {(Offsets.IsDefault ? 0 : Offsets.Length)}: {AttachPath}.");
        }

        if (Cookies is { IsDefaultOrEmpty: false } && Cookies.Length != Offsets.Length)
        {
            throw new ArgumentException($"There are {Cookies.Length} cookies for {Offsets.Length} offsets: {AttachPath}.");
        }

        if (ReferenceCounters is { IsDefaultOrEmpty: false } && ReferenceCounters.Length != Offsets.Length)
        {
            throw new ArgumentException($"There are {ReferenceCounters.Length} reference counters for {Offsets.Length} offsets: {AttachPath}.");
        }

        if (Pid < 0)
        {
            throw new ArgumentException($"{Pid} is no process: give a positive number, or 0 for all.");
        }

        var seen = new HashSet<ulong>(Offsets.Length);
        foreach (var offset in Offsets)
        {
            if (!seen.Add(offset))
            {
                throw new ArgumentException($"Offset 0x{offset:x} of {AttachPath} is given twice, which would count every hit twice.");
            }
        }
    }

    internal ulong CookieAt(int site) => Cookies.IsDefaultOrEmpty ? 0 : Cookies[site];

    internal ulong ReferenceCounterAt(int site) => ReferenceCounters.IsDefaultOrEmpty ? 0 : ReferenceCounters[site];

    internal string Describe() =>
        $"{Offsets.Length} {(IsReturn ? "return" : "entry")} site{(Offsets.Length == 1 ? "" : "s")} in {AttachPath}{(Pid == 0 ? "" : $" of process {Pid}")}";
}
