namespace StackDepth.Live.Tests.Support;

/// <summary>A file that a target writes its own truth to: a name and numbers in each line.</summary>
internal sealed class PrintedLines : IDisposable
{
    internal string Path { get; } = System.IO.Path.GetTempFileName();

    /// <summary>The numbers of the lines that begin so.</summary>
    internal long[][] Of(string name) => [.. Fields().Where(fields => fields[0] == name).Select(static fields => Numbers(fields[1..]))];

    /// <summary>The numbers of the lines that have no name.</summary>
    internal long[][] Unnamed() => [.. Fields().Where(static fields => !char.IsAsciiLetter(fields[0][0])).Select(Numbers)];

    public void Dispose() => File.Delete(Path);

    private IEnumerable<string[]> Fields() => File.ReadLines(Path).Select(static line => line.Split(' '));

    private static long[] Numbers(string[] fields) => [.. fields.Select(static field => long.Parse(field, System.Globalization.CultureInfo.InvariantCulture))];
}
