using System.Runtime.InteropServices;
using StackDepth.Native.Load;

namespace StackDepth.Native.Unwind;

/// <summary>
/// The space of words in the map of tables, handed out from the beginning to the end. Chunks are made ahead, beside the caller, as each call that puts chunks into the map waits for
/// a grace period of RCU: only a table that is larger than all that is ahead waits for one. Those that are full are closed, and stay alive by their slots. Not thread-safe.
/// </summary>
internal sealed class UnwindWords : IDisposable
{
    /// <summary>1 MiB: the tables of a Python and its libraries.</summary>
    private const int ReservedAhead = 16;

    /// <summary>Fewer free chunks than these, and more are made.</summary>
    private const int LowMark = 8;

    private readonly BpfMap _map;

    // Those that are in their slots and not full: the first is the one at the cursor.
    private readonly List<BpfMap> _open = [];
    private int _chunks;
    private Task<BpfMap[]> _coming;
    private uint[] _last = new uint[UnwindMaps.ChunkWords];
    private uint _next;

    /// <summary>Begins to make the first chunks, beside the caller.</summary>
    internal UnwindWords(BpfMap map)
    {
        _map = map;
        _coming = Begin();
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

        _next = end;
        var full = (int)(end >> UnwindMaps.WordBits) - first;
        _last = full < buffers.Length ? buffers[full] : new uint[UnwindMaps.ChunkWords];
        _open[..full].ForEach(static chunk => chunk.Dispose());
        _open.RemoveRange(0, full);
        if (_open.Count < LowMark && _chunks < _map.Spec.MaxEntries && _coming.IsCompletedSuccessfully)
        {
            Take();
            _coming = _open.Count < LowMark ? Begin() : _coming;
        }

        return indexWord;
    }

    public void Dispose()
    {
        // What went wrong with it is Store's to tell.
        Task.WaitAny(_coming);
        if (_coming.IsCompletedSuccessfully)
        {
            Take();
        }

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

    // Those that are coming first: their slots are the next.
    private void Reserve(int chunks)
    {
        if (chunks <= _chunks)
        {
            return;
        }

        if (_coming.IsFaulted)
        {
            _coming = Begin();
        }

        Take();
        if (chunks > _chunks)
        {
            Add(Make(_map, _chunks, Math.Max(chunks - _chunks, ReservedAhead)));
        }
    }

    private Task<BpfMap[]> Begin()
    {
        var first = _chunks;
        return Task.Run(() => Make(_map, first, ReservedAhead));
    }

    // Waits for them; a second time there are none.
    private void Take()
    {
        Add(_coming.GetAwaiter().GetResult());
        _coming = Task.FromResult<BpfMap[]>([]);
    }

    private void Add(BpfMap[] added)
    {
        _chunks += added.Length;
        _open.AddRange(added);
    }

    private static BpfMap[] Make(BpfMap map, int first, int count)
    {
        var made = new BpfMap[Math.Min(count, map.Spec.MaxEntries - first)];
        try
        {
            for (var i = 0; i < made.Length; i++)
            {
                made[i] = map.CreateInner();
            }

            map.SetInner((uint)first, made);
            return made;
        }
        catch
        {
            Array.ForEach(made, static chunk => chunk?.Dispose());
            throw;
        }
    }
}
