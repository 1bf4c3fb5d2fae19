using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace StackDepth.Live.Tests.Walks;

/// <summary>
/// The files of Targets/Walks, and what compilers make of them; kept in the temporary folder under the hash of all sources, shared by all runs of the suite. Each run has its own
/// copies: a probe belongs to the file, and one run's probes would take away the breakpoints of another's gdb.
/// </summary>
internal static class Builds
{
    private const string Prefix = "Walks/";

    private static readonly ConcurrentDictionary<string, Lazy<string>> Built = new();
    private static readonly Lazy<string> Folder = new(Unpack);
    private static readonly Lazy<string> Copies = new(static () =>
    {
        var folder = Directory.CreateTempSubdirectory("stackdepth-walks-");
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
        return folder.FullName;
    });

    /// <summary>The path of a source or script.</summary>
    internal static string File(string name) => Path.Combine(Folder.Value, name);

    /// <summary>Runs a compiler: its arguments with "-o" and the product's path behind them. Arguments that name a source become its path.</summary>
    internal static string Make(string name, string compiler, params string[] arguments)
    {
        Requires.Tool(compiler);
        return Built.GetOrAdd(name + ' ' + compiler + ' ' + string.Join(' ', arguments), key => new(() => Compile(name, compiler, arguments, key))).Value;
    }

    internal static string C(string name, params string[] arguments) => Make(name, "gcc", ["-g", "-Wall", "-Wextra", "-Werror", .. arguments]);

    private static string Compile(string name, string compiler, string[] arguments, string key)
    {
        var hash = Hash(key)[..8];
        var product = Path.Combine(Folder.Value, $"{Path.GetFileNameWithoutExtension(name)}-{hash}{Path.GetExtension(name)}");
        if (System.IO.File.Exists(product))
            return Copy(product);

        // Built aside and renamed: another run of the suite may be building the same.
        var aside = $"{product}.{Environment.ProcessId}";
        var start = new ProcessStartInfo(compiler, [.. arguments.Select(static argument => System.IO.File.Exists(File(argument)) ? File(argument) : argument), "-o", aside])
        {
            RedirectStandardError = true,
            WorkingDirectory = Folder.Value,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{compiler} {string.Join(' ', arguments)}:\n{errors}");
        System.IO.File.Move(aside, product, overwrite: true);
        return Copy(product);
    }

    private static string Copy(string product)
    {
        var copy = Path.Combine(Copies.Value, Path.GetFileName(product));
        System.IO.File.Copy(product, copy);
        return copy;
    }

    private static string Unpack()
    {
        var assembly = typeof(Builds).Assembly;
        var files = assembly.GetManifestResourceNames().Where(static name => name.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToDictionary(
            static name => name[Prefix.Length..],
            name => new StreamReader(assembly.GetManifestResourceStream(name)!).ReadToEnd());
        var hash = Hash(string.Concat(files.Select(static file => file.Key + '\n' + file.Value)))[..16];
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"stackdepth-walks-{Environment.UserName}-{hash}")).FullName;
        foreach (var (name, text) in files)
        {
            var path = Path.Combine(folder, name);
            if (System.IO.File.Exists(path))
                continue;
            System.IO.File.WriteAllText($"{path}.{Environment.ProcessId}", text);
            System.IO.File.Move($"{path}.{Environment.ProcessId}", path, overwrite: true);
        }

        return folder;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
