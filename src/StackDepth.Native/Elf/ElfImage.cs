using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace StackDepth.Native.Elf;

/// <summary>
/// An open ELF file of this machine's kind: 64-bit, little-endian. It stays open, so that probes can be attached through the descriptor to the very file
/// that was read, even if its name means another file by then. Tables are read when first asked for. Not thread-safe.
/// </summary>
internal sealed class ElfImage : IDisposable
{
    private const int MaxInterpreterLength = 4096;
    private const ulong MaxNoteLength = 1 << 20;

    private readonly ElfReader _reader;
    private readonly ElfHeader _header;
    private readonly ElfSegment[] _segments;
    private readonly ElfSegment[] _code;
    private ElfSection[]? _sections;
    private byte[]? _sectionNames;
    private ElfDynamic? _dynamic;
    private ElfSymbolTable? _symbols;
    private ElfSymbolTable? _dynamicSymbols;
    private byte[]? _buildId;

    private ElfImage(ElfReader reader, ElfHeader header, ElfSegment[] segments)
    {
        _reader = reader;
        _header = header;
        _segments = segments;
        _code = Array.FindAll(segments, static s => s.IsCode);
    }

    /// <summary>The file's name for messages.</summary>
    internal string Path => _reader.Path;

    internal SafeFileHandle File => _reader.File;

    /// <summary>Bytes in the file.</summary>
    internal ulong Length => _reader.Length;

    /// <summary>e_type: <see cref="ElfConstants.TypeExecutable"/>, <see cref="ElfConstants.TypeShared"/> (also PIE programs), ...</summary>
    internal ushort Type => _header.Type;

    /// <summary>
    /// Whether it is a program for sure: linked to a fixed address, or marked as a position-independent program. glibc's dlopen(3) refuses both (the second since 2.30).
    /// </summary>
    internal bool IsProgram
    {
        get
        {
            try
            {
                return Type == ElfConstants.TypeExecutable || Dynamic.IsProgram;
            }
            catch (ElfException)
            {
                return false; // a damaged PT_DYNAMIC proves nothing
            }
        }
    }

    internal ushort Machine => _header.Machine;

    internal ulong EntryPoint => _header.Entry;

    internal ReadOnlySpan<ElfSegment> Segments => _segments;

    /// <summary>The executable PT_LOAD segments.</summary>
    internal ReadOnlySpan<ElfSegment> CodeSegments => _code;

    internal ReadOnlySpan<ElfSection> Sections => _sections ??= ReadSections();

    /// <summary>What the dynamic loader would read; empty for a static program.</summary>
    internal ElfDynamic Dynamic => _dynamic ??= ElfDynamic.Read(_reader, _segments);

    /// <summary>.symtab's symbols; empty when the file is stripped.</summary>
    internal ElfSymbolTable Symbols => _symbols ??= ReadSymbolSection(ElfConstants.SectionSymbols, ".symtab");

    /// <summary>The dynamic symbols: .dynsym, or what PT_DYNAMIC points to in a file without section headers.</summary>
    internal ElfSymbolTable DynamicSymbols => _dynamicSymbols ??= ReadDynamicSymbols();

    internal bool IsStripped => Symbols.Count == 0;

    /// <summary>The GNU build-id note's bytes; empty when there is none.</summary>
    internal ReadOnlySpan<byte> BuildId => _buildId ??= ReadBuildId();

    /// <summary>The loader that PT_INTERP names: programs have one, plain libraries seldom.</summary>
    internal string? Interpreter
    {
        get
        {
            foreach (ref readonly var segment in _segments.AsSpan())
            {
                if (segment.Type == ElfConstants.SegmentInterpreter)
                {
                    var bytes = _reader.Read(segment.Offset, Math.Min(segment.FileSize, MaxInterpreterLength), "PT_INTERP");
                    return Encoding.UTF8.GetString(bytes).Split('\0')[0];
                }
            }

            return null;
        }
    }

