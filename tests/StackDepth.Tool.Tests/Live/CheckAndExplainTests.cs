using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class CheckAndExplainTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    [Fact]
    public async Task Check_says_that_this_machine_can_do_what_the_other_tests_do()
    {
        Requires.Probes();
        var text = await ToolProcess.RunAsync("check");
        var json = await ToolProcess.RunAsync("check", "--format", "json");

        Assert.Equal((0, 0), (text.Status, json.Status));
        Assert.Contains("can be probed", text.Output, StringComparison.Ordinal);
        Assert.True(json.Json.GetProperty("canUProbe").GetBoolean());
        Assert.Contains("uProbe", json.Json.GetProperty("available").EnumerateArray().Select(static feature => feature.GetString()));
        Assert.All(json.Json.GetProperty("checks").EnumerateArray(), check => Assert.Contains(check.GetProperty("name").GetString()!, text.Output, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Explain_shows_sites_query_and_program_without_attaching()
    {
        var result = await ToolProcess.RunAsync("explain", target.Probe, "--walk", "kernel", "--where", "comm == x", "--by", "function");

        Assert.Equal((0, ""), (result.Status, result.Errors));
        Assert.Contains("Sites (1)", result.Output, StringComparison.Ordinal);
        Assert.Matches($@"(?m)^  leaf at 0x[0-9a-f]+, offset 0x[0-9a-f]+ of {target.Path}$", result.Output);
        Assert.Matches(@"(?m)^Walk   user stack by kernel, at most \d+ frames$", result.Output);
        Assert.Contains("comm ==", result.Output, StringComparison.Ordinal);
        Assert.Contains("bpf_get_stack", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Verifier's log", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Explain_shows_the_first_of_many_sites_and_the_verifiers_log_on_request()
    {
        var result = await ToolProcess.RunAsync("explain", $"uprobe:{target.Path}:*", "--verify");

        Assert.Equal((0, ""), (result.Status, result.Errors));
        Assert.Matches(@"(?m)^  and \d+ more$", result.Output);
        Assert.Matches(@"(?m)^  processed \d+ insns", result.Output);
    }

    [Fact]
    public async Task The_file_that_was_probed_is_named_when_it_is_not_what_was_written()
    {
        Requires.Probes();
        var folder = Directory.CreateTempSubdirectory("stackdepth-wrapper-");
        try
        {
            var wrapper = Path.Join(folder.FullName, "wrapper");
            await File.WriteAllTextAsync(wrapper, $"#!/bin/sh\nexec {target.Path} \"$@\"\n", TestContext.Current.CancellationToken);
            File.SetUnixFileMode(wrapper, UnixFileMode.UserRead | UnixFileMode.UserExecute);

            var table = await ToolProcess.RunAsync("run", $"uprobe:{wrapper}:leaf", "--", wrapper, "5", "5");
            var json = (await ToolProcess.RunAsync("run", $"uprobe:{wrapper}:leaf", "--format", "json", "--", wrapper, "5", "5")).Json;

            Assert.Contains($"is a script that starts {target.Path}", table.Output, StringComparison.Ordinal);
            Assert.Contains(target.Path, json.GetProperty("targetNote").GetString(), StringComparison.Ordinal);
            Assert.Equal(target.Path, json.GetProperty("binary").GetString());
            Assert.Equal(5, json.GetProperty("health").GetProperty("hits").GetInt64());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
