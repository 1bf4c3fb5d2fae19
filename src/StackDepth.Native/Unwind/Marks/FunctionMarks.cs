using StackDepth.Native.Elf;

namespace StackDepth.Native.Unwind;

/// <summary>
/// Marks the text of functions in the tables of a session, so that the walker can count the frames that lie in them. There is a mark for each set of functions. Thread-safe.
/// </summary>
internal sealed class FunctionMarks
{
    /// <summary>Each set has a bit of a row's upper byte.</summary>
    internal const int MostSets = 8;

    private readonly IReadOnlyList<IReadOnlyList<MarkedFunctions>> _sets;
    private readonly Lock _gate = new();
    private readonly HashSet<MarkedFunctions> _found = new(ReferenceEqualityComparer.Instance);

    internal FunctionMarks(IReadOnlyList<IReadOnlyList<MarkedFunctions>> sets) =>
        _sets = sets.Count <= MostSets ? sets : throw new ArgumentException($"There are at most {MostSets} sets of functions, not {sets.Count}.", nameof(sets));

    /// <summary>What no file has had so far.</summary>
    internal IReadOnlyList<MarkedFunctions> Missing
    {
        get
        {
            lock (_gate)
                return [.. _sets.SelectMany(static set => set).Where(functions => !_found.Contains(functions))];
        }
    }

    /// <summary>The table of a file with the marks of the functions that it has.</summary>
    /// <param name="table">The table.</param>
    /// <param name="path">The path to open.</param>
    /// <param name="shownPath">The file's path for people, and where its debug file is looked for.</param>
    /// <exception cref="ElfException">The file is damaged.</exception>
    internal UnwindTable Mark(UnwindTable table, string path, string shownPath)
    {
        var fileName = Path.GetFileName(shownPath);
        if (_sets.Count == 0 || table.PageCount == 0 || !_sets.Any(set => set.Any(functions => functions.IsIn(fileName))))
            return table;
        using var image = ElfImage.Open(path, shownPath, ElfConstants.MachineX64);
        using var debug = image.IsStripped ? new DebugFileFinder().Find(image, shownPath) : null;
        var text = FunctionText.Find(image, debug, name => MarksOf(name, fileName), out var starts);
        if (text.Count == 0)
            return table;
        // Names of cold parts are local.
        if ((debug ?? image).IsStripped)
            text.AddRange(UnnamedColdParts.Find(image, table, text, starts.Contains));
        return TableMarks.Apply(table, text, oneSet: _sets.Count == 1);
    }

    private byte MarksOf(ReadOnlySpan<byte> name, string fileName)
    {
        byte marks = 0;
        for (var set = 0; set < _sets.Count; set++)
        {
            foreach (var functions in _sets[set])
            {
                if (!functions.IsIn(fileName) || !functions.Means(name))
                    continue;
                marks |= (byte)(1 << set);
                lock (_gate)
                    _found.Add(functions);
            }
        }
        return marks;
    }
}
