using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>An executable mapping of a process.</summary>
/// <param name="Start">Its first address.</param>
/// <param name="End">The address behind it.</param>
/// <param name="FileOffset">Where in the file it begins.</param>
/// <param name="Key">The file's inode and device; inode 0 where there is no file.</param>
/// <param name="Name">What the kernel calls it: a path, a name in brackets, or nothing. Only text: a path may mean another file, or none.</param>
internal sealed record MappedRegion(ulong Start, ulong End, ulong FileOffset, UnwindFileKey Key, string Name)
{
    private const string DeletedMark = " (deleted)";
    private const string MemoryPrefix = "/memfd:";

    internal bool HasFile => Key.Inode != 0;

    internal bool IsVdso => !HasFile && Name == "[vdso]";

    /// <summary>The name without the kernel's mark for deleted files.</summary>
    internal string Path => Name.EndsWith(DeletedMark, StringComparison.Ordinal) ? Name[..^DeletedMark.Length] : Name;

    /// <summary>How it is called in results.</summary>
    /// <param name="root">The process's root directory.</param>
    internal string ModuleName(ProcessRoot root) =>
        !HasFile ? Name.StartsWith('[') ? Name : "[anon]"
        : Path.StartsWith(MemoryPrefix, StringComparison.Ordinal) ? Path[1..]
        : root.Inside(Path);

    /// <summary>The part of it between two addresses.</summary>
    internal MappedRegion Part(ulong start, ulong end) => this with { Start = start, End = end, FileOffset = FileOffset + (start - Start) };
}
