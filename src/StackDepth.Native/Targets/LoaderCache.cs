using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace StackDepth.Native.Targets;

/// <summary>The dynamic loader's cache, /etc/ld.so.cache, in the format "glibc-ld.so.cache1.1", alone or after the old format. Damaged entries are left out.</summary>
internal sealed class LoaderCache
{
    private const int HeaderSize = 48;
    private const int EntrySize = 24;
    private const int OldHeaderSize = 16;
    private const int OldEntrySize = 12;
    private const long MaxLength = 64 << 20;

    // FLAG_ELF_LIBC6 with the machine's mark.
    private const int FlagsX64 = 0x0303;
    private const int FlagsArm64 = 0x0a03;

    private readonly List<LoaderCacheEntry> _entries = [];

    private LoaderCache()
    {
    }

    /// <summary>The entries for this machine, in the loader's order.</summary>
    internal IReadOnlyList<LoaderCacheEntry> Entries => _entries;

    /// <summary>Reads the cache; one that is missing, too large or in another format is empty: default directories are searched after it anyway.</summary>
    internal static LoaderCache Read(string path)
    {
        var file = new FileInfo(path);
        return file.Exists && file.Length <= MaxLength ? Parse(File.ReadAllBytes(path)) : new LoaderCache();
    }

    internal static LoaderCache Parse(ReadOnlySpan<byte> bytes)
    {
        var result = new LoaderCache();
        if (bytes.StartsWith("ld.so-1.7.0\0"u8) && bytes.Length >= OldHeaderSize)
        {
            var skip = (OldHeaderSize + (BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]) * (long)OldEntrySize) + 7) & ~7L;
            bytes = skip < bytes.Length ? bytes[(int)skip..] : [];
        }

        if (!bytes.StartsWith("glibc-ld.so.cache1.1"u8) || bytes.Length < HeaderSize)
        {
            return result;
        }

        var wanted = RuntimeInformation.OSArchitecture == Architecture.Arm64 ? FlagsArm64 : FlagsX64;
        var count = Math.Min(BinaryPrimitives.ReadUInt32LittleEndian(bytes[20..]), (uint)((bytes.Length - HeaderSize) / EntrySize));
        for (var i = 0; i < count; i++)
        {
            var entry = bytes.Slice(HeaderSize + (i * EntrySize), EntrySize);
            if (BinaryPrimitives.ReadInt32LittleEndian(entry) == wanted
                && Text(bytes, BinaryPrimitives.ReadUInt32LittleEndian(entry[4..])) is { } name
                && Text(bytes, BinaryPrimitives.ReadUInt32LittleEndian(entry[8..])) is { } path && path.StartsWith('/'))
            {
                result._entries.Add(new LoaderCacheEntry(name, path, BinaryPrimitives.ReadUInt64LittleEndian(entry[16..]) != 0));
            }
        }

        return result;
    }

    private static string? Text(ReadOnlySpan<byte> bytes, uint offset)
    {
        const int MaxPath = 4096;
        if (offset >= bytes.Length)
        {
            return null;
        }

        var rest = bytes[(int)offset..];
        var end = rest[..Math.Min(rest.Length, MaxPath)].IndexOf((byte)0);
        return end > 0 ? Encoding.UTF8.GetString(rest[..end]) : null;
    }
}

/// <summary>One library of the cache.</summary>
/// <param name="Name">Its DT_SONAME.</param>
/// <param name="Path">Where it is.</param>
/// <param name="NeedsHardware">Built for processors with more than the base instruction set (glibc-hwcaps): whether the loader takes it depends on the machine.</param>
internal readonly record struct LoaderCacheEntry(string Name, string Path, bool NeedsHardware);
