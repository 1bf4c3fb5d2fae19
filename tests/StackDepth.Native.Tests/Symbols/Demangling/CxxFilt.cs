using System.Diagnostics;

namespace StackDepth.Native.Tests.Symbols.Demangling;

/// <summary>c++filt and nm of binutils: the truth about mangled names, and a supply of them.</summary>
internal static class CxxFilt
{
    /// <summary>What c++filt makes of each name, without its limit on their length (-r), and as nm -C has it unless <paramref name="verbose"/>.</summary>
    internal static async Task<string[]> DemangleAsync(IReadOnlyCollection<string> names, bool verbose)
    {
        var output = await RunAsync("c++filt", verbose ? ["-r"] : ["-r", "-i"], string.Concat(names.Select(name => name + '\n')));
        var lines = output.TrimEnd('\n').Split('\n');
        Assert.Equal(names.Count, lines.Length);
        return lines;
    }

    /// <summary>Its name and version, as in the head of Data/names.txt.</summary>
    internal static async Task<string> VersionAsync() => (await RunAsync("c++filt", ["--version"], "")).Split('\n')[0];

    /// <summary>The mangled names of both symbol tables of a file.</summary>
    internal static async Task<IEnumerable<string>> NamesAsync(string path)
    {
        // A file without one of the tables is no failure.
        var (dynamic, all) = (await RunAsync("nm", ["-D", "--without-symbol-versions", path], ""), await RunAsync("nm", [path], ""));
        return $"{dynamic}\n{all}".Split('\n').Select(line => line[(line.LastIndexOf(' ') + 1)..])
            .Where(name => name.StartsWith("_Z", StringComparison.Ordinal) || name.StartsWith("_R", StringComparison.Ordinal) || name.StartsWith("_GLOBAL_", StringComparison.Ordinal))
            .Where(name => !name.Contains('@', StringComparison.Ordinal));
    }

    private static async Task<string> RunAsync(string program, string[] arguments, string input)
    {
        Requires.Tool(program);
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        await errors;
        return await output;
    }
}
