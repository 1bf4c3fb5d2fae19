using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Native.Load;

namespace StackDepth.Runtime;

/// <summary>Takes kept hits out of the kernel, each once (<see cref="KeptTaker"/>).</summary>
internal sealed class KeptIntervals(KeptLayout layout, BpfProgram program) : IDisposable
{
    private readonly byte[] _context = new byte[KeptTaker.ContextBytes(layout)];

    /// <summary>
    /// What <paramref name="read"/> finds in a place, which is empty then. Null where a hit is being written there: that is one of the next interval, and what it replaces was the worst of all that are kept, which a
    /// result never has.
    /// </summary>
    /// <param name="key">The key; empty for what is kept over all.</param>
    /// <param name="index">Which place of its order.</param>
    /// <param name="place">The place's own number.</param>
    /// <param name="read">Reads it.</param>
    internal byte[]? Take(ReadOnlySpan<byte> key, int index, int place, Func<byte[]?> read)
    {
        if (Run(key, index, place, locks: true) != KeptTaker.Done)
            return null;
        try
        {
            return read();
        }
        finally
        {
            _ = Run(key, index, place, locks: false);
        }
    }

    public void Dispose() => program.Dispose();

    private uint Run(ReadOnlySpan<byte> key, int index, int place, bool locks)
    {
        _context.AsSpan().Clear();
        BinaryPrimitives.WriteInt64LittleEndian(_context.AsSpan(KeptTaker.Locks), locks ? 1 : 0);
        BinaryPrimitives.WriteInt64LittleEndian(_context.AsSpan(KeptTaker.Index), index);
        BinaryPrimitives.WriteInt64LittleEndian(_context.AsSpan(KeptTaker.Place), place);
        key.CopyTo(_context.AsSpan(KeptTaker.Key));
        return program.Run(_context);
    }
}
