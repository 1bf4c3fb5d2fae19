using System.Runtime.InteropServices;

namespace StackDepth.Native.Elf;

/// <summary>Numbers of the System V ABI's ELF chapters and of the GNU extensions (elf.h).</summary>
internal static class ElfConstants
{
    internal const byte Class64 = 2;
    internal const byte LittleEndian = 1;

    internal const ushort TypeRelocatable = 1;
    internal const ushort TypeExecutable = 2;
    internal const ushort TypeShared = 3;
    internal const ushort TypeCore = 4;

    internal const ushort MachineX64 = 62;
    internal const ushort MachineArm64 = 183;

    internal const uint SegmentLoad = 1;
    internal const uint SegmentDynamic = 2;
    internal const uint SegmentInterpreter = 3;
    internal const uint SegmentNote = 4;
    internal const uint SegmentFrameIndex = 0x6474e550;
    internal const uint SegmentFlagExecute = 1;

    internal const ushort ExtendedSegmentCount = 0xffff;
    internal const ushort ExtendedSectionIndex = 0xffff;

    internal const uint SectionSymbols = 2;
    internal const uint SectionNote = 7;
    internal const uint SectionNoBits = 8;
    internal const uint SectionDynamicSymbols = 11;
    internal const ulong SectionFlagExecute = 4;

    internal const byte SymbolUntyped = 0;
    internal const byte SymbolFunction = 2;
    internal const byte SymbolIndirectFunction = 10;

    internal const byte BindLocal = 0;
    internal const byte BindGlobal = 1;
    internal const byte BindWeak = 2;
}

/// <summary><c>Elf64_Ehdr</c> after <c>e_ident</c>'s 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfHeader
{
    internal readonly ulong Identity;
    internal readonly ulong IdentityRest;
    internal readonly ushort Type;
    internal readonly ushort Machine;
    internal readonly uint Version;
    internal readonly ulong Entry;
    internal readonly ulong SegmentTableOffset;
    internal readonly ulong SectionTableOffset;
    internal readonly uint Flags;
    internal readonly ushort HeaderSize;
    internal readonly ushort SegmentEntrySize;
    internal readonly ushort SegmentCount;
    internal readonly ushort SectionEntrySize;
    internal readonly ushort SectionCount;
    internal readonly ushort SectionNamesIndex;
}

/// <summary>A program header (<c>Elf64_Phdr</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfSegment
{
    internal readonly uint Type;
    internal readonly uint Flags;
    internal readonly ulong Offset;
    internal readonly ulong Address;
    internal readonly ulong PhysicalAddress;
    internal readonly ulong FileSize;
    internal readonly ulong MemorySize;
    internal readonly ulong Alignment;

    internal bool IsLoad => Type == ElfConstants.SegmentLoad;

    internal bool IsCode => IsLoad && (Flags & ElfConstants.SegmentFlagExecute) != 0;

    /// <summary>Whether the part of the segment that comes from the file holds the virtual address.</summary>
    internal bool TryGetOffset(ulong address, out ulong offset)
    {
        var delta = unchecked(address - Address);
        offset = unchecked(Offset + delta);
        return address >= Address && delta < FileSize && offset >= Offset;
    }

    /// <summary>Whether the segment holds the file offset, and at which virtual address.</summary>
    internal bool TryGetAddress(ulong offset, out ulong address)
    {
        var delta = unchecked(offset - Offset);
        address = unchecked(Address + delta);
        return offset >= Offset && delta < FileSize && address >= Address;
    }
}

/// <summary>A section header (<c>Elf64_Shdr</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfSection
{
    internal readonly uint Name;
    internal readonly uint Type;
    internal readonly ulong Flags;
    internal readonly ulong Address;
    internal readonly ulong Offset;
    internal readonly ulong Size;
    internal readonly uint Link;
    internal readonly uint Info;
    internal readonly ulong Alignment;
    internal readonly ulong EntrySize;
}

/// <summary>A symbol (<c>Elf64_Sym</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct ElfSymbol
{
    internal readonly uint Name;
    internal readonly byte Info;
    internal readonly byte Other;
    internal readonly ushort SectionIndex;
    internal readonly ulong Value;
    internal readonly ulong Size;

    /// <summary>The type: <see cref="ElfConstants.SymbolFunction"/>, or <see cref="ElfConstants.SymbolIndirectFunction"/>, whose value is a resolver.</summary>
    internal byte Type => (byte)(Info & 0xf);

    internal byte Binding => (byte)(Info >> 4);

    /// <summary>Undefined symbols are imports: another file has the function.</summary>
    internal bool IsDefined => SectionIndex != 0;

    internal bool IsFunction => Type == ElfConstants.SymbolFunction;

    internal bool IsIndirectFunction => Type == ElfConstants.SymbolIndirectFunction;
}
