namespace StackDepth.Native.Symbols;

/// <summary>Names of the code that a process compiles at run time. The perf map is read when a name is first asked for, and again when an address is not in it and the file has grown. Thread-safe.</summary>
internal sealed class JitSymbols : IEvictable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly PerfMapFile _file;
    private readonly SymbolNaming _naming;
    private readonly SymbolMemory _memory;
    private readonly Dictionary<int, string> _texts = [];
    private PerfMap _map = new();
    private long _mapBytes;
    private long _textBytes;
    private long _lastUsed;
    private bool _isRead;
    private bool _isDisposed;

    internal JitSymbols(PerfMapFile file, SymbolNaming naming, SymbolMemory memory) => (_file, _naming, _memory) = (file, naming, memory);

    public long Bytes => Interlocked.Read(ref _mapBytes) + Interlocked.Read(ref _textBytes);

    public long LastUsed => Interlocked.Read(ref _lastUsed);

    internal string? Problem => _file.Problem;

    /// <summary>Finds a function.</summary>
    /// <param name="address">The address.</param>
    /// <param name="refreshed">Whether the file was looked at already for this stack; set when it is.</param>
    /// <param name="start">Where the function begins.</param>
    /// <returns>Its name, or null.</returns>
    internal string? Find(ulong address, ref bool refreshed, out ulong start)
    {
        var grew = false;
        string? name;
        lock (_gate)
        {
            Interlocked.Exchange(ref _lastUsed, _memory.Now);
            start = 0;
            var line = _isRead ? _map.Find(address, out start) : -1;
            if (line < 0 && !_isDisposed && (!_isRead || !refreshed))
            {
                refreshed = true;
                grew = Refresh();
                line = _map.Find(address, out start);
            }

            name = line < 0 ? null : NameOf(line);
        }

        if (grew)
        {
            _memory.Loaded(this);
        }

        return name;
    }

    /// <summary>Takes hold of the file, if it is there: after the process has ended it may be too late.</summary>
    internal void Hold()
    {
        lock (_gate)
        {
            if (!_isDisposed && _file.Hold())
            {
                _isRead = false;
            }
        }
    }

    public void Evict()
    {
        lock (_gate)
        {
            _map = new PerfMap();
            Interlocked.Exchange(ref _mapBytes, 0);
            ForgetTexts();
            _isRead = false;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _file.Dispose();
        }

        _memory.Remove(this);
    }

    private bool Refresh()
    {
        var before = (_map, _map.Count);
        var map = _file.Read(_map, _isRead);
        if (map != _map)
        {
            ForgetTexts();
            _map = map;
        }

        Interlocked.Exchange(ref _mapBytes, map.Bytes);
        _isRead = true;
        return before != (_map, _map.Count);
    }

    private string NameOf(int line)
    {
        if (_texts.TryGetValue(line, out var text))
        {
            return text;
        }

        text = _naming.Demangle(_map.NameOf(line));
        _texts.Add(line, text);
        const int Overhead = 64;
        var bytes = (text.Length * (long)sizeof(char)) + Overhead;
        Interlocked.Add(ref _textBytes, bytes);
        _memory.Grew(bytes);
        return text;
    }

    private void ForgetTexts()
    {
        _texts.Clear();
        Interlocked.Exchange(ref _textBytes, 0);
    }
}
