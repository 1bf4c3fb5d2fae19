using StackDepth.Native.Unwind;

namespace StackDepth.Native.Symbols;

/// <summary>The files that processes have mapped: each is held once, however many processes map it. Thread-safe.</summary>
internal sealed class SymbolFiles(int most)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<UnwindFileKey, (SymbolFile File, int Users)> _files = [];

    /// <summary>How many are held.</summary>
    internal int Count
    {
        get
        {
            lock (_gate)
            {
                return _files.Count;
            }
        }
    }

    /// <summary>Takes a file into use.</summary>
    /// <param name="key">What the kernel calls it.</param>
    /// <param name="open">Opens it, where it is not held yet; null where it cannot be had.</param>
    /// <returns>Null when it cannot be had, or too many are held. To be given back by <see cref="Release"/>.</returns>
    internal SymbolFile? Acquire(UnwindFileKey key, Func<SymbolFile?> open)
    {
        lock (_gate)
        {
            if (_files.TryGetValue(key, out var held))
            {
                _files[key] = (held.File, held.Users + 1);
                return held.File;
            }

            if (_files.Count >= most || open() is not { } file)
            {
                return null;
            }

            _files.Add(key, (file, 1));
            return file;
        }
    }

    /// <summary>Gives a file back, once for each <see cref="Acquire"/>.</summary>
    internal void Release(SymbolFile file)
    {
        lock (_gate)
        {
            var (held, users) = _files[file.Key];
            if (users > 1)
            {
                _files[file.Key] = (held, users - 1);
                return;
            }

            _files.Remove(file.Key);
        }

        file.Dispose();
    }
}
