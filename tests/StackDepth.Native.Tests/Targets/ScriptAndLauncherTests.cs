using System.Text;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;

namespace StackDepth.Native.Tests.Targets;

public sealed class ScriptAndLauncherTests : IDisposable
{
    private const string Program = """
        __attribute__((noinline)) int marker(int x) { __asm__ volatile(""); return x; }
        int main(int argc, char** argv) { return marker(argc); }
        """;

    private readonly CompiledTargets _targets = new();

    public void Dispose() => _targets.Dispose();

    private ResolveOptions Options(params (string Name, string Value)[] variables) => new()
    {
        WorkingDirectory = _targets.Folder,
        Environment = variables.ToDictionary(variable => variable.Name, variable => variable.Value),
    };

    [Theory]
    [InlineData("3.11.2", null, null, "3.11.2", "from PYENV_VERSION")]
    [InlineData("3.11", null, null, "3.11.10", "from PYENV_VERSION")]
    [InlineData("python-3.11.9", null, null, "3.11.9", "from PYENV_VERSION")]
    [InlineData("9.9:3.11.2", "3.11.9", null, "3.11.2", "from PYENV_VERSION")]
    [InlineData(null, "# comment\n\n3.11.9 \r\n", "3.11.2", "3.11.9", ".python-version")]
    [InlineData(null, "../../evil\n3.11.9", "3.11.2", "3.11.9", ".python-version")]
    [InlineData(null, null, "3.11.2\n", "3.11.2", "root/version")]
    [InlineData(null, "3", null, "3.11.10", ".python-version")]
    [InlineData("system", null, "3.11.2", "system", "version 'system'")]
    [InlineData(null, null, null, "system", "names none")]
    [InlineData("2.7", null, null, "system", "no version that is chosen")]
    public void The_version_that_pyenvs_shim_starts_is_found_by_pyenvs_rules(string? variable, string? local, string? global, string expected, string note)
    {
        var root = MakePyenv("3.11.2", "3.11.9", "3.11.10", "3.12.0rc1");
        if (local is not null)
        {
            File.WriteAllText(_targets.PathOf(".python-version"), local);
        }

        if (global is not null)
        {
            File.WriteAllText(root + "/version", global);
        }

        Directory.CreateDirectory(_targets.PathOf("deep/er"));
        var system = _targets.Compile("system/snake3", Program);
        var options = Options([("PATH", $"{root}/shims:{_targets.Folder}/system"), .. variable is null ? Array.Empty<(string, string)>() : [("PYENV_VERSION", variable)]]);
        using var target = TargetResolver.Resolve("snake3", "marker", options with { WorkingDirectory = _targets.PathOf("deep/er") });
        Assert.Equal(expected == "system" ? system : $"{root}/versions/{expected}/bin/snake3", target.Path);
        Assert.StartsWith("snake3 is pyenv's shim; ", target.Note, StringComparison.Ordinal);
        Assert.Contains(note, target.Note, StringComparison.Ordinal);
    }

    [Fact]
    public void A_shim_with_nothing_to_start_names_the_versions_that_could()
    {
        var root = MakePyenv("3.11.2");
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("snake3", "*", Options(("PATH", root + "/shims"), ("PYENV_VERSION", "2.7"))));
        Assert.Equal($"{root}/versions/3.11.2/bin/snake3", Assert.Single(e.Suggestions));
        Assert.Contains("Name one of these", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_real_pyenv_is_followed_to_the_interpreters_library()
    {
        var root = Path.Join(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".pyenv");
        if (!File.Exists(root + "/shims/python3") || !File.Exists(root + "/versions/3.12.1/lib/libpython3.12.so.1.0"))
        {
            Assert.Skip("no pyenv with Python 3.12.1 here");
        }

        var options = Options(("PATH", root + "/shims:/usr/bin"), ("PYENV_VERSION", "3.12.1"));
        using var target = TargetResolver.Resolve("python3", "*", options);
        Assert.Equal(root + "/versions/3.12.1/lib/libpython3.12.so.1.0", target.Path);
        Assert.Contains("python3 is pyenv's shim; version 3.12.1 (from PYENV_VERSION) starts ", target.Note, StringComparison.Ordinal);
        Assert.Contains("; python3.12 is a launcher; its code lives in ", target.Note, StringComparison.Ordinal);
        Assert.InRange(target.Sites.Length, 5000, 9000);

        using var exact = TargetResolver.Resolve("python3", "_PyEval_EvalFrameDefault", options);
        Assert.Equal("libpython3.12.so.1.0", Assert.Single(exact.Sites).Module);
        using var own = TargetResolver.Resolve("python3", "main", options);
        Assert.Equal("python3.12", Assert.Single(own.Sites).Module);
        var e = Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve("python3", "_PyEval_EvalFrameDefalt", options));
        Assert.Equal("_PyEval_EvalFrameDefault", e.Suggestions[0]);
    }

