namespace StackDepth.Native.Elf;

/// <summary>
/// Finds the separate debug file of a stripped file, in the places that gdb looks: by build-id below /usr/lib/debug/.build-id, then by .gnu_debuglink beside
/// the file, in its .debug directory and below /usr/lib/debug.
/// </summary>
internal sealed class DebugFileFinder
{
    private const string DebugDirectory = "/usr/lib/debug";

    // A checksum reads the whole file, which can be sparse and of any length.
    private const ulong MostChecked = 4UL << 30;
    private readonly string _root;
    private readonly string _debugDirectory;

    /// <param name="root">The root directory of the process that is meant (<c>/proc/PID/root</c>), or empty for our own.</param>
    /// <param name="debugDirectory">Where debug files are collected; /usr/lib/debug by default.</param>
    internal DebugFileFinder(string root = "", string? debugDirectory = null)
    {
        _root = root;
        _debugDirectory = debugDirectory ?? DebugDirectory;
    }

    /// <summary>Why a debug file that was found was not used, or null. To be shown when a symbol is not found.</summary>
    internal string? Problem { get; private set; }

    /// <summary>Opens the debug file of <paramref name="image"/>, which lies at <paramref name="path"/> (absolute, below the root).</summary>
    /// <returns>Null when there is none with symbols; see <see cref="Problem"/>.</returns>
    internal ElfImage? Find(ElfImage image, string path)
    {
        var buildId = Convert.ToHexStringLower(image.BuildId);
        if (buildId.Length > 2 && TryOpen($"{_root}{_debugDirectory}/.build-id/{buildId[..2]}/{buildId[2..]}.debug", image, crc: null) is { } byId)
        {
            return byId;
        }

        if (DebugLink.Read(image) is not { } link || Path.GetDirectoryName(path) is not { } directory)
        {
            return null;
        }

        return TryOpen(Path.Join(_root + directory, link.FileName), image, link.Crc)
            ?? TryOpen(Path.Join(_root + directory, ".debug", link.FileName), image, link.Crc)
            ?? TryOpen(Path.Join(_root + _debugDirectory + directory, link.FileName), image, link.Crc);
    }

    private ElfImage? TryOpen(string candidate, ElfImage image, uint? crc)
    {
        if (!File.Exists(candidate))
        {
            return null;
        }

        ElfImage? debug = null;
        try
        {
            debug = ElfImage.Open(candidate, machine: image.Machine);
            var mismatch = Mismatch(debug, image, crc);
            if (mismatch is null && debug.IsStripped)
            {
                mismatch = "has no symbols";
            }

            if (mismatch is null)
            {
                return debug;
            }

            Problem ??= $"the debug file {PrintableText.Escape(candidate)} was not used: it {mismatch}.";
        }
        catch (Exception e) when (e is ElfException or FileNotFoundException)
        {
            Problem ??= $"the debug file was not used: {e.Message}";
        }

        debug?.Dispose();
        return null;
    }

    // Equal build-ids prove that the two belong together; the checksum is for files that have none.
    private static string? Mismatch(ElfImage debug, ElfImage image, uint? crc)
    {
        if (!debug.BuildId.IsEmpty && !image.BuildId.IsEmpty)
        {
            return debug.BuildId.SequenceEqual(image.BuildId) ? null : "has another build-id";
        }

        return crc is null ? "has no build-id" : debug.Length > MostChecked ? "is too large to compute its checksum" : Checksum(debug) == crc ? null : "does not have the checksum that .gnu_debuglink names";
    }

    private static uint Checksum(ElfImage debug)
    {
        var buffer = GC.AllocateUninitializedArray<byte>(1 << 16);
        var crc = 0u;
        for (ulong offset = 0; offset < debug.Length; offset += (ulong)buffer.Length)
        {
            var chunk = buffer.AsSpan(0, (int)Math.Min((ulong)buffer.Length, debug.Length - offset));
            debug.Fill(offset, chunk);
            crc = Crc32.Append(crc, chunk);
        }

        return crc;
    }
}
