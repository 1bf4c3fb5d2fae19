using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Tables on disk, for all processes of a user. A table's name is the hash of all that it was made from (<see cref="UnwindSource.ComputeKey"/>), so a program that was replaced has
/// another name here, whatever its build-id and its times say. A failing cache costs time, never a result.
/// </summary>
internal sealed class UnwindCache
{
    private const long DefaultMaxBytes = 256L << 20;

    // A writer takes milliseconds; what is as old as this is left from one that was killed.
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromHours(1);

    private readonly string? _folder;
    private readonly long _maxBytes;

    private UnwindCache(string? folder, string? problem, long maxBytes)
    {
        _folder = folder;
        _maxBytes = maxBytes;
        Problem = problem;
    }

    /// <summary>Neither reads nor writes.</summary>
    internal static UnwindCache None { get; } = new(null, null, 0);

    /// <summary>Why there is no folder to use, if one was to be; null too where the user has no home.</summary>
    internal string? Problem { get; }

    /// <summary>The cache in the user's cache folder, $XDG_CACHE_HOME or ~/.cache.</summary>
    internal static UnwindCache OfUser() => UnwindCacheFolder.FindBase(Environment.GetEnvironmentVariable) is { } root ? Open(root) : None;

    /// <summary>The cache below another folder than the user's cache folder.</summary>
    internal static UnwindCache Open(string root, long maxBytes = DefaultMaxBytes)
    {
        var folder = UnwindCacheFolder.Prepare(root, out var problem);
        return new(folder, problem, maxBytes);
    }

    /// <summary>The table of a source: from the cache, or built and put there.</summary>
    /// <param name="source">What it is made from.</param>
    /// <param name="complete">Adds to a new table what does not come from the source.</param>
    internal UnwindLoad Load(UnwindSource source, Func<UnwindTable, UnwindTable> complete)
    {
        if (_folder is null)
        {
            return new(complete(UnwindBuilder.Build(source)), CacheOutcome.Off, Problem);
        }

        var key = source.ComputeKey();
        var path = Path.Join(_folder, NameOf(key));
        var outcome = CacheOutcome.Missed;
        string? problem = null;
        if (File.Exists(path))
        {
            if (UnwindCacheFile.Read(path, key, source, out problem) is { } table)
            {
                return new(table, CacheOutcome.Hit, null);
            }

            if (problem is not null)
            {
                outcome = CacheOutcome.Replaced;
                problem = $"{PrintableText.Escape(path)}: {problem}";
            }
        }

        var built = complete(UnwindBuilder.Build(source));
        return new(built, outcome, Store(path, key, built, outcome) ?? problem);
    }

    // Convert.ToHexStringLower is vectorised, and takes the JIT compiler 2 ms.
    private static string NameOf(byte[] key)
    {
        const string digits = "0123456789abcdef";
        var name = new char[key.Length * 2];
        for (var i = 0; i < name.Length; i++)
        {
            name[i] = digits[(key[i / 2] >> (i % 2 == 0 ? 4 : 0)) & 0xf];
        }

        return new string(name) + UnwindCacheFile.Extension;
    }

    // Null, or why it is not stored.
    private string? Store(string path, byte[] key, UnwindTable table, CacheOutcome outcome)
    {
        var temporary = Path.Join(_folder, $".{Environment.ProcessId}-{Guid.NewGuid():n}.tmp");
        try
        {
            if (outcome == CacheOutcome.Replaced)
            {
                File.Delete(path);
            }

            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
            };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            }

            using (var stream = new FileStream(temporary, options))
            {
                UnwindCacheFile.Write(stream, key, table);
            }

            // A reader sees the whole file or none; of two writers of the same table, the last wins, with the same bytes.
            File.Move(temporary, path, overwrite: true);
            Trim();
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Discard(temporary);
            return PrintableText.Escape(error.Message);
        }
    }

    private void Trim()
    {
        var files = new List<(FileInfo File, DateTime Written, long Length)>();
        long sum = 0;
        foreach (var file in new DirectoryInfo(_folder!).EnumerateFiles())
        {
            // Another process may delete it meanwhile: its length is then asked in vain.
            if (!file.Exists)
            {
                continue;
            }

            if (file.Extension == ".tmp" && DateTime.UtcNow - file.LastWriteTimeUtc > AbandonedAfter)
            {
                Discard(file.FullName);
            }
            else if (file.Extension == UnwindCacheFile.Extension)
            {
                files.Add((file, file.LastWriteTimeUtc, file.Length));
                sum += file.Length;
            }
        }

        if (sum <= _maxBytes)
        {
            return;
        }

        files.Sort(static (a, b) => a.Written.CompareTo(b.Written));
        foreach (var (file, _, length) in files)
        {
            if (sum <= _maxBytes)
            {
                break;
            }

            Discard(file.FullName);
            sum -= length;
        }
    }

    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It stays; the next writer tries again.
        }
    }
}
