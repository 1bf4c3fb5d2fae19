using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>The table of the vDSO, code that the kernel maps into every process. It is in no file, but all 64-bit processes of a kernel have the same, so this process's own serves.</summary>
internal static class Vdso
{
    private const string Name = "[vdso]";

    // Two pages, today.
    private const ulong MaxLength = 1 << 20;

    /// <summary>The table of this machine's vDSO, its offsets counted from the start of the image; null where there is none, or this process's is not the x86-64 one.</summary>
    /// <exception cref="ElfException">The image is not as the kernel makes it.</exception>
    internal static UnwindTable? Load() =>
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && TryFind(File.ReadLines("/proc/self/maps"), out var start, out var length)
            ? Build(Copy(start, length))
            : null;

    /// <summary>The image, as it is in this process's memory; null where there is none.</summary>
    internal static byte[]? Image() => TryFind(File.ReadLines("/proc/self/maps"), out var start, out var length) ? Copy(start, length) : null;

    /// <summary>The table of a vDSO image. It has no section headers when it is in memory.</summary>
    internal static UnwindTable Build(byte[] image)
    {
        var segments = ReadSegments(image);
        var text = new TextMap(Name, segments, (ulong)image.Length);
        var frames = UnwindSource.FindByIndex(Name, segments, (ulong)image.Length, (offset, length) => image.AsSpan((int)offset, (int)length).ToArray());
        var source = new UnwindSource { Sections = frames is { } found ? [found] : [], Text = text, FileLength = (ulong)image.Length, BuildId = null };
        return UnwindBuilder.Build(source).WithProof(text, (offset, buffer) => image.AsSpan((int)offset, buffer.Length).CopyTo(buffer));
    }

    internal static bool TryFind(IEnumerable<string> maps, out ulong start, out ulong length)
    {
        foreach (var line in maps)
        {
            // start-end permissions offset device inode name; a file of such a name has a device.
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields is [var range, ['r', ..], _, "00:00", "0", Name] && range.Split('-') is [var from, var to]
                && ulong.TryParse(from, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out start)
                && ulong.TryParse(to, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var end)
                && end > start && end - start <= MaxLength)
            {
                length = end - start;
                return true;
            }
        }

        (start, length) = (0, 0);
        return false;
    }

    // It stays mapped as long as the process lives.
    private static unsafe byte[] Copy(ulong start, ulong length) => new ReadOnlySpan<byte>((void*)start, (int)length).ToArray();

    private static ElfSegment[] ReadSegments(ReadOnlySpan<byte> image)
    {
        var header = image.Length >= Unsafe.SizeOf<ElfHeader>() && image.StartsWith("\u007fELF"u8) ? MemoryMarshal.Read<ElfHeader>(image) : default;
        if (image[..Math.Min(6, image.Length)] is not [.., ElfConstants.Class64, ElfConstants.LittleEndian] || header.Machine != ElfConstants.MachineX64)
        {
            throw new ElfException(Name, "is not an x86-64 ELF image.");
        }

        var size = (ulong)Unsafe.SizeOf<ElfSegment>() * header.SegmentCount;
        if (header.SegmentEntrySize != Unsafe.SizeOf<ElfSegment>() || header.SegmentTableOffset > (ulong)image.Length || size > (ulong)image.Length - header.SegmentTableOffset)
        {
            throw new ElfException(Name, "is damaged: its program headers are not within it.");
        }

        return MemoryMarshal.Cast<byte, ElfSegment>(image.Slice((int)header.SegmentTableOffset, (int)size)).ToArray();
    }
}
