using System.Collections.Immutable;
using StackDepth.Native.Kernel;

namespace StackDepth.Native.Link;

/// <summary>Where to put kprobes. They have no process: the kernel runs the program for every task, whatever pid a perf event has (kprobe_perf_func).</summary>
/// <param name="Functions">The functions, each address once.</param>
/// <param name="Cookies">What bpf_get_attach_cookie gives at each function; empty, or as many as functions.</param>
/// <param name="IsReturn">Whether to probe the returns.</param>
/// <param name="Offset">Bytes from the start of each function to the probed instruction; 0 at a return.</param>
internal sealed record KprobeRequest(ImmutableArray<KernelFunction> Functions, ImmutableArray<ulong> Cookies, bool IsReturn, ulong Offset = 0)
{
    /// <summary>The kernel's limit for one link (MAX_KPROBE_MULTI_CNT).</summary>
    internal const int MaxSites = 1 << 20;

    /// <summary>Whether one link can take them all by their addresses; those of a process without CAP_SYSLOG are hidden.</summary>
    internal bool HasAddresses => Functions.All(static function => function.Address != 0);

    /// <exception cref="ArgumentException">The request contradicts itself.</exception>
    internal void Validate()
    {
        if (Functions.IsDefaultOrEmpty || Functions.Length > MaxSites)
        {
            throw new ArgumentException($"Between 1 and {MaxSites} kernel functions can be probed, not {(Functions.IsDefault ? 0 : Functions.Length)}.");
        }

        if (Cookies is { IsDefaultOrEmpty: false } && Cookies.Length != Functions.Length)
        {
            throw new ArgumentException($"There are {Cookies.Length} cookies for {Functions.Length} kernel functions.");
        }

        if (IsReturn && Offset != 0)
        {
            throw new ArgumentException("The return of a function has no offset within it.");
        }

        var seen = new HashSet<(string, ulong)>(Functions.Length);
        foreach (var function in Functions)
        {
            if (string.IsNullOrEmpty(function.Name) || function.Name.Contains('\0', StringComparison.Ordinal))
            {
                throw new ArgumentException("The name of a kernel function to probe is empty or has a NUL in it.");
            }

            if (!seen.Add(function.Address == 0 ? (function.Name, 0) : ("", function.Address)))
            {
                throw new ArgumentException($"The kernel function {function.Name} is given twice, which would count every hit twice.");
            }
        }
    }

    internal ulong CookieAt(int site) => Cookies.IsDefaultOrEmpty ? 0 : Cookies[site];

    internal string Describe() => Functions.Length == 1
        ? $"the {(IsReturn ? "return of " : "")}kernel function {Functions[0].Name}{(Offset == 0 ? "" : $"+0x{Offset:x}")}"
        : $"the {(IsReturn ? "returns" : "entries")} of {Functions.Length} kernel functions ({Functions[0].Name}, ...)";
}
