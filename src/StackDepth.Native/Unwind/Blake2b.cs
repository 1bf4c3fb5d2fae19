using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace StackDepth.Native.Unwind;

/// <summary>
/// BLAKE2b (RFC 7693) with 32 bytes of output. The keys of the cache must not collide even where somebody wants them to, and the framework's SHA-256 would bring OpenSSL into the process:
/// more time than reading a table takes, and an end of the process where OpenSSL is missing.
/// </summary>
internal sealed class Blake2b
{
    internal const int HashSize = 32;

    private const int BlockSize = 128;

    private static ReadOnlySpan<ulong> InitialValue =>
    [
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    ];

    // RFC 7693, 2.7; rounds 10 and 11 are 0 and 1 again.
    private static ReadOnlySpan<byte> Sigma =>
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
        11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4,
        7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8,
        9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13,
        2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9,
        12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11,
        13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10,
        6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5,
        10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3,
    ];

    private readonly ulong[] _state = InitialValue.ToArray();
    private readonly byte[] _block = new byte[BlockSize];
    private ulong _length;
    private int _pending;

    internal Blake2b() => _state[0] ^= 0x01010000 ^ HashSize;

    internal void Append(ReadOnlySpan<byte> data)
    {
        // The last block is marked as such, so a full one waits until there is more.
        while (!data.IsEmpty)
        {
            if (_pending == BlockSize)
            {
                Compress(_block, isLast: false);
                _pending = 0;
            }

            if (_pending == 0 && data.Length > BlockSize)
            {
                var whole = (data.Length - 1) / BlockSize * BlockSize;
                CompressAll(data[..whole]);
                data = data[whole..];
            }

            var taken = Math.Min(BlockSize - _pending, data.Length);
            data[..taken].CopyTo(_block.AsSpan(_pending));
            _pending += taken;
            data = data[taken..];
        }
    }

    internal void Append(ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        Append(bytes);
    }

    /// <summary>Ends the hash; nothing can be appended any more.</summary>
    internal void Finish(Span<byte> hash)
    {
        _block.AsSpan(_pending).Clear();
        Compress(_block, isLast: true);
        MemoryMarshal.AsBytes(_state.AsSpan())[..HashSize].CopyTo(hash);
    }

    private void CompressAll(ReadOnlySpan<byte> blocks)
    {
        for (var at = 0; at < blocks.Length; at += BlockSize)
        {
            _pending = BlockSize;
            Compress(blocks.Slice(at, BlockSize), isLast: false);
        }

        _pending = 0;
    }

    private void Compress(ReadOnlySpan<byte> block, bool isLast)
    {
        _length += (ulong)_pending;
        ref var m = ref Unsafe.As<byte, ulong>(ref MemoryMarshal.GetReference(block[..BlockSize]));
        ref var h = ref MemoryMarshal.GetReference(_state.AsSpan(0, 8));
        ulong a0 = h, a1 = Unsafe.Add(ref h, 1), a2 = Unsafe.Add(ref h, 2), a3 = Unsafe.Add(ref h, 3);
        ulong b0 = Unsafe.Add(ref h, 4), b1 = Unsafe.Add(ref h, 5), b2 = Unsafe.Add(ref h, 6), b3 = Unsafe.Add(ref h, 7);
        ulong c0 = 0x6a09e667f3bcc908, c1 = 0xbb67ae8584caa73b, c2 = 0x3c6ef372fe94f82b, c3 = 0xa54ff53a5f1d36f1;
        ulong d0 = 0x510e527fade682d1 ^ _length, d1 = 0x9b05688c2b3e6c1f, d2 = isLast ? ~0x1f83d9abfb41bd6bUL : 0x1f83d9abfb41bd6b, d3 = 0x5be0cd19137e2179;
        ref var order = ref MemoryMarshal.GetReference(Sigma);
        // Columns, then diagonals. In scalars: vectors are no faster with this order of words, and take the JIT compiler four times as long.
        for (var round = 0; round < 12; round++)
        {
            Mix(ref a0, ref b0, ref c0, ref d0, ref m, ref order);
            Mix(ref a1, ref b1, ref c1, ref d1, ref m, ref Unsafe.Add(ref order, 2));
            Mix(ref a2, ref b2, ref c2, ref d2, ref m, ref Unsafe.Add(ref order, 4));
            Mix(ref a3, ref b3, ref c3, ref d3, ref m, ref Unsafe.Add(ref order, 6));
            Mix(ref a0, ref b1, ref c2, ref d3, ref m, ref Unsafe.Add(ref order, 8));
            Mix(ref a1, ref b2, ref c3, ref d0, ref m, ref Unsafe.Add(ref order, 10));
            Mix(ref a2, ref b3, ref c0, ref d1, ref m, ref Unsafe.Add(ref order, 12));
            Mix(ref a3, ref b0, ref c1, ref d2, ref m, ref Unsafe.Add(ref order, 14));
            order = ref Unsafe.Add(ref order, 16);
        }

        h ^= a0 ^ c0;
        Unsafe.Add(ref h, 1) ^= a1 ^ c1;
        Unsafe.Add(ref h, 2) ^= a2 ^ c2;
        Unsafe.Add(ref h, 3) ^= a3 ^ c3;
        Unsafe.Add(ref h, 4) ^= b0 ^ d0;
        Unsafe.Add(ref h, 5) ^= b1 ^ d1;
        Unsafe.Add(ref h, 6) ^= b2 ^ d2;
        Unsafe.Add(ref h, 7) ^= b3 ^ d3;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Mix(ref ulong a, ref ulong b, ref ulong c, ref ulong d, ref ulong m, ref byte order)
    {
        a += b + Unsafe.Add(ref m, (int)order);
        d = BitOperations.RotateRight(d ^ a, 32);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 24);
        a += b + Unsafe.Add(ref m, (int)Unsafe.Add(ref order, 1));
        d = BitOperations.RotateRight(d ^ a, 16);
        c += d;
        b = BitOperations.RotateRight(b ^ c, 63);
    }
}
