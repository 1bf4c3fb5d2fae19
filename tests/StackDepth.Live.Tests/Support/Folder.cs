namespace StackDepth.Live.Tests.Support;

/// <summary>A temporary folder of one test.</summary>
internal sealed class Folder : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("stackdepth-live-");

    internal string FullName => _directory.FullName;

    internal string this[string name] => Path.Combine(_directory.FullName, name);

    public void Dispose() => _directory.Delete(recursive: true);
}
