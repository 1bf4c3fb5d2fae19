using System.Diagnostics;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Targets;

public sealed class BinaryResolutionTests : IDisposable
{
    private const string Source = """
        #include <unistd.h>
        __attribute__((noinline)) int marker(int x) { __asm__ volatile(""); return x; }
        int main(int argc, char** argv) { return marker(argc) > 1 ? pause() : 0; }
        """;

    private readonly CompiledTargets _targets = new();

    public void Dispose() => _targets.Dispose();

    private ResolveOptions Options(params (string Name, string Value)[] variables) => new()
    {
        WorkingDirectory = _targets.Folder,
        Environment = variables.ToDictionary(variable => variable.Name, variable => variable.Value),
    };

    [Fact]
    public void A_program_is_found_on_the_given_path_with_links_followed()
    {
        var path = _targets.Compile("bin/tool", Source);
        File.CreateSymbolicLink(_targets.PathOf("alias"), "bin/tool");
        File.WriteAllText(_targets.PathOf("tool"), "not executable, so not found");
        using var target = TargetResolver.Resolve("tool", "marker", Options(("PATH", $"{_targets.Folder}:/nowhere:{_targets.Folder}/bin")));
        Assert.Equal(path, target.Path);
        Assert.Equal("tool", target.RequestedBinary);
        Assert.Null(target.Note);
        using var relative = TargetResolver.Resolve("./alias", "marker", Options());
        Assert.Equal(path, relative.Path);
    }

    [Theory]
    [InlineData("libc.so.6")]
    [InlineData("libc")]
    [InlineData("c")]
    public void A_library_is_found_by_the_names_of_it(string name)
    {
        using var target = TargetResolver.Resolve(name, "fopen", Options(("PATH", "/nowhere")));
        Assert.Contains("/libc", target.Path, StringComparison.Ordinal);
        Assert.NotEmpty(target.Sites);
    }

    [Fact]
    public void LD_LIBRARY_PATH_comes_before_the_cache()
    {
        var path = _targets.Compile("lib/libc.so.6", Source, "-shared", "-fPIC");
        using var target = TargetResolver.Resolve("libc.so.6", "marker", Options(("LD_LIBRARY_PATH", _targets.Folder + "/lib")));
        Assert.Equal(path, target.Path);
    }

    [Fact]
    public void A_name_that_means_nothing_gets_near_matches_and_hints()
    {
        _targets.Compile("bin/fibonacci", Source);
        var path = ("PATH", _targets.Folder + "/bin");
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("fibonaci", "*", Options(path)));
        Assert.Contains("neither a program on PATH nor a shared library", e.Message, StringComparison.Ordinal);
        Assert.Equal("fibonacci", Assert.Single(e.Suggestions));

