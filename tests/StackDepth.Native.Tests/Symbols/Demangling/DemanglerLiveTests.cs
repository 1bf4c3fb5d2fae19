using System.Text.RegularExpressions;
using StackDepth.Native.Elf;
using StackDepth.Native.Symbols.Demangling;

namespace StackDepth.Native.Tests.Symbols.Demangling;

/// <summary>All mangled names of the machine's own programs and libraries against c++filt's. STACKDEPTH_FULL=1 takes all files instead of every twelfth.</summary>
public sealed partial class DemanglerLiveTests(ITestOutputHelper output)
{
    private const int Step = 12;

    [Theory]
    [InlineData("/usr/lib/MACHINE-linux-gnu", "*", false)]
    [InlineData("/usr/bin", "*", false)]
    [InlineData("/usr/lib/MACHINE-linux-gnu", "libstdc++.so.6*", true)]
    public async Task Names_of_a_folders_files_equal_those_of_binutils(string folder, string pattern, bool verbose)
    {
        folder = folder.Replace("MACHINE", ElfImage.HostMachine == ElfConstants.MachineArm64 ? "aarch64" : "x86_64", StringComparison.Ordinal);
        Requires.Tool("c++filt");
        Requires.Tool("nm");
        Requires.That(Directory.Exists(folder), $"the folder {folder}");
        var full = pattern != "*" || Environment.GetEnvironmentVariable("STACKDEPTH_FULL") == "1";
        string[] files = [.. Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal).Where(static path => new FileInfo(path).LinkTarget is null && IsElf(path))];
        var names = new SortedSet<string>(StringComparer.Ordinal);
        // A sample of the files, and another one where none of them has a mangled name.
        for (var offset = 0; offset < Step && names.Count == 0; offset++)
        {
            foreach (var path in files.Where((path, index) => full || (index % Step == offset && new FileInfo(path).Length < 30_000_000)))
            {
                names.UnionWith(await CxxFilt.NamesAsync(path));
            }
        }

        Assert.NotEmpty(names);
        var expected = await CxxFilt.DemangleAsync(names, verbose);
        var differences = names.Zip(expected, (name, text) => (Name: name, Expected: text, Actual: Demangler.Demangle(name, verbose)))
            .Where(static name => name.Expected != name.Actual).ToList();
        var unknown = differences.Where(static name => !IsOfBinutils(name.Name, name.Expected, name.Actual)).ToList();
        output.WriteLine($"{folder}/{pattern}: {names.Count} names, {names.Count - differences.Count} equal, {differences.Count - unknown.Count} that binutils has wrong");
        Assert.Empty(unknown);
        Assert.True(differences.Count <= names.Count / 1000, $"{differences.Count} of {names.Count} names differ");
    }

    /// <summary>The kinds of Data/differences.txt that are met in the wild.</summary>
    internal static bool IsOfBinutils(string name, string expected, string actual)
    {
        var givesUp = expected == name && (name.StartsWith("_ZGR", StringComparison.Ordinal) || OuterParameter().IsMatch(name));
        return givesUp || EmptyPack().Replace(expected, static match => match.Groups[1].Value) == actual || LongNumber().IsMatch(name);
    }

    [GeneratedRegex("fL[0-9]+p")]
    private static partial Regex OuterParameter();

    [GeneratedRegex("(, |[<(]), ")]
    private static partial Regex EmptyPack();

    [GeneratedRegex("^_R.*K[no]n?[0-9a-f]{17,}_")]
    private static partial Regex LongNumber();

    private static bool IsElf(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> start = stackalloc byte[4];
        return file.ReadAtLeast(start, 4, throwOnEndOfStream: false) == 4 && start.SequenceEqual("\u007fELF"u8);
    }
}
