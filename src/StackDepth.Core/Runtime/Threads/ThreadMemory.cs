using System.Buffers.Binary;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime.Threads;

/// <summary>
/// The memory of a thread's process: first the part of the stack that was copied with the registers, and beyond it <c>/proc/TID/mem</c>, in blocks. That file belongs to the memory that the process had when it was opened, whatever
/// becomes of the id; and unlike process_vm_readv(2) it never waits for a page that the process has the serving of (userfaultfd).
/// </summary>
internal sealed unsafe class ThreadMemory(SystemCalls sys) : IDisposable
{
    private const int PageBytes = 4096;
    private const int MaxBlockBytes = 64 * 1024;
    private const int OpenReadOnlyCloseOnExec = 0x8_0000;

    private readonly byte[] _block = new byte[MaxBlockBytes];
    private byte[] _top = [];
    private ulong _topStart;
    private ulong _blockStart;
    private int _blockLength;
    private int _nextBlock;
    private int _threadId;
    private FileDescriptor? _file;

    /// <summary>Whether anything was read that was not copied with the registers.</summary>
    internal bool WasReadBeyond { get; private set; }

    /// <summary>Turns to a thread.</summary>
    internal void Enter(int threadId, ulong stackPointer, byte[] top)
    {
        Close();
        (_threadId, _topStart, _top) = (threadId, stackPointer, top);
        (_blockLength, _nextBlock, WasReadBeyond) = (0, PageBytes, false);
    }

    internal bool TryReadWord(ulong address, out ulong word)
    {
        var within = address - _topStart;
        if (within < (ulong)_top.Length && (ulong)_top.Length - within >= sizeof(long))
        {
            word = BinaryPrimitives.ReadUInt64LittleEndian(_top.AsSpan((int)within));
            return true;
        }
        within = address - _blockStart;
        if (within < (ulong)_blockLength && (ulong)_blockLength - within >= sizeof(long))
        {
            word = BinaryPrimitives.ReadUInt64LittleEndian(_block.AsSpan((int)within));
            return true;
        }
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        var read = TryRead(address, bytes);
        word = read ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;
        return read;
    }

    internal bool TryRead(ulong address, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var piece = Known(address, _topStart, _top);
            if (piece.IsEmpty)
                piece = Known(address, _blockStart, _block.AsSpan(0, _blockLength));
            if (piece.IsEmpty)
            {
                if (!TryReadBlock(address))
                    return false;
                continue;
            }
            var length = int.Min(piece.Length, bytes.Length);
            piece[..length].CopyTo(bytes);
            bytes = bytes[length..];
            address += (ulong)length;
        }
        return true;
    }

    public void Dispose() => Close();

    private static ReadOnlySpan<byte> Known(ulong address, ulong start, ReadOnlySpan<byte> bytes) =>
        address - start < (ulong)bytes.Length ? bytes[(int)(address - start)..] : default;

    /// <summary>Reads the page of an address and what follows it. A stack that is read on is deep: each block is twice as long as the one before.</summary>
    private bool TryReadBlock(ulong address)
    {
        WasReadBeyond = true;
        _blockLength = 0;
        _file ??= Open();
        if (_file.IsInvalid || address > long.MaxValue)
            return false;
        var start = address & ~(ulong)(PageBytes - 1);
        fixed (byte* block = _block)
        {
            // Short where the mapping ends, or a page cannot be had.
            var read = sys.PRead(_file.Value, block, (nuint)_nextBlock, (long)start);
            if (read <= 0 || (ulong)read <= address - start)
                return false;
            (_blockStart, _blockLength) = (start, (int)read);
        }
        _nextBlock = int.Min(_nextBlock * 2, MaxBlockBytes);
        return true;
    }

    private FileDescriptor Open()
    {
        var descriptor = new FileDescriptor(sys);
        if (LibC.Open(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/{_threadId}/mem"), OpenReadOnlyCloseOnExec, 0) is >= 0 and var opened)
            descriptor.Take(opened);
        return descriptor;
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }
}