    [Theory]
    [InlineData("#!/bin/sh\n# comment\nexport HOME=/tmp\nset -e\nexec {0} \"$@\"\n")]
    [InlineData("#!/usr/bin/env bash\nX=\"a b\"\nexec -a name \"{0}\" --flag=1 \"$@\"\n")]
    [InlineData("#!/bin/sh\nexec {0} ${{1+\"$@\"}}\n")]
    public void A_wrapper_that_only_execs_a_program_means_that_program(string text)
    {
        var program = _targets.Compile("real/tool", Program);
        var script = _targets.WriteScript("wrapper", string.Format(null, CompositeFormat.Parse(text), program));
        using var target = TargetResolver.Resolve(script, "marker", Options());
        Assert.Equal(program, target.Path);
        Assert.Equal($"{script} is a script that starts {program}", target.Note);
    }

    [Theory]
    [InlineData("#!/bin/sh\nif true; then exec /bin/other; fi\nexec {0} \"$@\"\n")]
    [InlineData("#!/bin/sh\nexport LD_LIBRARY_PATH=/x\nexec {0} \"$@\"\n")]
    [InlineData("#!/bin/sh\nX=$(rm -rf /nowhere)\nexec {0} \"$@\"\n")]
    [InlineData("#!/bin/sh\n{0} \"$@\"\n")]
    [InlineData("#!/usr/bin/perl\nexec {0} \"$@\"\n")]
    public void Another_script_is_refused_with_the_programs_that_could_be_meant(string text)
    {
        var program = _targets.Compile("real/tool", Program);
        var script = _targets.WriteScript("wrapper", string.Format(null, CompositeFormat.Parse(text), program));
        var e = Assert.Throws<TargetException>(() => TargetResolver.Resolve(script, "marker", Options()));
        Assert.Contains("is a script: it has no code of its own to probe", e.Message, StringComparison.Ordinal);
        Assert.Contains(text.Contains("perl", StringComparison.Ordinal) ? "name '/usr/bin/perl'" : "name '/bin/sh'", e.Message, StringComparison.Ordinal);
        Assert.Contains($"It mentions these programs: {program}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_interpreter_behind_env_is_named()
    {
        var script = _targets.WriteScript("tool.py", "#!/usr/bin/env -S python3 -u\nprint(1)\n");
        Assert.Contains("name 'python3'", Assert.Throws<TargetException>(() => TargetResolver.Resolve(script, "*", Options())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Scripts_that_start_each_other_end_in_an_error()
    {
        var one = _targets.PathOf("one");
        _targets.WriteScript("one", $"#!/bin/sh\nexec {_targets.PathOf("two")} \"$@\"\n");
        _targets.WriteScript("two", $"#!/bin/sh\nexec {one} \"$@\"\n");
        Assert.Contains("a script that starts a script", Assert.Throws<TargetException>(() => TargetResolver.Resolve(one, "*", Options())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lizard3.1", "lizard3.1", "lizard_run", true)]
    [InlineData("lizard", "lizard3.1", "lizard_run", true)]
    [InlineData("lizard3.1", "lizard3.12", "lizard_run", false)]
    [InlineData("lizard2", "lizard3.1", "lizard_run", false)]
    [InlineData("snake", "lizard3.1", "lizard_run", false)]
    [InlineData("snake", "lizard3.1", "Lizard_BytesMain", true)]
    public void A_launcher_is_known_by_its_librarys_name_or_by_its_main(string program, string library, string function, bool expected)
    {
        var (launcher, body) = MakeLauncher(program, library, function, filler: 8000);
        using var target = TargetResolver.Resolve(launcher, "*", Options());
        Assert.Equal(expected ? body : launcher, target.Path);
        if (expected)
        {
            Assert.Equal($"{program} is a launcher; its code lives in {body}", target.Note);
            using var exact = TargetResolver.Resolve(launcher, "in_the_body", Options());
            Assert.Equal(body, exact.Path);
            using var own = TargetResolver.Resolve(launcher, "main", Options());
            Assert.Equal(launcher, own.Path);
            using var ownGlob = TargetResolver.Resolve(launcher, "mai[n]", Options());
            Assert.Equal(launcher, ownGlob.Path);
            Assert.Contains(body, Assert.Throws<TargetNotFoundException>(() => TargetResolver.Resolve(launcher, "in_the_buddy", Options())).Message, StringComparison.Ordinal);
        }
        else
        {
            Assert.Null(target.Note);
        }
    }

    [Fact]
    public void A_program_with_code_of_its_own_is_no_launcher()
    {
        var (launcher, _) = MakeLauncher("lizard", "lizard", "lizard_run", filler: 10);
        using var target = TargetResolver.Resolve(launcher, "*", Options());
        Assert.Equal(launcher, target.Path);
    }

    [Fact]
    public void Ordinary_programs_of_this_machine_keep_their_own_code()
    {
        foreach (var name in new[] { "/usr/bin/env", "/usr/bin/ls", "/usr/bin/bash", "/usr/bin/gdb", "/usr/bin/curl", "/usr/bin/gzip", "/usr/bin/openssl" })
        {
            if (File.Exists(name) && ScriptTarget.TryRead(new LocatedFile(name, name)) is null)
            {
                var locator = new BinaryLocator(Options());
                var located = locator.Locate(name);
                using var image = Native.Elf.ElfImage.Open(located.OpenPath);
                Assert.Null(LauncherBody.TryFind(image, located, name, locator));
            }
        }
    }

    private (string Launcher, string Body) MakeLauncher(string program, string library, string function, int filler)
    {
        var text = string.Concat(Enumerable.Range(0, filler).Select(i => $"int filler{i}(int x) {{ return x * {i} + 17; }}\n"));
        var body = _targets.Compile($"lib/lib{library}.so.1.0", $"{text}int in_the_body(int x) {{ return x; }}\nint {function}(int c, char** v) {{ return in_the_body(c); }}", "-shared", "-fPIC", $"-Wl,-soname,lib{library}.so.1.0", "-O0");
        var launcher = _targets.Compile($"bin/{program}", $"int {function}(int c, char** v); int main(int c, char** v) {{ return {function}(c, v); }}", body, "-Wl,-rpath,$ORIGIN/../lib");
        return (launcher, body);
    }

    private string MakePyenv(params string[] versions)
    {
        var root = _targets.PathOf("root");
        var program = _targets.Compile("snake", Program);
        foreach (var version in versions)
        {
            Directory.CreateDirectory($"{root}/versions/{version}/bin");
            File.Copy(program, $"{root}/versions/{version}/bin/snake3");
        }

        _targets.WriteScript("root/shims/snake3", $$"""
            #!/usr/bin/env bash
            set -e
            [ -n "$PYENV_DEBUG" ] && set -x

            program="${0##*/}"

            export PYENV_ROOT="{{root}}"
            exec "{{root}}/libexec/pyenv" exec "$program" "$@"

            """);
        return root;
    }
}
