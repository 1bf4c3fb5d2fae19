namespace StackDepth.Native.Symbols;

/// <summary>Tables that can be read again, and so can be given up.</summary>
internal interface IEvictable
{
    /// <summary>What its tables take, about.</summary>
    long Bytes { get; }

    /// <summary>When it was last used, by <see cref="SymbolMemory.Now"/>.</summary>
    long LastUsed { get; }

    /// <summary>Gives its tables up; what is being used of them lives on until then.</summary>
    void Evict();
}

/// <summary>Keeps the tables of all files and perf maps within a bound, those that were used last. Thread-safe.</summary>
internal sealed class SymbolMemory
{
    private readonly Lock _gate = new();
    private readonly HashSet<IEvictable> _tables = [];
    private readonly long _limit;
    private long _clock;
    private long _grown;

    /// <param name="limit">How many bytes the tables may take. One that takes more alone is kept alone.</param>
    internal SymbolMemory(long limit) => _limit = limit;

    /// <summary>A time that only counts uses.</summary>
    internal long Now => Interlocked.Read(ref _clock);

    /// <summary>What all tables take, about.</summary>
    internal long Bytes
    {
        get
        {
            lock (_gate)
            {
                return _tables.Sum(static table => table.Bytes);
            }
        }
    }

    /// <summary>Tables were loaded, and are in use.</summary>
    internal void Loaded(IEvictable table)
    {
        lock (_gate)
        {
            _tables.Add(table);
            Trim(table);
        }
    }

    /// <summary>Tables are gone for good.</summary>
    internal void Remove(IEvictable table)
    {
        lock (_gate)
        {
            _tables.Remove(table);
        }
    }

    /// <summary>A stack is named: what is used from now on is used later than what was used before.</summary>
    internal void Tick() => Interlocked.Increment(ref _clock);

    /// <summary>Tables grew, as names were made into text.</summary>
    internal void Grew(long bytes) => Interlocked.Add(ref _grown, bytes);

    /// <summary>Gives tables up if they have grown much.</summary>
    internal void TrimGrown()
    {
        if (Interlocked.Read(ref _grown) > _limit / 8)
        {
            lock (_gate)
            {
                Trim(null);
            }
        }
    }

    private void Trim(IEvictable? used)
    {
        Interlocked.Exchange(ref _grown, 0);
        var total = _tables.Sum(static table => table.Bytes);
        if (total <= _limit)
        {
            return;
        }

        // Somewhat more than must be, so that not every table that is loaded costs another one.
        foreach (var table in _tables.OrderBy(static table => table.LastUsed).ToArray())
        {
            if (total <= _limit - (_limit / 8))
            {
                return;
            }

            if (table != used)
            {
                total -= table.Bytes;
                _tables.Remove(table);
                table.Evict();
            }
        }
    }
}
