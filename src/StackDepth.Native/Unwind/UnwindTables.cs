using StackDepth.Native.Elf;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>Makes the unwind tables of files.</summary>
internal static class UnwindTables
{
    /// <summary>The table of the file that a path names.</summary>
    /// <param name="path">An x86-64 ELF file.</param>
    /// <param name="cache">Where tables are kept; nowhere by default.</param>
    /// <param name="shownPath">How messages call the file; <paramref name="path"/> by default.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ElfException">It is not ELF, is for another machine, is damaged, or its text is over 1 GiB.</exception>
    internal static UnwindLoad Load(string path, UnwindCache? cache = null, string? shownPath = null)
    {
        using var image = ElfImage.Open(path, shownPath, ElfConstants.MachineX64);
        var source = UnwindSource.Read(image);
        var load = (cache ?? UnwindCache.None).Load(source, table => table.WithProof(source.Text, image.Fill));

        // Rows are a matter of what the key hashes; the proof depends on the text too, so it is made again for the very file that is open.
        return load is { Cache: CacheOutcome.Hit, Table.Plain.Length: > 0 } ? load with { Table = load.Table.WithProof(source.Text, image.Fill) } : load;
    }

    /// <summary>The table of an open file, even if its name means another file by then.</summary>
    /// <exception cref="ElfException">As with a path.</exception>
    internal static UnwindLoad Load(FileDescriptor file, string shownPath, UnwindCache? cache = null)
    {
        using var lease = file.Borrow();
        return Load($"/proc/self/fd/{lease.Value}", cache, shownPath);
    }

    /// <summary>The table of this kernel's vDSO; null where there is none.</summary>
    internal static UnwindTable? LoadVdso() => Vdso.Load();
}
