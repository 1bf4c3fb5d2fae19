namespace StackDepth.Native.Tests.Asm;

/// <summary>The file of encodings by LLVM's assembler (see its head for how it is made).</summary>
internal static class EncodingData
{
    internal static IReadOnlyDictionary<string, byte[]> Read() => File.ReadLines(Find())
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(';'))
        .ToDictionary(parts => parts[0].TrimEnd(), parts => Convert.FromHexString(parts[1].Replace(" ", "", StringComparison.Ordinal)));

    /// <summary>The source tree's file: the tests run from a folder below it.</summary>
    internal static string Find()
    {
        var path = Path.Combine("tests", "StackDepth.Native.Tests", "Asm", "Data", "encodings.txt");
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, path)))
                return Path.Combine(folder.FullName, path);
        }

        throw new FileNotFoundException($"The test data {path} is in no folder above {AppContext.BaseDirectory}.");
    }
}
