using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>Runs that end otherwise than by their command's exit.</summary>
public sealed class InterruptionTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    [Theory]
    [InlineData("INT", 130)]
    [InlineData("TERM", 143)]
    [InlineData("HUP", 129)]
    public async Task A_signal_prints_what_was_gathered_and_ends_the_command(string signal, int status)
    {
        await using var tool = ToolProcess.Start(["run", target.Probe, "--by", "pid", "--format", "json", "--", target.Path, "7", "0", "ready"]);
        await tool.SeesAsync("ready");
        tool.Signal(signal);
        var result = await tool.EndAsync();

        Assert.Equal(status, result.Status);
        var json = result.Json;
        Assert.Equal("interrupt", json.GetProperty("ended").GetString());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("exitCode").ValueKind);
        Assert.True(json.GetProperty("depth").GetProperty("count").GetInt64() >= 10);
        var pid = Assert.Single(json.GetProperty("groups").EnumerateArray()).GetProperty("key").GetInt32();
        Assert.False(Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}")));
    }

    [Fact]
    public async Task A_hang_up_that_is_ignored_as_under_nohup_ends_nothing()
    {
        await using var tool = ToolProcess.Start(
            ["run", target.Probe, "--format", "json", "--", target.Path, "7", "0", "ready"], launcher: ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"]);
        await tool.SeesAsync("ready");
        tool.Signal("HUP");
        await Task.Delay(200, TestContext.Current.CancellationToken); // time to end in, were it to
        tool.Signal("TERM");

        Assert.Equal(143, (await tool.EndAsync()).Status);
    }

    [Fact]
    public async Task An_observed_process_is_left_alone_by_the_end_of_the_run()
    {
        using var observed = Start("5", "0");
        try
        {
            await using var tool = ToolProcess.Start(["run", target.Probe, "-p", Text(observed.Id), "--format", "json"]);
            await tool.SeesAsync("Ctrl-C ends");
            tool.Signal("INT");
            var result = await tool.EndAsync();

            Assert.Equal(130, result.Status);
            Assert.Equal("interrupt", result.Json.GetProperty("ended").GetString());
            Assert.False(observed.HasExited);
        }
        finally
        {
            observed.Kill();
        }
    }

    [Fact]
    public async Task A_run_of_a_process_ends_with_it()
    {
        using var observed = Start("5", "0");
        await using var tool = ToolProcess.Start(["run", target.Probe, "--pid", Text(observed.Id), "--by", "pid", "--format", "json"]);
        try
        {
            await tool.SeesAsync("Ctrl-C ends");
            await Task.Delay(100, TestContext.Current.CancellationToken); // some of its thousand calls a second
        }
        finally
        {
            observed.Kill();
        }
        var result = await tool.EndAsync();

        Assert.Equal(0, result.Status);
        Assert.Equal("exit", result.Json.GetProperty("ended").GetString());
        Assert.Equal(observed.Id, Assert.Single(result.Json.GetProperty("groups").EnumerateArray()).GetProperty("key").GetInt32());
    }

    [Fact]
    public async Task Without_a_command_every_process_counts_until_the_duration_is_over()
    {
        using var first = Start("5", "0", "comm=one");
        using var second = Start("6", "0", "comm=two");
        try
        {
            var result = await ToolProcess.RunAsync("run", target.Probe, "--duration", "1s", "--by", "comm", "--format", "json");

            Assert.Equal(0, result.Status);
            Assert.Equal("duration", result.Json.GetProperty("ended").GetString());
            Assert.Equal(["one", "two"], result.Json.GetProperty("groups").EnumerateArray().Select(static group => group.GetProperty("key").GetString()).Order(StringComparer.Ordinal));
        }
        finally
        {
            first.Kill();
            second.Kill();
        }
    }

    private Process Start(params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(target.Path, arguments) { RedirectStandardOutput = true })!;
        process.StandardOutput.ReadLine(); // its depth: it calls
        return process;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
