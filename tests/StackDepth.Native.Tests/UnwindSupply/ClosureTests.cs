using System.Diagnostics;
using System.Text.RegularExpressions;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

public sealed partial class ClosureTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private static readonly ResolveOptions s_options = new() { Environment = new Dictionary<string, string> { ["PATH"] = "/usr/local/bin:/usr/bin:/bin" } };

    [GeneratedRegex("""(?m)^\s+(?:\S+ => )?(/\S+) \(0x""")]
    private static partial Regex Library { get; }

    [Fact]
    public void What_a_program_needs_is_what_the_loader_lists()
    {
        Requires.Tool("ldd");
        // Programs that are no ELF files, or for no loader, ldd refuses.
        string[] wanted = ["python3.11", "gdb", "node", "lua5.4", "perl", "git", "curl", "bash", "gcc", "ssh", "systemctl", "dotnet", "bpftrace", "perf"];
        string[] found = [.. wanted.Select(static name => $"/usr/bin/{name}").Concat(Directory.EnumerateFiles("/usr/bin").Order(StringComparer.Ordinal).Where(static (_, i) => i % 25 == 0))
            .Where(static path => IsProgram(path)).Select(static path => RootedPath.Resolve("", path)).Distinct()]; // ldd takes $ORIGIN from the name; a program that runs knows its own.
        Assert.True(found.Length > 10);
        Assert.All(found, static program => Assert.Equal(Listed(program), Closure(program)));
    }

    [Fact]
    public void Search_paths_of_the_program_and_of_its_libraries_count()
    {
        targets.Compile("lib/libdeep.so", "int deep(void) { return 1; }", "-shared", "-fPIC", "-Wl,-soname,libdeep.so.1");
        File.Move(targets.PathOf("lib/libdeep.so"), targets.PathOf("lib/libdeep.so.1"), overwrite: true);
        var middle = targets.Compile("lib/libmiddle.so", "int deep(void); int middle(void) { return deep(); }", "-shared", "-fPIC", targets.PathOf("lib/libdeep.so.1"), "-Wl,-rpath,$ORIGIN");
        foreach (var tag in (string[])["--enable-new-dtags", "--disable-new-dtags"])
        {
            var program = targets.Compile($"program{tag}", "int middle(void); int main(void) { return middle(); }", middle, $"-Wl,{tag},-rpath,$ORIGIN/lib");
            Assert.Equal(Listed(program), Closure(program));
            Assert.Contains(targets.PathOf("lib/libdeep.so.1"), Closure(program));
        }

        // Only DT_RPATH reaches what a library needs.
        var bare = targets.Compile("lib/libbare.so", "int deep(void); int middle(void) { return deep(); }", "-shared", "-fPIC", targets.PathOf("lib/libdeep.so.1"));
        var inherits = targets.Compile("inherits", "int middle(void); int main(void) { return middle(); }", bare, "-Wl,--disable-new-dtags,-rpath,$ORIGIN/lib", $"-Wl,-rpath-link,{targets.PathOf("lib")}");
        Assert.Equal(Listed(inherits), Closure(inherits));
    }

    [Fact]
    public void The_commands_environment_counts()
    {
        var library = targets.Compile("elsewhere/libfar.so", "int far(void) { return 1; }", "-shared", "-fPIC", "-Wl,-soname,libfar.so");
        var preloaded = targets.Compile("elsewhere/libpre.so", "int pre(void) { return 1; }", "-shared", "-fPIC");
        var program = targets.Compile("far", "int far(void); int main(void) { return far(); }", library);
        Assert.DoesNotContain(library, LibraryClosure.Of([program], s_options));
        var files = LibraryClosure.Of([program], new() { Environment = new Dictionary<string, string> { ["LD_LIBRARY_PATH"] = Path.GetDirectoryName(library)!, ["LD_PRELOAD"] = preloaded } });
        Assert.Contains(library, files);
        Assert.Contains(preloaded, files);
    }

    [Fact]
    public void A_script_means_what_runs_it()
    {
        var direct = targets.WriteScript("direct.sh", "#!/bin/bash -e\necho\n");
        var byEnv = targets.WriteScript("env.sh", "#!/usr/bin/env bash\necho\n");
        var nested = targets.WriteScript("nested", $"#!{direct}\n");
        var circle = targets.WriteScript("circle", $"#!{targets.PathOf("circle")}\n");
        var bash = RootedPath.Resolve("", "/bin/bash");
        Assert.Equal(Listed(bash), Closure(direct));
        Assert.Equal(Listed(bash), Closure(nested));
        Assert.Equal(Listed(bash).Union(Listed(RootedPath.Resolve("", "/usr/bin/env"))).Order(StringComparer.Ordinal), Closure(byEnv));
        var link = targets.PathOf("link");
        File.CreateSymbolicLink(link, link);
        Assert.Empty(LibraryClosure.Of([link, circle, "/nowhere", "/etc/passwd", "/dev/null", "/proc"], s_options));
    }

    private static string[] Closure(string program) => [.. LibraryClosure.Of([program], s_options).Order(StringComparer.Ordinal)];

    private static bool IsProgram(string path)
    {
        try
        {
            using var image = ElfImage.Open(path);
            return image.Interpreter is not null;
        }
        catch (Exception error) when (error is ElfException or FileNotFoundException)
        {
            return false;
        }
    }

    // The truth: the loader itself, run with LD_TRACE_LOADED_OBJECTS.
    private static string[] Listed(string program)
    {
        var start = new ProcessStartInfo("/bin/bash", ["/usr/bin/ldd", program]) { RedirectStandardOutput = true };
        start.Environment.Remove("LD_LIBRARY_PATH");
        start.Environment.Remove("LD_PRELOAD");
        using var ldd = Process.Start(start)!;
        var text = ldd.StandardOutput.ReadToEnd();
        ldd.WaitForExit();
        Assert.Equal(0, ldd.ExitCode);
        return [.. Library.Matches(text).Select(static match => RootedPath.Resolve("", match.Groups[1].Value)).Append(RootedPath.Resolve("", program)).Distinct().Order(StringComparer.Ordinal)];
    }
}
