using System.Runtime.InteropServices;
using System.Text;

namespace StackDepth.Native.Load;

/// <summary>The memory that the verifier writes its log into; it grows until the log fits or <see cref="Largest"/> is reached.</summary>
internal sealed unsafe class LogBuffer : IDisposable
{
    internal const uint Smallest = 64 * 1024;
    internal const uint Largest = 128 * 1024 * 1024;

    private byte* _memory;

    internal LogBuffer() => Allocate(Smallest);

    internal uint Size { get; private set; }

    internal ulong Address => (ulong)_memory;

    /// <summary>
    /// Makes room for a log of <paramref name="wanted"/> bytes (as kernels since 6.4 tell it), or four times as much where it is 0. False at the largest size.
    /// </summary>
    internal bool Grow(uint wanted)
    {
        if (Size >= Largest)
        {
            return false;
        }

        NativeMemory.Free(_memory);
        _memory = null;
        Allocate((uint)Math.Min(Math.Max(wanted > Size ? wanted + 4096UL : Size * 4UL, Size * 2UL), Largest));
        return true;
    }

    /// <summary>The text up to the terminator. Logs are ASCII, and names in them are no reason to fail.</summary>
    internal string Text()
    {
        var bytes = new ReadOnlySpan<byte>(_memory, (int)Size);
        var end = bytes.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? bytes : bytes[..end]);
    }

    public void Dispose()
    {
        NativeMemory.Free(_memory);
        _memory = null;
    }

    // Zeroed: a kernel that fails before the verifier starts writes no terminator.
    private void Allocate(uint size)
    {
        _memory = (byte*)NativeMemory.AllocZeroed(size);
        Size = size;
    }
}
