using System.Buffers.Binary;

namespace StackDepth.Core.Tests.Interpreter;

/// <summary>The memory of a process: pages that are there, and what was read of them.</summary>
internal sealed class UserMemory
{
    internal const int PageBytes = 4096;
    private const ulong TaskSize = 0x7fff_ffff_f000;
    private readonly Dictionary<ulong, byte[]> _pages = [];

    /// <summary>All reads by programs: address, length, and whether all of it was there.</summary>
    internal List<(ulong Address, int Size, bool Done)> Reads { get; } = [];

    /// <summary>A program's read: all of it, or nothing.</summary>
    internal bool Read(ulong address, Span<byte> target)
    {
        var done = TryCopy(address, target);
        Reads.Add((address, target.Length, done));
        if (!done)
            target.Clear();
        return done;
    }

    /// <summary>The word at an address; null where its memory is not there.</summary>
    internal ulong? Word(ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return TryCopy(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }

    /// <summary>Writes an aligned word, in a page that is made for it where there is none.</summary>
    internal void Write(ulong address, ulong value)
    {
        if (address % sizeof(ulong) != 0 || address >= TaskSize)
            throw new ArgumentOutOfRangeException(nameof(address));
        BinaryPrimitives.WriteUInt64LittleEndian(Page(address).AsSpan((int)(address % PageBytes)), value);
    }

    /// <summary>The page that holds an address, made where there is none.</summary>
    internal byte[] Page(ulong address)
    {
        if (!_pages.TryGetValue(address / PageBytes, out var page))
            _pages.Add(address / PageBytes, page = new byte[PageBytes]);
        return page;
    }

    internal void Unmap(ulong address) => _pages.Remove(address / PageBytes);

    private bool TryCopy(ulong address, Span<byte> target)
    {
        if (address >= TaskSize || (ulong)target.Length > TaskSize - address)
            return false;
        for (var copied = 0; copied < target.Length;)
        {
            var at = address + (ulong)copied;
            if (!_pages.TryGetValue(at / PageBytes, out var page))
                return false;
            var source = page.AsSpan((int)(at % PageBytes));
            source = source[..int.Min(source.Length, target.Length - copied)];
            source.CopyTo(target[copied..]);
            copied += source.Length;
        }
        return true;
    }
}
