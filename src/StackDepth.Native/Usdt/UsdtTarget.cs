using System.Collections.Immutable;
using System.Globalization;
using Microsoft.Win32.SafeHandles;
using StackDepth.Native.Link;

namespace StackDepth.Native.Usdt;

/// <summary>A place of a USDT probe: an inlined or repeated one has several, each with arguments in places of its own.</summary>
/// <param name="Provider">Such as <c>python</c>.</param>
/// <param name="Name">Such as <c>function__entry</c>.</param>
/// <param name="Address">The virtual address of its nop, as in the file.</param>
/// <param name="Offset">Its file offset.</param>
/// <param name="Semaphore">The file offset of its semaphore; 0 for none.</param>
/// <param name="Arguments">Where the arguments are.</param>
internal sealed record UsdtSite(string Provider, string Name, ulong Address, ulong Offset, ulong Semaphore, ImmutableArray<UsdtArgument> Arguments);

/// <summary>An open file and the USDT probes in it. Attach through <see cref="AttachPath"/> while this is not disposed: it means the file that was read.</summary>
internal sealed class UsdtTarget : IDisposable
{
    /// <summary>The file that holds the code, as shown to people (inside the target's root directory).</summary>
    public required string Path { get; init; }

    /// <summary>What the user wrote.</summary>
    public required string RequestedBinary { get; init; }

    /// <summary>What a user should know about how the file was found, and about probes that were left out; null when there is nothing to say.</summary>
    public string? Note { get; init; }

    public required SafeFileHandle File { get; init; }

    /// <summary>The file as a path for the kernel: <c>/proc/self/fd/N</c>.</summary>
    public string AttachPath => string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{File.DangerousGetHandle()}");

    /// <summary>Whether the file is a program, which no process can load beside its own: not a library.</summary>
    public bool IsProgram { get; init; }

    /// <summary>At least one site, ordered by offset, one for each offset.</summary>
    public required ImmutableArray<UsdtSite> Sites { get; init; }

    /// <summary>All sites, each with its semaphore, and with its index in <see cref="Sites"/> as cookie.</summary>
    public UprobeRequest Request(int pid) =>
        new(AttachPath, [.. Sites.Select(static site => site.Offset)], [.. Enumerable.Range(0, Sites.Length).Select(static i => (ulong)i)], pid, IsReturn: false)
        {
            ReferenceCounters = Sites.Any(static site => site.Semaphore != 0) ? [.. Sites.Select(static site => site.Semaphore)] : [],
        };

    public void Dispose() => File.Dispose();
}
