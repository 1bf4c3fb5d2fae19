using System.Collections.Concurrent;
using StackDepth.Native.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>
/// What a process has mapped, or had when it was last looked at: enough to name its addresses after it has ended. Made and kept by a <see cref="Symbolizer"/>. Thread-safe.
/// </summary>
internal sealed class ProcessSymbols : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SymbolContext _context;
    private readonly List<ProcessRoot> _oldRoots = [];
    private readonly JitSymbols _jit;
    private readonly ConcurrentDictionary<(SymbolFile File, ulong Offset), bool> _trampolines = new();
    private RegionTable _table = RegionTable.Empty;
    private volatile ProcessRoot _root;
    private readonly Dictionary<UnwindFileKey, SymbolFile> _pinned = [];
    private long _lastUsed;
    private volatile bool _isFrozen;
    private bool _isDisposed;

    /// <param name="processId">The process.</param>
    /// <param name="status">What is known of it.</param>
    /// <param name="context">What it shares with others.</param>
    /// <param name="root">Its root directory, which this takes over; looked up if null.</param>
    internal ProcessSymbols(int processId, ProcessStatus status, SymbolContext context, ProcessRoot? root = null)
    {
        ProcessId = processId;
        StartTicks = status.StartTicks;
        _context = context;
        _root = root ?? ProcessRoot.Of(processId);
        _jit = new JitSymbols(new PerfMapFile(() => _root, processId, status), context.Naming, context.Memory);
    }

    internal int ProcessId { get; }

    /// <summary>When the process began: tells it from a later one of its number.</summary>
    internal ulong StartTicks { get; }

    internal long LastUsed => Interlocked.Read(ref _lastUsed);

    /// <summary>How many executable mappings are known.</summary>
    internal int Mappings => Volatile.Read(ref _table).Regions.Length;

    /// <summary>Why names are missing that could be expected.</summary>
    internal IEnumerable<string> Problems
    {
        get
        {
            var problems = Volatile.Read(ref _table).Problems;
            return _jit.Problem is { } problem ? problems.Append(problem) : problems;
        }
    }

    /// <summary>The process's root directory; this one's.</summary>
    internal ProcessRoot Root => _root;

    /// <summary>From now on its mappings are what it was told: those that the process has are another program's, or all known.</summary>
    internal void Freeze() => _isFrozen = true;

    /// <summary>Takes hold of the file of a mapping, which is to be merged when it is needed: then it may be too late.</summary>
    internal void Pin(MappedRegion region)
    {
        lock (_gate)
        {
            if (_isDisposed || region.IsVdso)
            {
                return;
            }

            if (region.HasFile && !_pinned.ContainsKey(region.Key) && RegionTable.Acquire(region, region.ModuleName(_root), ProcessId, _root, _context, out _) is { } file)
            {
                _pinned.Add(region.Key, file);
            }

            if (!region.HasFile || region.Path.Length < region.Name.Length)
            {
                _jit.Hold();
            }
        }
    }

    /// <summary>Looks at the mappings that the process has now, if it is still there.</summary>
    internal void Refresh()
    {
        if (_isFrozen)
        {
            return;
        }

        var regions = MapsReader.Read(ProcessId);

        // Read before the number was checked, so that they are not those of another process that got it.
        var root = ProcessRoot.Of(ProcessId);
        if (regions.Count > 0 && ProcessStatus.Read(ProcessId)?.StartTicks == StartTicks)
        {
            TakeRoot(root);
            Merge(regions);
        }
        else
        {
            root.Dispose();
        }
    }

    /// <summary>Puts newer mappings over those that are known.</summary>
    internal void Merge(IReadOnlyList<MappedRegion> newer)
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            var old = _table;
            var merged = RegionMerge.Merge(old.Regions, newer);
            if (merged.Count > 2 * MapsReader.MostRegions)
            {
                merged = [.. newer];
            }

            if (merged.Count == old.Regions.Length && merged.Zip(old.Regions).All(static pair => ReferenceEquals(pair.First, pair.Second)) && old.HasAllFiles)
            {
                return;
            }

            Volatile.Write(ref _table, RegionTable.Make([.. merged], old, ProcessId, _root, _context));
            old.ReleaseFiles(_context.Files);
            if (_table.HasCodeWithoutFile)
            {
                _jit.Hold();
            }
        }
    }

    /// <summary>Names an address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="isExact">Whether it is an instruction's own, and not where a call returns to.</param>
    /// <param name="lookups">What is known from the other addresses of this stack.</param>
    /// <param name="isFunctionsEnd">Whether the function, or what is known of it, ends at the address: it can be one that no call returns to.</param>
    internal SymbolizedAddress Resolve(ulong address, bool isExact, ref StackLookups lookups, out bool isFunctionsEnd)
    {
        // A call can be its function's last instruction: where it returns to is then another function's.
        var back = isExact || address == 0 ? 0UL : 1UL;
        var lookup = address - back;
        var table = Volatile.Read(ref _table);
        var at = table.Has(lookups.LastRegion, lookup) ? lookups.LastRegion : table.Find(lookup);
        if (at < 0 && !lookups.HasRefreshedMappings)
        {
            lookups.HasRefreshedMappings = true;
            Refresh();
            table = Volatile.Read(ref _table);
            at = table.Find(lookup);
        }

        ulong start;
        lookups.LastRegion = at;
        isFunctionsEnd = !isExact;
        if (at < 0)
        {
            return _jit.Find(lookup, ref lookups.HasRefreshedJit, out start) is { } compiled
                ? new SymbolizedAddress(address, "[jit]", compiled, address - start)
                : new SymbolizedAddress(address, null, null, 0);
        }

        var region = table.Regions[at];
        var module = table.Modules[at];
        var offset = lookup - region.Start + region.FileOffset;
        if (table.SymbolsOf(at, _context) is { IsElf: true } symbols && symbols.TryGetAddress(offset, out var elfAddress))
        {
            var symbol = symbols.Table.Find(elfAddress, out start, out var end);
            isFunctionsEnd &= symbol < 0 || end == elfAddress + 1;
            return symbol >= 0
                ? new SymbolizedAddress(address, module, symbols.Table.NameOf(symbol), elfAddress - start + back)
                : new SymbolizedAddress(address, module, null, elfAddress + back);
        }

        return _jit.Find(lookup, ref lookups.HasRefreshedJit, out start) is { } name
            ? new SymbolizedAddress(address, "[jit]", name, address - start)
            : new SymbolizedAddress(address, module, null, (region.HasFile ? offset : lookup - region.Start) + back);
    }

    /// <summary>Whether an address is where a signal handler returns to.</summary>
    internal bool IsSignalTrampoline(ulong address)
    {
        const int MostKept = 4096;
        var table = Volatile.Read(ref _table);
        var at = table.Find(address);
        if (at < 0)
        {
            return false;
        }

        var region = table.Regions[at];
        var offset = address - region.Start + region.FileOffset;
        if (region.IsVdso)
        {
            return SignalTrampoline.IsAt(_context.Vdso.Code(offset, SignalTrampoline.Length), ElfImage.HostMachine);
        }

        // Where a function's name is known it begins there; only what could be one is read.
        if (table.Files[at] is not { } file || file.Symbols is not { IsElf: true } symbols || !symbols.TryGetAddress(offset, out var elfAddress)
            || (symbols.Table.Find(elfAddress, out var start) >= 0 && start != elfAddress))
        {
            return false;
        }

        if (_trampolines.TryGetValue((file, offset), out var known))
        {
            return known;
        }

        Span<byte> code = stackalloc byte[SignalTrampoline.Length];
        var isOne = file.TryRead(offset, code) && SignalTrampoline.IsAt(code, ElfImage.HostMachine);
        if (_trampolines.Count >= MostKept)
        {
            _trampolines.Clear();
        }

        _trampolines.TryAdd((file, offset), isOne);
        return isOne;
    }

    // A container's first program is started before it enters its root directory. Files that were mapped before look for their debug files in the old one.
    private void TakeRoot(ProcessRoot root)
    {
        const int Most = 8;
        lock (_gate)
        {
            if (_isDisposed || root.IsSameAs(_root) || _oldRoots.Count == Most)
            {
                root.Dispose();
                return;
            }

            _oldRoots.Add(_root);
            _root = root;
        }
    }

    internal void Use() => Interlocked.Exchange(ref _lastUsed, _context.Memory.Now);

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            var table = _table;
            Volatile.Write(ref _table, RegionTable.Empty);
            table.ReleaseFiles(_context.Files);
            foreach (var file in _pinned.Values)
            {
                _context.Files.Release(file);
            }

            _pinned.Clear();
        }

        _jit.Dispose();
        _root.Dispose();
        _oldRoots.ForEach(static root => root.Dispose());
    }
}
