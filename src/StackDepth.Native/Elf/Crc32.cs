using System.Buffers.Binary;

namespace StackDepth.Native.Elf;

/// <summary>The CRC-32 of zlib and of .gnu_debuglink (polynomial 0xEDB88320, reflected), eight bytes a step.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = BuildTable();

    /// <summary>Continues a checksum; begin with 0.</summary>
    internal static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        var table = Table;
        crc = ~crc;
        for (; data.Length >= 8; data = data[8..])
        {
            var low = crc ^ BinaryPrimitives.ReadUInt32LittleEndian(data);
            var high = BinaryPrimitives.ReadUInt32LittleEndian(data[4..]);
            crc = table[1792 + (low & 0xff)] ^ table[1536 + ((low >> 8) & 0xff)] ^ table[1280 + ((low >> 16) & 0xff)] ^ table[1024 + (low >> 24)]
                ^ table[768 + (high & 0xff)] ^ table[512 + ((high >> 8) & 0xff)] ^ table[256 + ((high >> 16) & 0xff)] ^ table[high >> 24];
        }

        foreach (var value in data)
        {
            crc = (crc >> 8) ^ table[(crc ^ value) & 0xff];
        }

        return ~crc;
    }

    private static uint[] BuildTable()
    {
        var table = new uint[8 * 256];
        for (var i = 0u; i < 256; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
            {
                value = (value & 1) != 0 ? (value >> 1) ^ 0xEDB88320 : value >> 1;
            }

            table[i] = value;
        }

        for (var i = 256; i < table.Length; i++)
        {
            var before = table[i - 256];
            table[i] = (before >> 8) ^ table[before & 0xff];
        }

        return table;
    }
}
