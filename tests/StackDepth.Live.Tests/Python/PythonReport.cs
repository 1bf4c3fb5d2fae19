using System.Globalization;

namespace StackDepth.Live.Tests.Python;

/// <summary>What a script says of a call: how many frames <c>sys._getframe()</c> showed. A tag with a question mark: nothing in the process tells which of two interpreters' frames are current.</summary>
internal sealed record ReportedFrames(int Tid, int Count, string Tag);

/// <summary>What was counted at a hit.</summary>
internal sealed record CountedFrames(int Tid, int Length, StackReason Reason);

/// <summary>The script's report, in a file of its own.</summary>
internal sealed class PythonReport : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("stackdepth-python-");

    internal string Path => System.IO.Path.Combine(_folder.FullName, "report");

    internal ReportedFrames[] Read() =>
    [
        .. File.ReadAllLines(Path).Select(static line => line.Split(' ')).Select(static words =>
            new ReportedFrames(int.Parse(words[0], CultureInfo.InvariantCulture), int.Parse(words[1], CultureInfo.InvariantCulture), words[2])),
    ];

    /// <summary>The report beside the hits: of each thread in its order.</summary>
    internal (ReportedFrames Truth, CountedFrames Counted)[] Beside(IEnumerable<CountedFrames> counted)
    {
        var truth = Read();
        var hits = counted.ToLookup(static hit => hit.Tid);
        Assert.Equal(
            truth.GroupBy(static line => line.Tid).Select(static thread => (thread.Key, thread.Count())).Order(),
            hits.Select(static thread => (thread.Key, thread.Count())).Order());
        return [.. truth.GroupBy(static line => line.Tid).SelectMany(thread => thread.Zip(hits[thread.Key]))];
    }

    /// <summary>Every count must be complete and the reported one, but for those that cannot be told.</summary>
    internal static void AssertExact((ReportedFrames Truth, CountedFrames Counted)[] pairs)
    {
        var wrong = pairs.Where(static pair => pair.Truth.Tag.StartsWith('?')
            ? pair.Counted.Reason != StackReason.PythonGuess
            : pair.Counted.Reason != StackReason.None || pair.Counted.Length != pair.Truth.Count).ToArray();
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {pairs.Length} counts are wrong:\n{string.Join('\n', wrong.Take(20))}");
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
