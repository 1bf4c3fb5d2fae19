using System.Diagnostics;
using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Python;

/// <summary>Which process's Python is asked: one that runs already, its children, another program in its place, and none at all.</summary>
public sealed class PythonProcessTests
{
    private static AttachOptions Quiet { get; } = new() { Walk = StackWalk.Kernel, CommandOutput = CommandOutput.Discard };

    /// <summary>Before user space has answered, or while another thread changes the mappings in which the Python is looked for.</summary>
    private static bool IsNotKnownYet(StackReason reason) => reason is StackReason.PythonPending or StackReason.MappingBusy;

    public static TheoryData<string> Pythons { get; } = [.. PythonTargets.All.Keys];

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(Pythons))]
    public async Task A_process_that_runs_already_is_known_from_its_first_hit(string python)
    {
        await FirstHit(python, static process => Probe.UProbe(PythonTargets.Library, "py_leaf").ForProcess(process.Id));
        await FirstHit(python, static process => Probe.UProbe(PythonTargets.Library, "py_leaf").Where(s => s.Pid == process.Id));
    }

    private static async Task FirstHit(string python, Func<Process, ProbeSource<EntryContext>> probe)
    {
        Requires.Bpf();
        using var report = new PythonReport();
        var start = PythonTargets.Command(PythonTargets.All[python], report.Path, "70", "wait");
        start.RedirectStandardInput = start.RedirectStandardOutput = true;
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteLineAsync("before");
        Assert.Equal("done", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        await using (var session = await probe(process).GroupBy(s => s.Python.Reason).Max(s => s.Python.Length).AttachAsync(
            Quiet, TestContext.Current.CancellationToken))
        {
            await process.StandardInput.WriteLineAsync("during");
            Assert.Equal("done", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            var result = await session.StopAsync(TestContext.Current.CancellationToken);
            process.StandardInput.Close();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            var (reason, length) = Assert.Single(result);
            Assert.Equal((StackReason.None, report.Read()[^1].Count, 2L), (reason, length, session.Health.Hits));
        }
    }

    [Fact]
    public async Task A_child_and_the_program_that_it_becomes_are_counted_by_their_own_Python()
    {
        Requires.Bpf();
        Requires.That(PythonTargets.All.Count > 1, "two Pythons");
        var pythons = PythonTargets.All.Values.ToArray();
        for (var index = 0; index < pythons.Length; index++)
        {
            using var report = new PythonReport();
            var command = PythonTargets.Command(pythons[index], report.Path, "25", "plain,fork");
            command.Environment["OTHER_PYTHON"] = pythons[(index + 1) % pythons.Length];
            var run = await Probe.UProbe(PythonTargets.Library, "py_leaf").Select(s => (s.Tid, s.Python.Length, s.Python.Reason)).RunAsync(command, Quiet, TestContext.Current.CancellationToken);
            Assert.Equal(0, run.ExitCode);
            var pairs = report.Beside(run.Result.Select(static hit => new CountedFrames(hit.Item1, hit.Item2, hit.Item3)));
            Assert.Equal(10, pairs.Length);
            // The other Python was not foreseen: until it is known its counts say so, and promise nothing.
            Assert.All(pairs, static pair => Assert.True(
                (pair.Counted.Reason, pair.Counted.Length) == (StackReason.None, pair.Truth.Count) || (IsNotKnownYet(pair.Counted.Reason) && pair.Counted.Length == 0), $"{pair}"));
            Assert.True(pairs.Count(static pair => pair.Counted.Reason == StackReason.None) >= 6, string.Join('\n', pairs));
        }
    }

    [Fact]
    public async Task A_process_that_nobody_foresaw_is_pending_and_then_known()
    {
        Requires.Bpf();
        Requires.That(PythonTargets.All.Count > 0, "a Python");
        using var report = new PythonReport();
        // A shell between: what it starts is not seen before it runs.
        var python = PythonTargets.Command(PythonTargets.All.Values.First(), report.Path, "25", string.Join(',', Enumerable.Repeat("plain", 500)));
        var shell = new ProcessStartInfo("/bin/sh", ["-c", $"exec '{python.FileName}' {string.Join(' ', python.ArgumentList.Select(static argument => $"'{argument}'"))}"]);
        var run = await Probe.UProbe(PythonTargets.Library, "py_leaf").Select(s => (s.Tid, s.Python.Length, s.Python.Reason)).RunAsync(shell, Quiet, TestContext.Current.CancellationToken);
        Assert.Equal(0, run.ExitCode);
        var pairs = report.Beside(run.Result.Select(static hit => new CountedFrames(hit.Item1, hit.Item2, hit.Item3)));
        Assert.Equal(1000, pairs.Length);
        Assert.All(pairs, static pair => Assert.True(
            (pair.Counted.Reason, pair.Counted.Length) == (StackReason.None, pair.Truth.Count) || (IsNotKnownYet(pair.Counted.Reason) && pair.Counted.Length == 0), $"{pair}"));
        Assert.Equal(StackReason.None, pairs[^1].Counted.Reason);
        Assert.Equal(run.Health.Broken, pairs.Count(static pair => pair.Counted.Reason != StackReason.None));
    }

    [Fact]
    public async Task A_program_that_opens_a_Python_later_is_looked_at_again()
    {
        Requires.Bpf();
        var library = PythonTargets.All.Values.Select(static program => Directory.GetFiles(Path.Combine(Path.GetDirectoryName(program)!, "..", "lib"), "libpython3.*.so.1.0").FirstOrDefault()).FirstOrDefault(
            static library => library is not null);
        Requires.That(library is not null, "a Python with a library of its own");
        var program = Builds.C("embed", "-O1", "-rdynamic", "embed.c");
        using var target = new LiveTarget(program, library!);
        await using var session = await Probe.UProbe(program, "leaf").ForProcess(target.Pid).Select(s => (s.Python.Length, s.Python.Reason)).AttachAsync(Quiet, TestContext.Current.CancellationToken);
        List<(int Length, StackReason Reason)> counted = [];
        using var subscription = session.Subscribe(count =>
        {
            lock (counted)
                counted.Add(count);
        });
        target.Ask("native");
        await Eventually.True(() => Counts() == 1, "a count");
        Assert.Equal((0, StackReason.PythonAbsent), counted[0]);
        // The module's frame and ten of the function's, once the process was looked at again; before that, nothing that is believed.
        await Eventually.True(() =>
        {
            var before = Counts();
            target.Ask("python");
            SpinWait.SpinUntil(() => Counts() > before, TimeSpan.FromSeconds(10));
            lock (counted)
                return counted[^1].Reason == StackReason.None;
        }, "a complete count");
        target.Ask("native");
        await session.StopAsync(TestContext.Current.CancellationToken);
        Assert.Equal([(11, StackReason.None), (0, StackReason.None)], counted[^2..]);
        Assert.All(counted[..^2], static count => Assert.True(count is (0, StackReason.PythonAbsent or StackReason.PythonPending), $"{count}"));

        int Counts()
        {
            lock (counted)
                return counted.Count;
        }
    }

    [Fact]
    public async Task Threads_in_a_pid_namespace_of_their_own_are_known_by_their_numbers_there()
    {
        Requires.Bpf();
        Requires.SysAdmin();
        Requires.Tool("unshare");
        Requires.That(PythonTargets.All.Count > 0, "a Python");
        foreach (var python in PythonTargets.All.Values)
        {
            using var report = new PythonReport();
            var inner = PythonTargets.Command(python, report.Path, "25", "plain,settle,reduce");
            var run = await Probe.UProbe(PythonTargets.Library, "py_leaf").GroupBy(s => s.Python.Reason).Max(s => s.Python.Length).RunAsync(
                new ProcessStartInfo("unshare", ["--pid", "--fork", inner.FileName, .. inner.ArgumentList]), Quiet, TestContext.Current.CancellationToken);
            Assert.Equal(0, run.ExitCode);
            Assert.Equal(report.Read().Max(static line => line.Count), run.Result[StackReason.None]);
            Assert.All(run.Result.Keys, static reason => Assert.True(reason == StackReason.None || IsNotKnownYet(reason), $"{reason}"));
        }
    }

    [Fact]
    public async Task A_process_without_Python_has_no_count_that_promises_anything()
    {
        using var target = new LiveTarget();
        await using var session = await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(target.Pid).Select(s => (s.Python.Length, s.Python.Reason)).AttachAsync(Quiet, TestContext.Current.CancellationToken);
        List<(int Length, StackReason Reason)> counted = [];
        using (session.Subscribe(counted.Add))
        {
            target.Do("calls push 11 1 5 3");
            await session.StopAsync(TestContext.Current.CancellationToken);
        }
        Assert.Equal(5, counted.Count);
        Assert.All(counted, static count => Assert.Equal((0, StackReason.PythonAbsent), count));
    }
}
