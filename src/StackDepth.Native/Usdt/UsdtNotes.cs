using System.Buffers.Binary;
using System.Text;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Usdt;

/// <summary>A note of a USDT probe, addresses as the file means them now.</summary>
/// <param name="Provider">Such as <c>python</c>.</param>
/// <param name="Name">Such as <c>function__entry</c>.</param>
/// <param name="Address">The virtual address of the probe's nop.</param>
/// <param name="Semaphore">The virtual address of 16 bits that count who listens; 0 for none.</param>
/// <param name="Arguments">Where the arguments are, as the compiler wrote it.</param>
internal sealed record UsdtNote(string Provider, string Name, ulong Address, ulong Semaphore, string Arguments);

/// <summary>
/// Reads the section .note.stapsdt: notes of the owner <c>stapsdt</c> and of type 3, each with the addresses of the probe, of the section .stapsdt.base as the linker placed it, and of the semaphore,
/// and then three strings. A tool that moves sections afterwards, such as prelink, leaves notes as they are: by how much they are off, the address of .stapsdt.base says
/// (https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation).
/// </summary>
internal static class UsdtNotes
{
    private const uint ProbeType = 3;
    private const int HeaderBytes = 12, AddressBytes = 24;

    /// <summary>Many times what the largest programs have; a longer section is not read.</summary>
    private const ulong MaxSection = 16 << 20;

    /// <summary>The file's probes, in its order; none where it has no such section.</summary>
    /// <exception cref="ElfException">The notes are damaged.</exception>
    internal static List<UsdtNote> Read(ElfImage image)
    {
        if (!image.TryGetSection(".note.stapsdt"u8, out var section) || section.Type == ElfConstants.SectionNoBits)
        {
            return [];
        }

        if (section.Size > MaxSection)
        {
            throw new ElfException(image.Path, $"is damaged: its notes of USDT probes claim {section.Size} bytes.");
        }

        return Parse(image.ReadSection(section), image.TryGetSection(".stapsdt.base"u8, out var start) ? start.Address : 0, image.Path);
    }

    /// <param name="notes">The section's bytes.</param>
    /// <param name="baseAddress">Where .stapsdt.base is now; 0 where it is not known.</param>
    /// <param name="path">The file, for messages.</param>
    internal static List<UsdtNote> Parse(ReadOnlySpan<byte> notes, ulong baseAddress, string path)
    {
        var found = new List<UsdtNote>();
        while (notes.Length >= HeaderBytes)
        {
            var ownerSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            var size = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            var start = HeaderBytes + Padded(ownerSize);
            if (start + size > (ulong)notes.Length)
            {
                throw Damaged(path, $"note {found.Count + 1} ends behind them");
            }

            if (BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]) == ProbeType && notes.Slice(HeaderBytes, (int)ownerSize).SequenceEqual("stapsdt\0"u8))
            {
                found.Add(ParseProbe(notes.Slice((int)start, (int)size), baseAddress)
                    ?? throw Damaged(path, $"note {found.Count + 1} is too short for three addresses and three strings"));
            }

            // The last note need not be padded.
            notes = notes[(int)Math.Min((ulong)notes.Length, start + Padded(size))..];
        }

        return notes.IsEmpty ? found : throw Damaged(path, $"{notes.Length} bytes are left behind the last");
    }

    private static UsdtNote? ParseProbe(ReadOnlySpan<byte> note, ulong baseAddress)
    {
        if (note.Length < AddressBytes)
        {
            return null;
        }

        var address = BinaryPrimitives.ReadUInt64LittleEndian(note);
        var linkedBase = BinaryPrimitives.ReadUInt64LittleEndian(note[8..]);
        var semaphore = BinaryPrimitives.ReadUInt64LittleEndian(note[16..]);
        var moved = linkedBase == 0 || baseAddress == 0 ? 0 : unchecked(baseAddress - linkedBase);
        note = note[AddressBytes..];
        return TakeString(ref note) is { } provider && TakeString(ref note) is { } name && TakeString(ref note) is { } arguments
            ? new UsdtNote(provider, name, unchecked(address + moved), semaphore == 0 ? 0 : unchecked(semaphore + moved), arguments)
            : null;
    }

    private static string? TakeString(ref ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)0);
        if (end < 0)
        {
            return null;
        }

        var text = Encoding.UTF8.GetString(bytes[..end]);
        bytes = bytes[(end + 1)..];
        return text;
    }

    private static ulong Padded(uint size) => (size + 3UL) & ~3UL;

    private static ElfException Damaged(string path, string problem) => new(path, $"is damaged: of its notes of USDT probes, {problem}.");
}
