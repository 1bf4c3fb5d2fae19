using StackDepth.Native.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>
/// A file that processes have mapped, held open so that it can be read whatever became of its name and of the processes. Its tables are read when they are first asked for.
/// Thread-safe.
/// </summary>
internal sealed class SymbolFile : IEvictable, IDisposable
{
    private readonly Lock _gate = new();
    private readonly PinnedFile _file;
    private readonly ProcessRoot _root;
    private readonly SymbolMemory _memory;
    private readonly SymbolNaming _naming;
    private FileSymbols? _symbols;
    private long _lastUsed;
    private bool _disposed;

    /// <param name="file">The file, which this takes over.</param>
    /// <param name="key">What the kernel calls it.</param>
    /// <param name="path">Its path inside of the process's root directory.</param>
    /// <param name="root">That directory.</param>
    /// <param name="naming">How names become text.</param>
    /// <param name="memory">Keeps the tables within their bound.</param>
    internal SymbolFile(PinnedFile file, UnwindFileKey key, string path, ProcessRoot root, SymbolNaming naming, SymbolMemory memory) =>
        (_file, Key, Path, _root, _naming, _memory) = (file, key, path, root, naming, memory);

    internal UnwindFileKey Key { get; }

    internal string Path { get; }

    public long Bytes => Volatile.Read(ref _symbols)?.Bytes ?? 0;

    public long LastUsed => Volatile.Read(ref _lastUsed);

    /// <summary>What the file says; nothing when it cannot be read.</summary>
    internal FileSymbols Symbols
    {
        get
        {
            Volatile.Write(ref _lastUsed, _memory.Now);
            return Volatile.Read(ref _symbols) ?? Load();
        }
    }

    public void Evict() => Volatile.Write(ref _symbols, null);

    /// <summary>Fills a buffer from the file; false where it cannot.</summary>
    internal bool TryRead(ulong offset, Span<byte> buffer)
    {
        lock (_gate)
        {
            if (_disposed || !_file.Status.IsRegular)
            {
                return false;
            }

            try
            {
                using var reader = ElfReader.Open(_file.ReadPath, Path);
                reader.Fill(offset, buffer, "code");
                return true;
            }
            catch (Exception error) when (error is ElfException or FileNotFoundException)
            {
                return false;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _file.Dispose();
        }

        _memory.Remove(this);
    }

    private FileSymbols Load()
    {
        FileSymbols symbols;
        lock (_gate)
        {
            if (Volatile.Read(ref _symbols) is { } loaded)
            {
                return loaded;
            }

            if (_disposed)
            {
                return FileSymbols.None("the process was forgotten.");
            }

            symbols = _file.Status.IsRegular ? FileSymbols.Read(_file.ReadPath, Path, new DebugFileFinder(_root.Path), _naming) : FileSymbols.None(null);
            Volatile.Write(ref _symbols, symbols);
        }

        _memory.Loaded(this);
        return symbols;
    }
}
