namespace StackDepth.Native.Unwind;

/// <summary>A file as it was at a time: another content has another change time, another file of the same inode number another generation.</summary>
internal readonly record struct FileVersion(UnwindFileKey Key, uint Generation, ulong Changed, uint ChangedNanoseconds, ulong Size);

/// <summary>
/// Unwind tables of files in this process's memory, for calls that come again. Those that were not asked for the longest go when there are too many. What could not be read is not kept: it may be possible the next
/// time. All members may be called from any thread.
/// </summary>
/// <param name="maxBytes">How many bytes of tables are kept at most.</param>
internal sealed class UnwindTableShelf(long maxBytes)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<FileVersion, LinkedListNode<(FileVersion File, UnwindTable? Table)>> _byFile = [];
    private readonly LinkedList<(FileVersion File, UnwindTable? Table)> _byUse = new();
    private long _bytes;

    /// <summary>How many files are known.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
            {
                return _byFile.Count;
            }
        }
    }

    /// <summary>Whether a file is known; its table, null where it is known to have none.</summary>
    internal bool TryGet(FileVersion file, out UnwindTable? table)
    {
        lock (_lock)
        {
            if (!_byFile.TryGetValue(file, out var node))
            {
                table = null;
                return false;
            }

            _byUse.Remove(node);
            _byUse.AddFirst(node);
            table = node.Value.Table;
            return true;
        }
    }

    internal void Put(FileVersion file, UnwindTable? table)
    {
        lock (_lock)
        {
            if (_byFile.ContainsKey(file) || BytesOf(table) > maxBytes)
            {
                return;
            }

            _byFile.Add(file, _byUse.AddFirst((file, table)));
            for (_bytes += BytesOf(table); _bytes > maxBytes;)
            {
                var oldest = _byUse.Last!.Value;
                _byUse.RemoveLast();
                _byFile.Remove(oldest.File);
                _bytes -= BytesOf(oldest.Table);
            }
        }
    }

    // What an entry takes beside its table is some hundred bytes.
    private static long BytesOf(UnwindTable? table) =>
        256 + (table is null ? 0 : (table.Rows.Length * sizeof(uint)) + (table.PageStarts.Length * sizeof(uint)) + (table.Rules.Length * 8L));
}