        _targets.Compile("here", Source);
        Assert.Contains("write './here'", Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("here", "*", Options(path))).Message, StringComparison.Ordinal);
        Assert.Contains("no such file", Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("./nowhere", "*", Options(path))).Message, StringComparison.Ordinal);
        Assert.Contains("is a directory", Assert.Throws<TargetException>(() => TargetResolver.Resolve("./bin", "*", Options(path))).Message, StringComparison.Ordinal);
        Assert.Contains("No binary is named", Assert.Throws<TargetException>(() => TargetResolver.Resolve(" ", "*", Options(path))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Near_matches_of_a_path_come_from_its_directory_only()
    {
        _targets.Compile("bin/rec", Source);
        File.WriteAllText(_targets.PathOf("bin/.hidden"), "");
        var options = Options(("PATH", _targets.Folder + "/bin"));
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("./bin/rce", "*", options));
        Assert.Equal(["./bin/rec"], e.Suggestions);
        Assert.EndsWith("./bin/rce: no such file. Did you mean './bin/rec'?", e.Message, StringComparison.Ordinal);
        Assert.Empty(Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("./rec", "*", options)).Suggestions);
        Assert.Equal([".//bin/.hidden"], Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(".//bin/.hiden", "*", options)).Suggestions);
        Assert.Empty(Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("/nowhere/at/all/rec", "*", options)).Suggestions);
    }

    [Fact]
    public void A_library_of_another_version_is_suggested()
    {
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("libc.so.99.123.4567.89", "*", Options(("PATH", "/nowhere"))));
        Assert.Equal("libc.so.6", e.Suggestions.FirstOrDefault());
    }

    [Fact]
    public void A_tilde_is_said_not_to_be_expanded()
    {
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("~/x", "*", Options(("HOME", "/home/someone"))));
        Assert.Contains("'~' is not expanded here: write '/home/someone/x'.", e.Message, StringComparison.Ordinal);
        e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("~someone/x", "*", Options(("HOME", "/home/other"))));
        Assert.Contains("'~' is not expanded here: write the home directory's path.", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_on_PATH_that_is_not_executable_is_named_as_such()
    {
        Directory.CreateDirectory(_targets.PathOf("bin"));
        var path = _targets.PathOf("bin/data");
        File.WriteAllText(path, "no program");
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("data", "*", Options(("PATH", "/nowhere:" + _targets.Folder + "/bin"))));
        Assert.Contains($"'data' is on PATH as {path}, but that file is not executable", e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Did you mean", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dev/zero")]
    [InlineData("/dev/null")]
    public void A_device_is_no_regular_file(string path) =>
        Assert.Equal($"{path}: is not a regular file.", Assert.Throws<TargetException>(() => TargetResolver.Resolve(path, "*", Options())).Message);

    [Fact]
    public void Near_matches_count_two_neighbours_that_changed_places_as_one_edit_and_leave_out_what_was_written()
    {
        Assert.Equal(["rec"], Near("rce", "rec", "rce", "core", "abc", "cre_"));
        Assert.Equal(["walk_left"], Near("wlak_lfet", "walk_left", "wax_right"));
        Assert.Equal(["fib"], Near("ifb", "fib"));
        Assert.Equal([], Near("same", "same"));

        static string[] Near(string wanted, params string[] names)
        {
            var near = new NearMatches(wanted);
            Array.ForEach(names, near.Offer);
            return [.. near.Best()];
        }
    }

    [Fact]
    public void Links_in_a_circle_are_an_error()
    {
        File.CreateSymbolicLink(_targets.PathOf("ring"), "gnir");
        File.CreateSymbolicLink(_targets.PathOf("gnir"), "ring");
        Assert.Contains("circle", Assert.Throws<TargetException>(() => TargetResolver.Resolve("./ring", "*", Options())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Objects_and_text_are_refused()
    {
        var item = _targets.Compile("object.o", Source, "-c");
        Assert.Contains("is an object file", Assert.Throws<TargetException>(() => TargetResolver.Resolve(item, "*", Options())).Message, StringComparison.Ordinal);
        File.WriteAllText(item, "plain text");
        Assert.Contains("is not an ELF program", Assert.Throws<TargetException>(() => TargetResolver.Resolve(item, "*", Options())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absolute_link_stays_inside_the_root_directory()
    {
        Directory.CreateDirectory(_targets.PathOf("root/usr/bin"));
        File.CreateSymbolicLink(_targets.PathOf("root/bin"), "/usr/bin");
        File.CreateSymbolicLink(_targets.PathOf("root/usr/bin/tool"), "../../../../../usr/bin/tool1");
        Assert.Equal("/usr/bin/tool1", RootedPath.Resolve(_targets.PathOf("root"), "/bin/./tool"));
    }

    [Fact]
    public void With_a_pid_names_mean_what_the_process_maps_also_after_it_was_deleted()
    {
        var path = _targets.Compile("sleeper3.1", Source);
        using var child = Process.Start(new ProcessStartInfo(path, ["wait"]))!;
        try
        {
            WaitUntilItRuns(child, path);
            var options = Options(("PATH", "/usr/bin")) with { Pid = child.Id };
            foreach (var name in new[] { "sleeper3.1", "sleeper3", "sleeper", path, "./sleeper3.1" })
            {
                using var target = TargetResolver.Resolve(name, "marker", options);
                Assert.Equal((path, null), (target.Path, target.Note));
            }

            using (var libc = TargetResolver.Resolve("libc", "fopen", options))
            {
                Assert.Contains(libc.Path, File.ReadAllText($"/proc/{child.Id}/maps"), StringComparison.Ordinal);
                Assert.Null(libc.Note);
            }

            using (var unmapped = TargetResolver.Resolve("libm.so.6", "lgamma", options))
            {
                Assert.Contains("does not have", unmapped.Note, StringComparison.Ordinal);
            }

            // Replaced by another program at the same path: the process still runs the old file.
            File.Delete(path);
            _targets.Compile("sleeper3.1", "int main(void) { return 0; }");
            foreach (var name in new[] { "sleeper3.1", "sleeper", path })
            {
                using var target = TargetResolver.Resolve(name, "marker", options);
                Assert.Contains("was deleted or replaced", target.Note, StringComparison.Ordinal);
                Assert.Single(target.Sites);
            }
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
    }

    [Fact]
    public void With_a_pid_paths_are_those_inside_the_root_directory_of_the_process()
    {
        var path = _targets.Compile("jail/opt/captive", Source, "-static");
        File.CreateSymbolicLink(_targets.PathOf("jail/usr"), "/opt");
        if (Environment.UserName != "root")
        {
            CompiledTargets.SkipOrFail("chroot needs root");
        }

        using var child = Process.Start(new ProcessStartInfo("chroot", [_targets.PathOf("jail"), "/opt/captive", "wait"]))!;
        try
        {
            WaitUntilItRuns(child, path, library: null);
            foreach (var name in new[] { "/opt/captive", "/usr/captive", "captive" })
            {
                using var target = TargetResolver.Resolve(name, "marker", Options(("PATH", "/nowhere")) with { Pid = child.Id });
                Assert.Equal(("/opt/captive", null), (target.Path, target.Note));
            }

            // The same file without the pid: the link that leads into the process's root, and the absolute link in there, stay inside.
            using (var below = TargetResolver.Resolve($"/proc/{child.Id}/root/usr/captive", "marker", Options()))
            {
                Assert.Equal($"/proc/{child.Id}/root/opt/captive", below.Path);
            }

            File.Copy("/bin/true", _targets.PathOf("jail/opt/unused"));
            File.CreateSymbolicLink(_targets.PathOf("jail/opt/hidden"), "/usr/unused");
            var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("/opt/hidden", "marker", Options() with { Pid = child.Id }));
            Assert.Contains("/opt/unused has no function", e.Message, StringComparison.Ordinal);
            Assert.Contains("in the root directory of process", Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(path, "marker", Options() with { Pid = child.Id })).Message, StringComparison.Ordinal);
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
    }

    [Fact]
    public void A_running_interpreter_is_found_by_its_short_name_with_the_library_that_it_maps()
    {
        var path = Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv/versions/3.12.1/bin/python3");
        if (!File.Exists(path))
        {
            Assert.Skip("no pyenv with Python 3.12.1 here");
        }

        using var child = Process.Start(new ProcessStartInfo(path, ["-c", "import time; time.sleep(60)"]))!;
        try
        {
            WaitUntilItRuns(child, "libpython");
            using var target = TargetResolver.Resolve("python3", "PyObject_Call*", Options(("PATH", "/nowhere")) with { Pid = child.Id });
            Assert.EndsWith("/3.12.1/lib/libpython3.12.so.1.0", target.Path, StringComparison.Ordinal);
            Assert.Contains("python3.12 is a launcher", target.Note, StringComparison.Ordinal);
            Assert.True(target.Sites.Length > 5);
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
    }

    [Fact]
    public void The_root_directory_of_a_process_that_is_gone_is_an_error() => Assert.Contains(
        "There is no process that /proc/4194303/root belongs to.",
        Assert.Throws<TargetException>(() => TargetResolver.Resolve("/proc/4194303/root/bin/sh", "*", Options())).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_pid_of_no_process_is_an_error() =>
        Assert.Contains("There is no process 4194303.", Assert.Throws<TargetException>(() => TargetResolver.Resolve("sh", "*", Options() with { Pid = 4194303 })).Message, StringComparison.Ordinal);

    [Fact]
    public void The_loader_cache_lists_what_ldconfig_prints()
    {
        if (!File.Exists("/etc/ld.so.cache"))
        {
            CompiledTargets.SkipOrFail("no /etc/ld.so.cache");
        }

        var cache = LoaderCache.Read("/etc/ld.so.cache");
        Assert.Contains(cache.Entries, entry => entry.Name == "libc.so.6" && File.Exists(entry.Path));
        var bytes = File.ReadAllBytes("/etc/ld.so.cache");
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var damaged = bytes.AsSpan(0, random.Next(bytes.Length)).ToArray();
            for (var flips = 0; flips < 20 && damaged.Length > 0; flips++)
            {
                damaged[random.Next(Math.Min(damaged.Length, flips < 4 ? 48 : damaged.Length))] = (byte)random.Next(256);
            }

            Assert.True(LoaderCache.Parse(damaged).Entries.Count <= bytes.Length / 24);
        }

        byte[] old = [.. "ld.so-1.7.0\0"u8, 1, 0, 0, 0, .. new byte[12 + 4], .. bytes];
        Assert.Equal(cache.Entries, LoaderCache.Parse(old).Entries);
    }

    private static void WaitUntilItRuns(Process child, string path, string? library = "libc")
    {
        for (var tries = 0; tries < 500; tries++)
        {
            var maps = File.ReadAllText($"/proc/{child.Id}/maps");
            if (maps.Contains(path, StringComparison.Ordinal) && (library is null || maps.Contains(library, StringComparison.Ordinal)))
            {
                return;
            }

            Thread.Sleep(10);
        }

        Assert.Fail("the child did not start");
    }
}
