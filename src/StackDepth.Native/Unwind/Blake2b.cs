using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CompressAll(ReadOnlySpan<byte> blocks)
    {
        for (var at = 0; at < blocks.Length; at += BlockSize)
        {
            _pending = BlockSize;
            Compress(blocks.Slice(at, BlockSize), isLast: false);
        }

        _pending = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Compress(ReadOnlySpan<byte> block, bool isLast)
    {
        _length += (ulong)_pending;
        var m = MemoryMarshal.Cast<byte, ulong>(block)[..16];
        var sigma = Sigma;
        var low = Vector256.Create<ulong>(_state.AsSpan(0, 4));
        var high = Vector256.Create<ulong>(_state.AsSpan(4, 4));
        var a = low;
        var b = high;
        var c = Vector256.Create(InitialValue[..4]);
        var d = Vector256.Create(InitialValue[4..]) ^ Vector256.Create(_length, 0, isLast ? ulong.MaxValue : 0, 0);
        for (var s = 0; s < sigma.Length; s += 16)
        {
            var order = sigma.Slice(s, 16);
            a = a + b + Vector256.Create(m[order[0]], m[order[2]], m[order[4]], m[order[6]]);
            d = Rotate(d ^ a, 32);
            c += d;
            b = Rotate(b ^ c, 24);
            a = a + b + Vector256.Create(m[order[1]], m[order[3]], m[order[5]], m[order[7]]);
            d = Rotate(d ^ a, 16);
            c += d;
            b = Rotate(b ^ c, 63);

            // The columns were mixed; turned by one, two and three lanes, the diagonals are columns.
            b = Vector256.Shuffle(b, Vector256.Create(1UL, 2, 3, 0));
            c = Vector256.Shuffle(c, Vector256.Create(2UL, 3, 0, 1));
            d = Vector256.Shuffle(d, Vector256.Create(3UL, 0, 1, 2));
            a = a + b + Vector256.Create(m[order[8]], m[order[10]], m[order[12]], m[order[14]]);
            d = Rotate(d ^ a, 32);
            c += d;
            b = Rotate(b ^ c, 24);
            a = a + b + Vector256.Create(m[order[9]], m[order[11]], m[order[13]], m[order[15]]);
            d = Rotate(d ^ a, 16);
            c += d;
            b = Rotate(b ^ c, 63);
            b = Vector256.Shuffle(b, Vector256.Create(3UL, 0, 1, 2));
            c = Vector256.Shuffle(c, Vector256.Create(2UL, 3, 0, 1));
            d = Vector256.Shuffle(d, Vector256.Create(1UL, 2, 3, 0));
        }

        (low ^ a ^ c).CopyTo(_state);
        (high ^ b ^ d).CopyTo(_state, 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<ulong> Rotate(Vector256<ulong> value, int bits) => (value >>> bits) | (value << (64 - bits));
}
