using System.Runtime.InteropServices;

namespace StackDepth.Native.Elf;

/// <summary>Reads and checks the ELF header, the program headers and the section headers, with the extensions for large counts.</summary>
internal static class ElfHeaderReader
{
    private const int HeaderSize = 64;
    private const ulong SegmentSize = 56;
    private const ulong SectionSize = 64;

    // Far more than any program or library has: a sparse file must not make us read a table without end.
    private const ulong MostEntries = 1 << 20;

    /// <summary>Reads the header; refuses what is not a little-endian 64-bit file for the wanted machine.</summary>
    internal static ElfHeader Read(ElfReader reader, ushort machine)
    {
        Span<byte> bytes = stackalloc byte[HeaderSize];
        bytes.Clear();
        var available = (int)Math.Min(reader.Length, HeaderSize);
        reader.Fill(0, bytes[..available], "ELF header");
        if (available < 4 || !bytes.StartsWith("\u007fELF"u8))
        {
            throw new ElfException(reader.Path, Describe(bytes[..available]));
        }

        if (available < HeaderSize)
        {
            throw new ElfException(reader.Path, $"is cut off: {reader.Length} bytes do not hold an ELF header.");
        }

        if (bytes[4] != ElfConstants.Class64)
        {
            throw new ElfException(reader.Path, bytes[4] == 1
                ? "is a 32-bit ELF file; StackDepth probes 64-bit programs only."
                : $"is damaged: its ELF class is {bytes[4]}.");
        }

        if (bytes[5] != ElfConstants.LittleEndian)
        {
            throw new ElfException(reader.Path, bytes[5] == 2
                ? "is a big-endian ELF file; StackDepth probes programs of this machine (little-endian) only."
                : $"is damaged: its byte order is {bytes[5]}.");
        }

        var header = MemoryMarshal.Read<ElfHeader>(bytes);
        if (header.Machine != machine)
        {
            throw new ElfException(reader.Path, $"is for another kind of machine ({MachineName(header.Machine)}; this one is {MachineName(machine)}).");
        }

        return header;
    }

    /// <summary>Reads the program headers. With 65,535 or more of them, section 0 has the number (PN_XNUM).</summary>
    internal static ElfSegment[] ReadSegments(ElfReader reader, in ElfHeader header)
    {
        ulong count = header.SegmentCount;
        if (count == 0)
        {
            return [];
        }

        if (header.SegmentEntrySize != SegmentSize)
        {
            throw new ElfException(reader.Path, $"is damaged: its program headers are {header.SegmentEntrySize} bytes each.");
        }

        if (count == ElfConstants.ExtendedSegmentCount && header.SectionTableOffset != 0)
        {
            count = ReadFirstSection(reader, header).Info;
        }

        CheckCount(reader, count, "program");
        return reader.ReadRecords<ElfSegment>(header.SegmentTableOffset, count, "program header table");
    }

    /// <summary>Reads the section headers, if there are any. With 65,280 or more of them, section 0 has the number.</summary>
    internal static ElfSection[] ReadSections(ElfReader reader, in ElfHeader header)
    {
        if (header.SectionTableOffset == 0)
        {
            return [];
        }

        ulong count = header.SectionCount;
        if (count == 0)
        {
            count = ReadFirstSection(reader, header).Size;
        }

        CheckSectionSize(reader, header);
        CheckCount(reader, count, "section");
        return reader.ReadRecords<ElfSection>(header.SectionTableOffset, count, "section header table");
    }

    private static void CheckCount(ElfReader reader, ulong count, string kind)
    {
        if (count > MostEntries)
        {
            throw new ElfException(reader.Path, $"is damaged: it claims {count} {kind} headers.");
        }
    }

    private static ElfSection ReadFirstSection(ElfReader reader, in ElfHeader header)
    {
        CheckSectionSize(reader, header);
        return reader.ReadRecords<ElfSection>(header.SectionTableOffset, 1, "section header table")[0];
    }

    private static void CheckSectionSize(ElfReader reader, in ElfHeader header)
    {
        if (header.SectionEntrySize != SectionSize)
        {
            throw new ElfException(reader.Path, $"is damaged: its section headers are {header.SectionEntrySize} bytes each.");
        }
    }

    private static string Describe(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
        {
            return "is empty, so it is not an ELF program or library.";
        }

        if (start.StartsWith("#!"u8))
        {
            return "is a script, not an ELF program or library; name the program that runs it.";
        }

        if (start.StartsWith("/* GNU ld"u8))
        {
            return "is a linker script, a text for the linker, not a library; name the library that it stands for (libNAME.so.N).";
        }

        return start.StartsWith("!<arch>"u8) ? "is a static library: its code is inside the programs that were linked with it; name the program." : "is not an ELF program or library.";
    }

    private static string MachineName(ushort machine) => machine switch
    {
        3 => "x86",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC64",
        22 => "S390",
        40 => "ARM",
        ElfConstants.MachineX64 => "x86-64",
        ElfConstants.MachineArm64 => "AArch64",
        243 => "RISC-V",
        247 => "BPF",
        258 => "LoongArch",
        _ => $"e_machine {machine}",
    };
}
