namespace StackDepth.Native.Unwind;

/// <summary>Where a supplier gets tables from. Called from several threads.</summary>
internal interface IUnwindTableSource
{
    /// <summary>The table of a file; null, or one without rules, when it has no call frame information.</summary>
    /// <param name="openPath">The path to open.</param>
    /// <param name="shownPath">The file's name for messages.</param>
    /// <exception cref="Elf.ElfException">It is no ELF file of this machine, or damaged.</exception>
    UnwindTable? Read(string openPath, string shownPath);

    /// <summary>The table of this kernel's vDSO; null where there is none.</summary>
    UnwindTable? ReadVdso();
}
