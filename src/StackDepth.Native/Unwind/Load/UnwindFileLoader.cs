using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>Reads the unwind table of a file; null, or one without rules, when it has no call frame information.</summary>
/// <param name="openPath">The path to open.</param>
/// <param name="shownPath">The file's name for messages.</param>
/// <exception cref="ElfException">It is no ELF file of this machine, or damaged.</exception>
internal delegate UnwindTable? UnwindTableReader(string openPath, string shownPath);

/// <summary>Looks at files that processes have mapped, which may be anything: only regular ELF files of bounded size are read.</summary>
internal static class UnwindFileLoader
{
    /// <summary>Larger files are not read.</summary>
    internal const long MaxBytes = 512L << 20;

    /// <summary>Reads a file's table.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Its name for messages.</param>
    /// <param name="key">The file that the kernel means; another one is refused.</param>
    /// <param name="read">How to read it.</param>
    /// <param name="table">The table, where the answer is <see cref="UnwindOutcome.Loaded"/>.</param>
    /// <returns>What to say about it. Never throws on account of the file.</returns>
    internal static UnwindNotice Read(PinnedFile file, string name, UnwindFileKey key, UnwindTableReader read, out UnwindTable? table)
    {
        table = null;
        var status = file.Status;
        if (!status.IsRegular)
        {
            return Unusable("it is not a regular file");
        }

        if (!file.Is(key))
        {
            return Unusable($"it is another file than the one that is mapped (inode {status.Inode}, device {status.Device:x}; mapped are inode {key.Inode}, device {key.Device:x})");
        }

        try
        {
            switch (KindOf(file, name))
            {
                // What has no name is memory that JIT compilers and libffi map a second time to execute it.
                case not FileKind.Elf when status.Links == 0:
                    return new UnwindNotice(UnwindOutcome.NoTable, name, "it is code that the program made at run time");
                case FileKind.PortableExecutable:
                    return new UnwindNotice(UnwindOutcome.NoTable, name, "it is a .NET assembly, whose precompiled code has no call frame information");
                case FileKind.Other:
                    return Unusable("it is not an ELF file");
            }

            if (status.Size > MaxBytes)
            {
                return Unusable($"it has {status.Size} bytes; at most {MaxBytes} are read");
            }

            table = read(file.ReadPath, name);
            return table is { PageCount: > 0, HasRules: true }
                ? new UnwindNotice(UnwindOutcome.Loaded, name, Rows: table.Rows.Length)
                : new UnwindNotice(UnwindOutcome.NoTable, name, "it has no call frame information");
        }
        catch (Exception error)
        {
            // Whatever the file made the readers throw is said of the file.
            return new UnwindNotice(UnwindOutcome.Unusable, name, error.Message, Error: error is ElfException ? null : error);
        }

        UnwindNotice Unusable(string why) => new(UnwindOutcome.Unusable, name, why);
    }

    private static FileKind KindOf(PinnedFile file, string name)
    {
        Span<byte> start = stackalloc byte[4];
        using var reader = ElfReader.Open(file.ReadPath, name);
        if (reader.Length < (ulong)start.Length)
        {
            return FileKind.Other;
        }

        reader.Fill(0, start, "first bytes");
        return start.SequenceEqual("\u007fELF"u8) ? FileKind.Elf : start.StartsWith("MZ"u8) ? FileKind.PortableExecutable : FileKind.Other;
    }

    private enum FileKind
    {
        Other,
        Elf,
        PortableExecutable,
    }
}
