using StackDepth.Native.Elf;

namespace StackDepth.Native.Targets;

/// <summary>Reads a file's code at rising offsets, in blocks: thousands of functions lie close together.</summary>
internal sealed class CodeWindow(ElfImage image)
{
    private const int BlockBytes = 64 * 1024;

    private readonly byte[] _block = new byte[BlockBytes];
    private ulong _start;
    private int _length;

    /// <summary>Up to <paramref name="length"/> bytes from <paramref name="offset"/>: fewer at the end of the file. Valid until the next call.</summary>
    internal ReadOnlySpan<byte> At(ulong offset, int length)
    {
        var wanted = (int)Math.Min((ulong)length, image.Length - offset);
        if (offset < _start || offset + (ulong)wanted > _start + (ulong)_length)
        {
            _length = (int)Math.Min((ulong)BlockBytes, image.Length - offset);
            _start = offset;
            image.Fill(offset, _block.AsSpan(0, _length));
        }

        return _block.AsSpan((int)(offset - _start), wanted);
    }
}