    /// <summary>Opens a file and checks its header and program headers.</summary>
    /// <param name="path">The file to open.</param>
    /// <param name="shownPath">How messages call it; <paramref name="path"/> by default.</param>
    /// <param name="machine">The e_machine that is wanted; this machine's by default.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ElfException">It is not ELF, is for another machine, or is damaged.</exception>
    internal static ElfImage Open(string path, string? shownPath = null, ushort? machine = null)
    {
        var reader = ElfReader.Open(path, shownPath ?? path);
        try
        {
            return Open(reader, machine);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Checks an image that is in memory; it has no <see cref="File"/>.</summary>
    /// <exception cref="ElfException">It is not ELF, is for another machine, or is damaged.</exception>
    internal static ElfImage Open(string name, byte[] image) => Open(new ElfReader(name, image), machine: null);

    private static ElfImage Open(ElfReader reader, ushort? machine)
    {
        var header = ElfHeaderReader.Read(reader, machine ?? HostMachine);
        return new ElfImage(reader, header, ElfHeaderReader.ReadSegments(reader, header));
    }

    /// <summary>e_machine of the machine this runs on.</summary>
    internal static ushort HostMachine => RuntimeInformation.OSArchitecture == Architecture.Arm64 ? ElfConstants.MachineArm64 : ElfConstants.MachineX64;

    /// <summary>The file offset of a virtual address in executable code: what the kernel wants for a uprobe.</summary>
    /// <returns>False when the address is not in code that comes from the file.</returns>
    internal bool TryGetCodeOffset(ulong address, out ulong offset)
    {
        foreach (ref readonly var segment in _code.AsSpan())
        {
            if (segment.TryGetOffset(address, out offset) && offset < _reader.Length)
            {
                return true;
            }
        }

        offset = 0;
        return false;
    }

    /// <summary>Finds a section by name (<c>.eh_frame</c> ...).</summary>
    internal bool TryGetSection(ReadOnlySpan<byte> name, out ElfSection section)
    {
        var sections = Sections;
        var names = _sectionNames ??= ReadSectionNames();
        foreach (ref readonly var candidate in sections)
        {
            if (candidate.Name < (uint)names.Length)
            {
                var text = names.AsSpan((int)candidate.Name);
                if (text.Length > name.Length && text[name.Length] == 0 && text.StartsWith(name))
                {
                    section = candidate;
                    return true;
                }
            }
        }

        section = default;
        return false;
    }

    /// <summary>A section's bytes; none for a NOBITS section.</summary>
    internal byte[] ReadSection(in ElfSection section) =>
        section.Type == ElfConstants.SectionNoBits ? [] : _reader.Read(section.Offset, section.Size, "section");

    /// <summary>Reads bytes anywhere in the file.</summary>
    internal byte[] Read(ulong offset, ulong length, string what) => _reader.Read(offset, length, what);

    /// <summary>Fills a buffer from anywhere in the file.</summary>
    internal void Fill(ulong offset, Span<byte> buffer) => _reader.Fill(offset, buffer, "content");

    public void Dispose() => _reader.Dispose();

    private ElfSection[] ReadSections() => ElfHeaderReader.ReadSections(_reader, _header);

    private byte[] ReadSectionNames()
    {
        var sections = Sections;
        uint index = _header.SectionNamesIndex;
        if (index == ElfConstants.ExtendedSectionIndex && sections.Length > 0)
        {
            index = sections[0].Link;
        }

        return index == 0 || index >= sections.Length ? [] : ReadSection(sections[(int)index]);
    }

    private ElfSymbolTable ReadSymbolSection(uint type, string name)
    {
        var sections = Sections;
        foreach (ref readonly var section in sections)
        {
            if (section.Type == type)
            {
                if (section.EntrySize != ElfSymbolTable.EntrySize || section.Link >= sections.Length)
                {
                    throw new ElfException(Path, $"is damaged: its {name} section has entries of {section.EntrySize} bytes and names in section {section.Link}.");
                }

                var symbols = _reader.ReadRecords<ElfSymbol>(section.Offset, section.Size / ElfSymbolTable.EntrySize, name);
                return new ElfSymbolTable(Path, name, symbols, ReadSection(sections[(int)section.Link]));
            }
        }

        return ElfSymbolTable.Empty;
    }

    private ElfSymbolTable ReadDynamicSymbols()
    {
        var table = ReadSymbolSection(ElfConstants.SectionDynamicSymbols, ".dynsym");
        return table.Count == 0 && Sections.Length == 0 ? Dynamic.ReadSymbols() : table;
    }

    private byte[] ReadBuildId()
    {
        // Sections first: in a separate debug file the program headers speak of bytes that are not there.
        foreach (ref readonly var section in Sections)
        {
            if (section.Type == ElfConstants.SectionNote && FindBuildId(section.Offset, section.Size) is { } id)
            {
                return id;
            }
        }

        if (Sections.Length == 0)
        {
            foreach (ref readonly var segment in _segments.AsSpan())
            {
                if (segment.Type == ElfConstants.SegmentNote && FindBuildId(segment.Offset, segment.FileSize) is { } id)
                {
                    return id;
                }
            }
        }

        return [];
    }

    private byte[]? FindBuildId(ulong offset, ulong length)
    {
        const uint NoteGnuBuildId = 3;
        ReadOnlySpan<byte> notes = _reader.Read(offset, Math.Min(length, MaxNoteLength), "notes");
        while (notes.Length >= 12)
        {
            var nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            var dataSize = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            var type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            var dataStart = 12 + ((nameSize + 3UL) & ~3UL);
            if (dataStart + dataSize > (ulong)notes.Length)
            {
                return null;
            }

            if (type == NoteGnuBuildId && notes.Slice(12, (int)nameSize).SequenceEqual("GNU\0"u8) && dataSize is > 1 and <= 64)
            {
                return notes.Slice((int)dataStart, (int)dataSize).ToArray();
            }

            notes = notes[(int)Math.Min((ulong)notes.Length, dataStart + ((dataSize + 3UL) & ~3UL))..];
        }

        return null;
    }
}
