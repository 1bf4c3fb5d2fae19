using System.Buffers.Binary;
using System.Text;

namespace StackDepth.Native.Elf;

/// <summary>The <c>.gnu_debuglink</c> section: the separate debug file's name and the CRC-32 of its content.</summary>
internal readonly record struct DebugLink(string FileName, uint Crc)
{
    private const ulong MaxLength = 8192;

    /// <summary>Reads the link, if the file has a well-formed one.</summary>
    internal static DebugLink? Read(ElfImage image)
    {
        if (!image.TryGetSection(".gnu_debuglink"u8, out var section) || section.Size > MaxLength)
        {
            return null;
        }

        ReadOnlySpan<byte> bytes = image.ReadSection(section);
        var end = bytes.IndexOf((byte)0);
        var crcAt = (end + 4) & ~3;
        if (end <= 0 || crcAt + 4 > bytes.Length)
        {
            return null;
        }

        // A file name, never a path: the content of a file must not lead us elsewhere.
        var name = Encoding.UTF8.GetString(bytes[..end]);
        return name.Contains('/', StringComparison.Ordinal) || name is "." or ".."
            ? null
            : new DebugLink(name, BinaryPrimitives.ReadUInt32LittleEndian(bytes[crcAt..]));
    }
}
