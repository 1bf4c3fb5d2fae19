using System.ComponentModel;
using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>A command under the probes: gated, followed with all its descendants, and nobody else counted.</summary>
public sealed class RunTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Task<ProbeRun<long>> Count(Command command, string symbol = "leaf_push") =>
        Probe.UProbe(command.Start.FileName, symbol).Count().RunAsync(command.Start, Command.Quiet, Cancellation);

    [Fact]
    public async Task The_first_instruction_is_already_counted()
    {
        using var command = new Command("once");
        Assert.Equal(1, (await Count(command, "_start")).Result);
    }

    [Theory]
    [InlineData("once", 1)]
    [InlineData("raw 3 ; fork raw 5 ; raw 1", 9)]
    [InlineData("vfork once", 1)]
    [InlineData("once ; vfork fork raw 2", 3)]
    [InlineData("double once", 1)]
    [InlineData("fork double fork raw 4", 4)]
    [InlineData("threads 20", 20)]
    [InlineData("fork threads 5 ; threads 5", 10)]
    [InlineData("once ; exec once", 2)]
    [InlineData("once ; threadexec fork once", 2)]
    [InlineData("children 50", 50)]
    public async Task Descendants_are_followed(string commands, long hits)
    {
        using var command = new Command(commands);
        var run = await Count(command);
        Assert.Equal((hits, 0), (run.Result, run.ExitCode));
        Check.Healthy(hits, run.Health);
    }

    [Fact]
    public async Task A_shell_and_what_it_starts_are_followed()
    {
        using var command = new Command("once");
        var shell = new ProcessStartInfo("/bin/sh", ["-c", $"for i in 1 2 3 4 5; do {CTarget.Shared} raw $i; done; ({CTarget.Shared} once &) ; {CTarget.Shared} once | cat; sleep 0.3"]);
        var run = await Probe.UProbe(CTarget.Shared, "leaf_push").Count().RunAsync(shell, Command.Quiet, Cancellation);
        Assert.Equal(17, run.Result);
    }

    [Fact]
    public async Task The_command_keeps_its_pid()
    {
        using var command = new Command("pid ; calls push 1 0 5 5");
        await using var session = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Pid).Count().StartAsync(command.Start, Command.Quiet, Cancellation);
        Assert.Equal(0, await Eventually.Done(session.Command!.ExitCode));
        var result = await session.StopAsync(Cancellation);
        Assert.Equal($"P {session.Command.Pid} {Environment.ProcessId}", command.Lines[0]);
        Assert.Equal([new(session.Command.Pid, 5)], result);
    }

    [Theory]
    [InlineData("execve")]
    [InlineData("posix_spawn*")]
    [InlineData("sigprocmask")]
    public async Task What_this_process_does_to_start_the_command_is_not_counted(string functions)
    {
        // The child shares this process's memory and libc, and calls into it, until its exec. Other tests start children meanwhile, through the same functions.
        // (Few functions: a probe of libc is one in every process of the system.)
        using var command = new Command("raw 3", CTarget.Shared);
        var source = Probe.UProbe("libc.so.6", functions);
        var run = await source.GroupBy(hit => hit.Pid).Count().RunAsync(command.Start, Command.Quiet, Cancellation);
        Assert.Equal(0, run.ExitCode);
        Assert.DoesNotContain(Environment.ProcessId, run.Result.Keys);
        Assert.True(run.Result.Count <= 1);

        // What is counted is what the program does by itself: no more and no less in any run.
        var again = await source.GroupBy(hit => hit.Function).Count().RunAsync(command.Start, Command.Quiet, Cancellation);
        Assert.Equal(run.Result.Values.Sum(), again.Result.Values.Sum());
        Assert.DoesNotContain(again.Result, group => group.Key.Name.Contains("exec", StringComparison.Ordinal) || group.Key.Name.Contains("spawn", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_process_in_the_same_program_is_not_counted()
    {
        using var other = Process.Start(new ProcessStartInfo(CTarget.Shared, ["forever"]))!;
        try
        {
            using var command = new Command("raw 1000 ; sleep 50 ; fork raw 1000");
            var run = await Probe.UProbe(command.Start.FileName, "leaf_push").GroupBy(hit => hit.Pid).Count().RunAsync(command.Start, Command.Quiet, Cancellation);
            Assert.DoesNotContain(other.Id, run.Result.Keys);
            Assert.Equal([1000, 1000], run.Result.Values);
            Assert.Equal(2000, run.Health.Hits);
        }
        finally
        {
            other.Kill();
            await other.WaitForExitAsync(Cancellation);
        }
    }

    [Theory]
    [InlineData("once ; exit 0", 0)]
    [InlineData("once ; exit 7", 7)]
    [InlineData("once ; exit 255", 255)]
    [InlineData("once ; raise 9", 128 + 9)]
    [InlineData("once ; raise 15", 128 + 15)]
    [InlineData("once ; raise 11", 128 + 11)]
    public async Task The_exit_code_is_the_commands(string commands, int code)
    {
        using var command = new Command(commands);
        var run = await Count(command);
        Assert.Equal((1, code), (run.Result, run.ExitCode));
    }

    [Fact]
    public async Task Cancelling_kills_the_command_and_ends_the_session()
    {
        using var command = new Command("pid ; forever");
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var run = Probe.UProbe(command.Start.FileName, "leaf_push").Count().RunAsync(command.Start, Command.Quiet, cancel.Token);
        await Eventually.True(() => command.Lines.Length > 0, "the command runs");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.Done(run));
        Assert.False(Directory.Exists($"/proc/{command.Lines[0].Split(' ')[1]}"));
    }

    [Fact]
    public async Task Cancelling_a_stream_kills_the_command_too()
    {
        using var command = new Command("pid ; forever");
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var run = Probe.UProbe(command.Start.FileName, "leaf_push").Select(hit => hit.Pid).RunAsync(command.Start, Command.Quiet, cancel.Token);
        await Eventually.True(() => command.Lines.Length > 0, "the command runs");
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Eventually.Done(run));
        Assert.False(Directory.Exists($"/proc/{command.Lines[0].Split(' ')[1]}"));
    }

    [Fact]
    public async Task Cancelled_before_it_starts_nothing_runs()
    {
        using var command = new Command("pid");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => Probe.UProbe(command.Start.FileName, "leaf_push").Count().RunAsync(command.Start, Command.Quiet, new CancellationToken(canceled: true)));
        Assert.Empty(command.Lines);
    }

    [Fact]
    public async Task A_command_that_cannot_be_executed_is_an_error()
    {
        using var folder = new Folder();
        var file = folder["not-a-program"];
        File.WriteAllText(file, "neither a program nor a script");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var error = await Assert.ThrowsAsync<Win32Exception>(
            () => Probe.UProbe(CTarget.Shared, "leaf_push").Count().RunAsync(new(file), Command.Quiet, Cancellation));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_is_not_there_is_an_error()
    {
        await Assert.ThrowsAsync<FileNotFoundException>(
            () => Probe.UProbe(CTarget.Shared, "leaf_push").Count().RunAsync(new("no-such-command-anywhere"), Command.Quiet, Cancellation));
        var error = await Assert.ThrowsAsync<FileNotFoundException>(
            () => Probe.UProbe(CTarget.Shared, "leaf_push").Count().RunAsync(new("/nowhere/command"), Command.Quiet, Cancellation));
        Assert.Contains("/nowhere/command", error.Message, StringComparison.Ordinal);
    }
}
