using StackDepth.Native.Elf;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>Makes the unwind tables of files.</summary>
internal static class UnwindTables
{
    /// <summary>The table of the file that a path names.</summary>
    /// <param name="path">An x86-64 ELF file.</param>
    /// <param name="shownPath">How messages call it; <paramref name="path"/> by default.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ElfException">It is not ELF, is for another machine, is damaged, or its text is over 1 GiB.</exception>
    internal static UnwindTable Load(string path, string? shownPath = null)
    {
        using var image = ElfImage.Open(path, shownPath, ElfConstants.MachineX64);
        return Build(image);
    }

    /// <summary>The table of an open file, even if its name means another file by then.</summary>
    /// <exception cref="ElfException">As with a path.</exception>
    internal static UnwindTable Load(FileDescriptor file, string shownPath)
    {
        using var lease = file.Borrow();
        return Load($"/proc/self/fd/{lease.Value}", shownPath);
    }

    private static UnwindTable Build(ElfImage image) => UnwindBuilder.Build(UnwindSource.Read(image));
}
