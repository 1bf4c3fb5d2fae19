using System.Text;

namespace StackDepth.Core.Tests.Golden;

/// <summary>
/// The golden files beside this source. To accept a change: run the tests with STACKDEPTH_ACCEPT=1, which rewrites what differs and still fails, read the diff of the files as
/// you would read a change of the compiler, and run again without it.
/// </summary>
internal static class GoldenFile
{
    internal static string Folder { get; } = Path.Combine(Repository(), "tests", "StackDepth.Core.Tests", "Golden");

    internal static void Check(string name, string actual)
    {
        var path = Path.Combine(Folder, name + ".txt");
        var expected = File.Exists(path) ? File.ReadAllText(path) : null;
        if (expected == actual)
            return;
        var difference = expected is null ? $"There is no {name}.txt yet." : Lines.Difference(expected, actual);
        if (Environment.GetEnvironmentVariable("STACKDEPTH_ACCEPT") != "1")
            Assert.Fail($"{name}.txt differs (- golden, + now; STACKDEPTH_ACCEPT=1 rewrites it):\n{difference}");
        File.WriteAllText(path, actual, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        Assert.Fail($"{name}.txt was rewritten because STACKDEPTH_ACCEPT=1; read it, and run again without it. (- before, + now)\n{difference}");
    }

    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "StackDepth.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException("The golden files are in the repository, and the tests do not run inside of one.");
    }
}
