using System.Runtime.InteropServices;
using StackDepth.Native.Load;

namespace StackDepth.Native.Unwind;

/// <summary>
/// The space of words in the map of tables, handed out from the beginning to the end. Chunks are made when they are needed, some ahead; those that are full are closed, and stay
/// alive by their slots. Not thread-safe.
/// </summary>
/// <remarks>
/// A chunk is in its slot long before the call that puts it there comes back (see <see cref="BpfMap.SetInner"/>). So the calls are made beside the caller, the words written meanwhile, and
/// a table counts as stored once the slots are seen to be filled.
/// </remarks>
internal sealed class UnwindWords : IDisposable
{
    /// <summary>1 MiB: the tables of a Python and its libraries.</summary>
    private const int ReservedAhead = 16;

    private readonly BpfMap _map;

    // Those that are not full: the first is the one at the cursor.
    private readonly List<BpfMap> _open = [];
    private Task _placing = Task.CompletedTask;
    private int _chunks;
    private uint[] _last = new uint[UnwindMaps.ChunkWords];
    private uint _next;

    /// <exception cref="Sys.KernelException">The kernel refuses to make chunks.</exception>
    internal UnwindWords(BpfMap map)
    {
        _map = map;
        Reserve(1);
    }

    /// <summary>The words that are taken.</summary>
    internal uint Used => _next;

    private uint Capacity => (uint)_map.Spec.MaxEntries << UnwindMaps.WordBits;

    /// <summary>Where a table's index would be and the table end.</summary>
    /// <returns>False when there is no room for it.</returns>
    internal bool TryPlace(UnwindTable table, out uint indexWord, out uint end)
    {
        var starts = table.PageStarts;
        var position = (ulong)_next;
        for (var page = 0; page < table.PageCount; page++)
        {
            var rows = starts[page + 1] - starts[page];
            position = Place(position, rows) + rows;
        }

        var last = position + (uint)table.PageCount;
        (indexWord, end) = ((uint)position, (uint)last);
        return last <= Capacity;
    }

    /// <summary>Stores a table that <see cref="TryPlace"/> found room for.</summary>
    /// <param name="table">The table.</param>
    /// <param name="rules">The numbers of its rules.</param>
    /// <returns>The word of its index.</returns>
    /// <exception cref="Sys.KernelException">The kernel refuses; nothing has changed that anybody reads.</exception>
    internal uint Store(UnwindTable table, ReadOnlySpan<uint> rules)
    {
        if (!TryPlace(table, out var indexWord, out var end))
        {
            throw new InvalidOperationException("There is no room for the table.");
        }

        Reserve((int)((end + UnwindMaps.ChunkWords - 1) >> UnwindMaps.WordBits));
        var first = (int)(_next >> UnwindMaps.WordBits);
        var buffers = Fill(table, rules, first, indexWord, end);
        for (var i = 0; i < buffers.Length; i++)
        {
            // The words of other tables in the first of them are written once more, as they are.
            _open[i].Update(MemoryMarshal.AsBytes<uint>([0]), MemoryMarshal.AsBytes(buffers[i].AsSpan()));
        }

        WaitUntilPlaced((uint)first, (uint)buffers.Length);
        _next = end;
        var full = (int)(end >> UnwindMaps.WordBits) - first;
        _last = full < buffers.Length ? buffers[full] : new uint[UnwindMaps.ChunkWords];
        _open[..full].ForEach(static chunk => chunk.Dispose());
        _open.RemoveRange(0, full);
        return indexWord;
    }

    public void Dispose()
    {
        // Its outcome is Store's to tell.
        Task.WaitAny(_placing);
        _open.ForEach(static chunk => chunk.Dispose());
        _open.Clear();
    }

    private uint[][] Fill(UnwindTable table, ReadOnlySpan<uint> rules, int first, uint indexWord, uint end)
    {
        const uint RuleMask = 0xff_ffff, InChunk = UnwindMaps.ChunkWords - 1;
        var buffers = new uint[(int)((end - 1) >> UnwindMaps.WordBits) - first + 1][];
        buffers[0] = (uint[])_last.Clone();
        for (var i = 1; i < buffers.Length; i++)
        {
            buffers[i] = new uint[UnwindMaps.ChunkWords];
        }

        var starts = table.PageStarts;
        var position = (ulong)_next;
        for (var page = 0; page < table.PageCount; page++)
        {
            var rows = table.Rows.AsSpan((int)starts[page]..(int)starts[page + 1]);
            position = Place(position, (uint)rows.Length);
            var target = buffers[(int)(position >> UnwindMaps.WordBits) - first].AsSpan((int)(position & InChunk), rows.Length);
            for (var i = 0; i < rows.Length; i++)
            {
                target[i] = (rows[i] & ~RuleMask) | rules[(int)(rows[i] & RuleMask)];
            }

            var index = indexWord + (uint)page;
            buffers[(int)(index >> UnwindMaps.WordBits) - first][index & InChunk] = ((uint)position << UnwindMaps.PageBits) | (uint)(rows.Length - 1);
            position += (uint)rows.Length;
        }

        return buffers;
    }

    // The rows of one page lie in one chunk.
    private static ulong Place(ulong position, uint rows)
    {
        const ulong InChunk = UnwindMaps.ChunkWords - 1;
        if (rows is < 1 or > UnwindMaps.MaxPageRows)
        {
            throw new ArgumentException($"A page of an unwind table has 1 to {UnwindMaps.MaxPageRows} rows, not {rows}.");
        }

        return (position & InChunk) + rows > UnwindMaps.ChunkWords ? (position | InChunk) + 1 : position;
    }

    private void Reserve(int chunks)
    {
        if (chunks <= _chunks)
        {
            return;
        }

        var added = new BpfMap[Math.Min(Math.Max(chunks - _chunks, ReservedAhead), _map.Spec.MaxEntries - _chunks)];
        try
        {
            for (var i = 0; i < added.Length; i++)
            {
                added[i] = _map.CreateInner();
            }
        }
        catch
        {
            Array.ForEach(added, static chunk => chunk?.Dispose());
            throw;
        }

        var first = (uint)_chunks;
        _chunks += added.Length;
        _open.AddRange(added);
        var placing = Task.Factory.StartNew(() => _map.SetInner(first, added), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _placing = _placing.IsCompletedSuccessfully ? placing : Task.WhenAll(_placing, placing);
    }

    private void WaitUntilPlaced(uint first, uint count)
    {
        Span<byte> id = stackalloc byte[sizeof(uint)];
        var spin = default(SpinWait);
        for (var chunk = first; chunk < first + count && !_placing.IsCompleted;)
        {
            if (_map.TryLookup(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in chunk)), id))
            {
                chunk++;
            }
            else
            {
                spin.SpinOnce();
            }
        }

        if (_placing.IsCompleted)
        {
            _placing.GetAwaiter().GetResult();
        }
    }
}
