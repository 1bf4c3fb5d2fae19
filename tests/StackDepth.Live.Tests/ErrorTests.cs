using System.Diagnostics;
using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests;

/// <summary>What is wrong is said before anything runs, with what to do about it.</summary>
public sealed class ErrorTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Task<ProbeRun<long>> Run(string binary, string symbols, Command command, AttachOptions? options = null) =>
        Probe.UProbe(binary, symbols).Count().RunAsync(command.Start, options ?? Command.Quiet, Cancellation);

    private static void NothingRan(Command command) => Assert.Empty(command.Lines);

    [Theory]
    [InlineData("/nowhere/program")]
    [InlineData("no-such-program-anywhere")]
    [InlineData("libnosuchlibrary.so.9")]
    public async Task No_such_binary(string binary)
    {
        using var command = new Command("pid");
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(() => Run(binary, "main", command));
        Assert.Contains(binary, error.Message, StringComparison.Ordinal);
        NothingRan(command);
    }

    [Fact]
    public async Task No_such_symbol_has_near_matches()
    {
        using var command = new Command("pid");
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(() => Run(command.Start.FileName, "leaf_puhs", command));
        Assert.Contains("leaf_push", error.Suggestions);
        Assert.Contains("leaf_push", error.Message, StringComparison.Ordinal);
        NothingRan(command);
    }

    [Fact]
    public async Task No_match_of_a_glob()
    {
        using var command = new Command("pid");
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(() => Run(command.Start.FileName, "nothing_like_this_*", command));
        Assert.Contains("nothing_like_this_*", error.Message, StringComparison.Ordinal);
        NothingRan(command);
    }

    [Fact]
    public async Task A_glob_over_the_limit_says_the_limit_and_how_to_raise_it()
    {
        using var command = new Command("pid");
        var error = await Assert.ThrowsAsync<ProbeTargetNotFoundException>(() => Run(command.Start.FileName, "leaf_*", command, Command.Quiet with { MaxFunctions = 2 }));
        Assert.Contains("4 functions", error.Message, StringComparison.Ordinal);
        Assert.Contains("limit of 2", error.Message, StringComparison.Ordinal);
        Assert.Contains("MaxFunctions", error.Message, StringComparison.Ordinal);
        NothingRan(command);
    }

    [Fact]
    public async Task ForProcess_and_a_command_exclude_each_other()
    {
        using var command = new Command("pid");
        var error = await Assert.ThrowsAsync<ProbeQueryException>(
            () => Probe.UProbe(command.Start.FileName, "leaf_push").ForProcess(1).Count().RunAsync(command.Start, Command.Quiet, Cancellation));
        Assert.Contains("ForProcess(1)", error.Message, StringComparison.Ordinal);
        NothingRan(command);
    }

    [Fact]
    public async Task A_process_that_is_gone()
    {
        using var gone = Process.Start(new ProcessStartInfo(CTarget.Shared, ["exit", "0"]))!;
        await gone.WaitForExitAsync(Cancellation);
        var error = await Assert.ThrowsAnyAsync<StackDepthException>(
            async () => await Probe.UProbe(CTarget.Shared, "leaf_push").ForProcess(gone.Id).Count().AttachAsync(cancellationToken: Cancellation));
        Assert.Contains($"{gone.Id}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Missing_privileges_are_named_with_the_remedy()
    {
        var target = CTarget.Shared;
        Requires.Tool("setpriv");

        // The suite's own program, as root without any capability: it may read all files and ask nothing of the kernel.
        var assembly = typeof(ErrorTests).Assembly.Location;
        using var process = Process.Start(new ProcessStartInfo(
            "setpriv", ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all", "dotnet", assembly, Program.Unprivileged, target, "leaf_push"])
        { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("CAP_BPF", output, StringComparison.Ordinal);
        Assert.Contains("CAP_PERFMON", output, StringComparison.Ordinal);
        Assert.Contains("remedy:", output, StringComparison.Ordinal);
        Assert.Contains("sudo setcap cap_bpf,cap_perfmon+ep", output, StringComparison.Ordinal);
    }
}
