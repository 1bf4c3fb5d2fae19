using StackDepth.Native.Elf;

namespace StackDepth.Native.Symbols;

/// <summary>What a file says about addresses in its mappings: file offsets to virtual addresses to functions. Immutable, apart from names that are made into text.</summary>
internal sealed class FileSymbols
{
    // Larger symbol and string tables are not read. Those of browsers with all their symbols are about half as long.
    private const ulong MostTableBytes = 128UL << 20;
    private const ulong MostStringBytes = 512UL << 20;
    private const ulong MostBytesWithoutSections = 256UL << 20;

    // Linkers make one or two with code.
    private const int MostSegments = 64;

    private readonly ElfSegment[] _segments;

    private FileSymbols(ElfSegment[] segments, SymbolTable table, string? problem) => (_segments, Table, Problem) = (segments, table, problem);

    /// <summary>Whether its offsets are virtual addresses of an ELF file; else it is nothing that we know.</summary>
    internal bool IsElf => _segments.Length > 0;

    internal SymbolTable Table { get; }

    /// <summary>Why names are missing that could be expected, or null.</summary>
    internal string? Problem { get; }

    internal long Bytes => Table.Bytes + 256;

    /// <summary>A file that says nothing.</summary>
    internal static FileSymbols None(string? problem) => new([], SymbolTable.Empty, problem);

    /// <summary>Reads a file that a process has mapped, which may be anything, and its separate debug file. Throws nothing on account of the files.</summary>
    /// <param name="openPath">The path to open.</param>
    /// <param name="path">The file's path inside of the process's root directory.</param>
    /// <param name="finder">Finds its debug file.</param>
    /// <param name="naming">How names become text.</param>
    internal static FileSymbols Read(string openPath, string path, DebugFileFinder finder, SymbolNaming naming)
    {
        try
        {
            if (!IsElfFile(openPath, path))
            {
                return None(null);
            }

            using var image = ElfImage.Open(openPath, path);
            return Read(image, finder, naming);
        }
        catch (Exception error) when (error is ElfException or FileNotFoundException)
        {
            return None(error.Message);
        }
    }

    /// <summary>Reads an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="finder">Finds its debug file; null: it has none.</param>
    /// <param name="naming">How names become text.</param>
    internal static FileSymbols Read(ElfImage image, DebugFileFinder? finder, SymbolNaming naming)
    {
        // Tools that shrink programs leave headers of sections that are gone; the program runs all the same.
        string? problem = null;
        ElfSegment[] segments = [.. image.CodeSegments[..Math.Min(image.CodeSegments.Length, MostSegments)]];
        ElfImage? debug = null;
        try
        {
            var functions = new ElfFunctions(CodeRanges.Of(image));
            if (!Add(functions, image, static image => image.Symbols, ElfConstants.SectionSymbols, ref problem) && finder is not null)
            {
                debug = finder.Find(image, image.Path);
                if (debug is not null)
                {
                    Add(functions, debug, static image => image.Symbols, ElfConstants.SectionSymbols, ref problem);
                }

                problem ??= finder.Problem;
            }

            Add(functions, image, static image => image.DynamicSymbols, ElfConstants.SectionDynamicSymbols, ref problem);
            return functions.Build(naming) is { } table
                ? new FileSymbols(segments, table, problem)
                : new FileSymbols(segments, SymbolTable.Empty, $"{PrintableText.Escape(image.Path)}: its function names are too long to keep.");
        }
        catch (ElfException error)
        {
            return new FileSymbols(segments, SymbolTable.Empty, error.Message);
        }
        finally
        {
            debug?.Dispose();
        }
    }

    /// <summary>The virtual address of a file offset in the code.</summary>
    internal bool TryGetAddress(ulong offset, out ulong address)
    {
        foreach (ref readonly var segment in _segments.AsSpan())
        {
            if (segment.TryGetAddress(offset, out address))
            {
                return true;
            }
        }

        address = 0;
        return false;
    }

    // False when the table is not there, or not to be had.
    private static bool Add(ElfFunctions functions, ElfImage image, Func<ElfImage, ElfSymbolTable> read, uint type, ref string? problem)
    {
        try
        {
            CheckSize(image, type);
            var table = read(image);
            functions.Add(table);
            return table.Count > 0;
        }
        catch (ElfException error)
        {
            problem ??= error.Message;
            return false;
        }
    }

    private static void CheckSize(ElfImage image, uint type)
    {
        var sections = image.Sections;
        if (sections.Length == 0 && image.Length > MostBytesWithoutSections)
        {
            throw new ElfException(image.Path, $"has {image.Length} bytes and no section headers; its symbols are not read.");
        }

        foreach (ref readonly var section in sections)
        {
            if (section.Type == type && (section.Size > MostTableBytes || (section.Link < sections.Length && sections[(int)section.Link].Size > MostStringBytes)))
            {
                throw new ElfException(image.Path, $"has a symbol table of {section.Size} bytes; up to {MostTableBytes} are read, and {MostStringBytes} of names.");
            }
        }
    }

    private static bool IsElfFile(string openPath, string path)
    {
        Span<byte> start = stackalloc byte[4];
        using var reader = ElfReader.Open(openPath, path);
        if (reader.Length < (ulong)start.Length)
        {
            return false;
        }

        reader.Fill(0, start, "first bytes");
        return start.SequenceEqual("\u007fELF"u8);
    }
}
