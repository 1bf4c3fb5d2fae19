namespace StackDepth.Native.Symbols;

/// <summary>A program that a process ran, from its exec or fork to the next exec or the end. Not thread-safe, apart from the <see cref="ProcessSymbols"/> that it gives out.</summary>
internal sealed class ProgramImage : IDisposable
{
    private readonly ObservedProcess _process;
    private readonly ProgramImage? _origin;
    private ProcessSymbols? _symbols;
    private int _mergedVersion = -1;

    /// <param name="process">Whose.</param>
    /// <param name="since">When it began, by the kernel's boot clock.</param>
    /// <param name="isWhole">Whether nothing was mapped that is not told.</param>
    /// <param name="mappings">What is mapped from the beginning.</param>
    /// <param name="origin">What it was forked from, or came before it in the process.</param>
    internal ProgramImage(ObservedProcess process, long since, bool isWhole, IReadOnlyList<MappedRegion> mappings, ProgramImage? origin)
    {
        (_process, Since, IsWhole) = (process, since, isWhole);
        History = new(mappings);

        // Only the nearest whose root directory may be known: chains of forks have no end.
        _origin = origin?._symbols is null ? origin?._origin : origin;
    }

    internal long Since { get; }

    internal bool IsWhole { get; set; }

    internal MappingHistory History { get; }

    /// <summary>Takes hold of the file of a mapping while it is there.</summary>
    internal void Pin(MappedRegion region, SymbolContext context) => Symbols(context).Pin(region);

    /// <summary>Takes hold of the files of all that is mapped.</summary>
    internal void PinAll(SymbolContext context)
    {
        foreach (var region in History.Now)
        {
            Pin(region, context);
        }
    }

    /// <summary>With the mappings that are known now.</summary>
    internal ProcessSymbols Latest(SymbolContext context)
    {
        var symbols = Symbols(context);
        if (_mergedVersion != History.Version)
        {
            _mergedVersion = History.Version;
            symbols.Merge(History.Now);
        }

        if (IsWhole)
        {
            symbols.Freeze();
        }

        return symbols;
    }

    /// <summary>With the mappings of a time; the caller's.</summary>
    internal ProcessSymbols At(long time, SymbolContext context)
    {
        var symbols = new ProcessSymbols(_process.ProcessId, _process.Status(), context, Symbols(context).Root.Clone());
        symbols.Freeze();
        symbols.Merge(History.At(time));
        return symbols;
    }

    /// <summary>Another program runs now: what the process maps from here on is not this one's.</summary>
    internal void Supersede()
    {
        IsWhole = true;
        _symbols?.Freeze();
    }

    public void Dispose() => _symbols?.Dispose();

    private ProcessSymbols Symbols(SymbolContext context)
    {
        if (_symbols is null)
        {
            // A process that has ended had, as far as is known, the root directory of what it was forked from.
            var root = _process.IsEnded ? null : ProcessRoot.TryOf(_process.ProcessId);
            _symbols = new ProcessSymbols(_process.ProcessId, _process.Status(), context, root ?? _origin?._symbols?.Root.Clone());
        }

        return _symbols;
    }
}
