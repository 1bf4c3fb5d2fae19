using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace StackDepth.Live.Tests.Support;

/// <summary>
/// The C program of this suite (Targets/target.c), built with gcc, frame pointers kept. A build is kept in the temporary folder under the hash of its source and flags, and
/// shared by all runs of the suite.
/// </summary>
internal static class CTarget
{
    private static readonly string[] Flags = ["-O1", "-g", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-fno-inline", "-pthread"];
    private static readonly ConcurrentDictionary<string, Lazy<string>> Built = new();

    /// <summary>The program that tests share. Probes in it may be hit by other tests' processes: count by process or command.</summary>
    internal static string Shared => Named("target");

    /// <summary>The same program in a file of its own, for probes of all processes: a uprobe belongs to the file.</summary>
    internal static string Named(string name)
    {
        Requires.Bpf();
        Requires.Tool("gcc");
        return Built.GetOrAdd(name, static name => new(() =>
        {
            using var stream = typeof(CTarget).Assembly.GetManifestResourceStream("target.c")!;
            return Build(name, new StreamReader(stream).ReadToEnd(), Flags);
        })).Value;
    }

    /// <summary>A library with one function: <c>int own_leaf(int)</c> answers its argument plus 1.</summary>
    internal static string Library(string name)
    {
        Requires.Bpf();
        Requires.Tool("gcc");
        return Built.GetOrAdd($"lib{name}.so", static name => new(() => Build(name, "int own_leaf(int x) { return x + 1; }\n", [.. Flags, "-shared", "-fPIC"]))).Value;
    }

    /// <summary>A program of a source of Targets/, built with flags of the test's own; <paramref name="finish"/> does what is left to be done to the file.</summary>
    internal static string Of(string source, string name, string[] flags, Action<string>? finish = null)
    {
        Requires.Bpf();
        Requires.Tool("gcc");
        return Built.GetOrAdd($"{source} {name}", _ => new(() =>
        {
            using var stream = typeof(CTarget).Assembly.GetManifestResourceStream(source)!;
            return Build(name, new StreamReader(stream).ReadToEnd(), flags, finish);
        })).Value;
    }

    private static string Build(string name, string source, string[] flags, Action<string>? finish = null)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source + string.Join(' ', flags))))[..16];
        var folder = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"stackdepth-live-{Environment.UserName}-{hash}")).FullName;
        var binary = Path.Combine(folder, name);
        if (File.Exists(binary))
            return binary;

        // Built aside and renamed: another run of the suite may be building the same.
        var aside = Path.Combine(folder, $"{name}.{Environment.ProcessId}");
        File.WriteAllText(aside + ".c", source);
        using var gcc = Process.Start(new ProcessStartInfo("gcc", [.. flags, "-o", aside, aside + ".c"]) { RedirectStandardError = true })!;
        var errors = gcc.StandardError.ReadToEnd();
        gcc.WaitForExit();
        File.Delete(aside + ".c");
        Assert.True(gcc.ExitCode == 0, errors);
        finish?.Invoke(aside);
        File.Move(aside, binary, overwrite: true);
        return binary;
    }
}
