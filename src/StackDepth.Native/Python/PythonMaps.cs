using System.Collections.Immutable;
using System.Runtime.InteropServices;
using StackDepth.Native.Spec;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Python;

/// <summary>
/// The maps through which the program in the kernel finds a process's CPython. A file that has one is in <see cref="FilesName"/>. Where a process has mapped it is found from any address of
/// its code, which the kernel's own mappings prove: the probe's address, the start of the program's code, or a hint from user space. What was found is kept by process.
/// </summary>
internal static class PythonMaps
{
    /// <summary>Hash from <see cref="UnwindFileKey"/> to <see cref="PythonFileEntry"/>.</summary>
    internal const string FilesName = "python_files";

    /// <summary>LRU hash from a process (its start, and its exec number above its id) to a <see cref="ProcessBytes"/> long value, the program's own.</summary>
    internal const string ProcessesName = "python_processes";

    /// <summary>LRU hash from a process id to an address in the code of a CPython, or to <see cref="NoPython"/>. Believed of no process before its mappings prove it.</summary>
    internal const string HintsName = "python_hints";

    /// <summary>Ring buffer of <see cref="UnwindRequest"/>s: of a process about which nothing is known (inode 0), or of a file.</summary>
    internal const string RequestsName = "python_requests";

    /// <summary>The hint that a process has no CPython mapped.</summary>
    internal const ulong NoPython = 1;

    internal const int ProcessBytes = 32;

    private const int MaxFiles = 1024;
    private const int MaxProcesses = 8192;
    private const int RequestRingBytes = 65536;

    internal static ImmutableArray<MapSpec> All { get; } =
    [
        new(FilesName, MapType.Hash, 16, PythonFileEntry.Size, MaxFiles),
        new(ProcessesName, MapType.LruHash, 16, ProcessBytes, MaxProcesses),
        new(HintsName, MapType.LruHash, sizeof(uint), sizeof(ulong), MaxProcesses),
        new(RequestsName, MapType.RingBuffer, 0, 0, RequestRingBytes),
    ];
}

/// <summary>What is known of a file.</summary>
internal enum PythonFileKind : ulong
{
    /// <summary>It has a CPython whose layout follows.</summary>
    Supported = 1,

    /// <summary>It has one whose layout is not known.</summary>
    Unsupported = 2,
}

/// <summary>The value of a file.</summary>
/// <param name="RuntimeFromCode">See <see cref="PythonFile"/>.</param>
/// <param name="Kind">Whether there is a layout.</param>
/// <param name="Layout">The layout.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PythonFileEntry(ulong RuntimeFromCode, PythonFileKind Kind, PythonLayout Layout)
{
    internal const int RuntimeFromCodeAt = 0;
    internal const int KindAt = 8;
    internal const int LayoutAt = 16;
    internal const int Size = LayoutAt + PythonLayout.Size;

    internal static PythonFileEntry Of(PythonFile file) =>
        new(file.RuntimeFromCode, file.Layout is null ? PythonFileKind.Unsupported : PythonFileKind.Supported, file.Layout ?? default);
}
