using System.Runtime.InteropServices;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Unwind;

/// <summary>What became of a table that was to be installed.</summary>
internal enum UnwindInstall
{
    /// <summary>It is in the maps.</summary>
    Installed,

    /// <summary>The same table was there already, for another file, and serves both.</summary>
    Shared,

    /// <summary>There are no words left for it: the file is marked <see cref="UnwindFileFlags.Unusable"/>.</summary>
    NoWords,

    /// <summary>There are as many files as the map takes: the walker does not know this one.</summary>
    NoFiles,
}

/// <summary>
/// Writes the tables of files into the maps that the walker reads: rules, then words, then the file's entry, so that a reader sees all of a table or nothing. Thread-safe.
/// The maps stay the caller's.
/// </summary>
internal sealed class UnwindTableWriter : IDisposable
{
    private readonly Lock _gate = new();
    private readonly BpfMap _files;
    private readonly UnwindWords _words;
    private readonly UnwindRuleNumbers _rules;
    private readonly Dictionary<int, List<(UnwindTable Table, uint IndexWord)>> _stored = [];

    /// <exception cref="KernelException">The kernel refuses to write the first rules.</exception>
    internal UnwindTableWriter(BpfMap files, BpfMap tables, BpfMap rules)
    {
        _files = files;
        _rules = new UnwindRuleNumbers(rules);
        _words = new UnwindWords(tables);
    }

    /// <summary>Words taken, rules stored, and rules of files that found no room.</summary>
    internal (uint Words, int Rules, long RulesWithoutRoom) Usage
    {
        get
        {
            lock (_gate)
            {
                return (_words.Used, _rules.Count, _rules.WithoutRoom);
            }
        }
    }

    /// <summary>Makes a table known for a file.</summary>
    /// <exception cref="KernelException">The kernel refuses, for want of memory for instance; the file is not known then, and nothing else has changed.</exception>
    internal UnwindInstall Install(UnwindFileKey key, UnwindTable table)
    {
        if (table.PageCount < 1)
        {
            throw new ArgumentException("An unwind table has at least one page.", nameof(table));
        }

        lock (_gate)
        {
            var place = FindStored(table, out var bucket);
            var shared = place is not null;
            if (place is null)
            {
                if (!_words.TryPlace(table, out _, out _))
                {
                    return Write(key, UnwindFileEntry.Without(UnwindFileFlags.Unusable)) ? UnwindInstall.NoWords : UnwindInstall.NoFiles;
                }

                place = _words.Store(table, Numbers(table));
                bucket.Add((table, place.Value));
            }

            return !Write(key, EntryOf(table, place.Value)) ? UnwindInstall.NoFiles
                : shared ? UnwindInstall.Shared : UnwindInstall.Installed;
        }
    }

    /// <summary>Says of a file why it has no table: <see cref="UnwindFileFlags.NoTable"/> or <see cref="UnwindFileFlags.Unusable"/>.</summary>
    /// <returns>False when the map of files is full.</returns>
    internal bool Mark(UnwindFileKey key, UnwindFileFlags reason)
    {
        lock (_gate)
        {
            return Write(key, UnwindFileEntry.Without(reason));
        }
    }

    /// <summary>The entry of a file; null when it has none.</summary>
    internal UnwindFileEntry? Find(UnwindFileKey key)
    {
        UnwindFileEntry entry = default;
        return _files.TryLookup(Bytes(ref key), Bytes(ref entry)) ? entry : null;
    }

    /// <summary>Removes the entry of a file, so that the walker asks for it anew.</summary>
    internal void Forget(UnwindFileKey key)
    {
        lock (_gate)
        {
            _files.Delete(Bytes(ref key));
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _words.Dispose();
        }
    }

    private uint[] Numbers(UnwindTable table)
    {
        var numbers = _rules.NumbersOf(table.Rules);
        for (var rule = 0; rule < (table.Marks?.Length ?? 0); rule++)
        {
            numbers[rule] |= (uint)table.Marks![rule] << UnwindMaps.MarksShift;
        }

        return numbers;
    }

    private static UnwindFileEntry EntryOf(UnwindTable table, uint indexWord) => new(
        indexWord, table.FirstPage, (uint)table.PageCount, UnwindFileFlags.Ready, table.Plain.Start, table.Plain.Length, table.MarkedPlain.Start, table.MarkedPlain.Length);

    private bool Write(UnwindFileKey key, UnwindFileEntry entry)
    {
        try
        {
            _files.Update(Bytes(ref key), Bytes(ref entry));
            return true;
        }
        catch (KernelException full) when (full.Errno == Errno.E2BIG)
        {
            return false;
        }
    }

    // By all of its content, not by a hash alone: a file that pretends to be another's build must not get its table, nor give it one.
    private uint? FindStored(UnwindTable table, out List<(UnwindTable Table, uint IndexWord)> bucket)
    {
        var hash = default(HashCode);
        hash.Add(table.FirstPage);
        hash.Add(table.PageCount);
        hash.AddBytes(MemoryMarshal.AsBytes(table.Rows.AsSpan()));
        bucket = CollectionsMarshal.GetValueRefOrAddDefault(_stored, hash.ToHashCode(), out _) ??= [];
        foreach (var (other, indexWord) in bucket)
        {
            if (ReferenceEquals(other, table)
                || (other.FirstPage == table.FirstPage && other.Rows.AsSpan().SequenceEqual(table.Rows) && other.PageStarts.AsSpan().SequenceEqual(table.PageStarts)
                    && other.Rules.AsSpan().SequenceEqual(table.Rules) && other.Marks.AsSpan().SequenceEqual(table.Marks)))
            {
                return indexWord;
            }
        }

        return null;
    }

    private static Span<byte> Bytes<T>(ref T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new Span<T>(ref value));
}
