using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>The query of the mission, on real interpreters.</summary>
public sealed class PythonTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static ProcessStartInfo Nothing(string python) => new(python, ["-S", "-E", "-c", "pass"]);

    [Fact]
    public async Task A_star_over_python3_probes_the_interpreter_wherever_its_code_lives()
    {
        Requires.Bpf();
        Requires.Tool("python3");
        var query = Probe.UProbe("python3", "*").Select(hit => hit.UStack.Length).Max();
        string code;
        await using (var session = await query.AttachAsync(Command.ByKernel, Cancellation))
        {
            Assert.True(session.Sites.Length > 5_000, $"{session.Sites.Length} sites");
            Assert.Equal("uprobe_multi", session.AttachedBy);
            code = session.Sites[0].Binary;
            Assert.All(session.Sites, site => Assert.Equal(code, site.Binary));
            if (code.Contains("libpython", StringComparison.Ordinal))
                Assert.Contains("libpython", session.TargetNote, StringComparison.Ordinal);
        }

        // The program behind the name, so that no shell script's processes run before it.
        var program = Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(code)!)!, "bin", "python3");
        var run = await query.RunAsync(Nothing(File.Exists(program) ? program : "python3"), Command.Quiet, Cancellation);
        Assert.Equal(0, run.ExitCode);
        Assert.True(run.Health.Hits > 10_000, $"{run.Health.Hits} hits");
        Assert.True(run.Result > 5);
        Assert.Equal((0, 0, 0), (run.Health.Missed, run.Health.StackErrors, run.Health.Dropped));
        Assert.Equal(run.Health.Hits, run.Health.Broken + run.Health.Truncated);
        Assert.Equal("Py_BytesMain", run.Sites.Single(site => site.Symbol == "Py_BytesMain").Symbol);
    }

    [Fact]
    public async Task Behind_a_shim_the_command_is_followed_to_the_interpreter()
    {
        Requires.Bpf();
        Requires.Tool("python3");
        var run = await Probe.UProbe("python3", "Py_BytesMain").Count().RunAsync(Nothing("python3"), Command.Quiet, Cancellation);
        Assert.Equal((1, 0), (run.Result, run.ExitCode));
    }

    [Fact]
    public async Task A_stripped_python_of_the_distribution_is_probed_by_its_exports()
    {
        const string Python = "/usr/bin/python3";
        Requires.Bpf();
        Requires.That(File.Exists(Python), Python);
        var run = await Probe.UProbe(Python, "Py*").GroupBy(hit => hit.Function).Count().RunAsync(Nothing(Python), Command.Quiet, Cancellation);
        Assert.Equal(0, run.ExitCode);
        Assert.True(run.Sites.Length > 500);
        Assert.Equal(1, run.Result.Single(group => group.Key.Name == "Py_BytesMain").Value);
        Assert.Equal(run.Health.Hits, run.Result.Values.Sum());
    }
}
