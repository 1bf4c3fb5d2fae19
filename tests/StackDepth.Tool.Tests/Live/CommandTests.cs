using System.Globalization;
using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>How the tool treats the command that it runs.</summary>
public sealed class CommandTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    [Theory]
    [InlineData("exit 7", 7)]
    [InlineData("exit 125", 125)]
    [InlineData("kill -9 $$", 137)]
    public async Task The_commands_exit_status_is_the_tools(string script, int status)
    {
        var result = await ToolProcess.RunAsync("run", target.Probe, "--format", "json", "--", "sh", "-c", script);

        Assert.Equal(status, result.Status);
        Assert.Equal(status, result.Json.GetProperty("exitCode").GetInt32());
        Assert.Equal("", result.Errors);
    }

    [Fact]
    public async Task The_commands_input_and_output_pass_through_before_the_table()
    {
        var result = await ToolProcess.RunAsync(["run", target.Probe, "--", "sh", "-c", "cat; echo fault >&2"], "given\n", null);

        Assert.StartsWith("given\n" + target.Probe, result.Output, StringComparison.Ordinal);
        Assert.Equal("fault\n", result.Errors);
    }

    [Fact]
    public async Task In_json_the_commands_output_goes_to_standard_error()
    {
        var result = await ToolProcess.RunAsync(["run", target.Probe, "--format=json", "--", "cat"], "given\n", null);

        Assert.Equal("given\n", result.Errors);
        Assert.Equal(0, result.Json.GetProperty("exitCode").GetInt32());
    }

    [Fact]
    public async Task The_commands_arguments_are_its_own_whatever_they_look_like()
    {
        string[] odd = ["--format", "json", "-v", "--", "@file", "", "a b", "--help", "[suggest]", "*"];

        var result = await ToolProcess.RunAsync(["run", target.Probe, "--", "printf", "<%s>\n", .. odd]);

        Assert.StartsWith(string.Concat(odd.Select(static word => $"<{word}>\n")), result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_does_not_exist_is_127()
    {
        foreach (var name in (string[])["./no-such-program", "no-such-program-in-path"])
        {
            var result = await ToolProcess.RunAsync("run", target.Probe, "--", name);
            Assert.Equal(127, result.Status);
            Assert.Contains(name, OneSentence(result), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_file_that_is_no_program_is_126()
    {
        var result = await ToolProcess.RunAsync("run", target.Probe, "--", "/etc/passwd");

        Assert.Equal(126, result.Status);
        Assert.Contains("/etc/passwd", OneSentence(result), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_duration_ends_the_command_even_one_that_does_not_want_to()
    {
        await using var tool = ToolProcess.Start(["run", target.Probe, "--duration", "500ms", "--format", "json", "--", "sh", "-c", "trap '' TERM; echo pid $$; while :; do \"$0\" 3 10; done", target.Path]);
        await tool.SeesAsync("pid ");
        var result = await tool.EndAsync();

        Assert.Equal(124, result.Status);
        Assert.Equal("duration", result.Json.GetProperty("ended").GetString());
        Assert.Equal(System.Text.Json.JsonValueKind.Null, result.Json.GetProperty("exitCode").ValueKind);
        var pid = result.Errors.Split('\n').First(static line => line.StartsWith("pid ", StringComparison.Ordinal))["pid ".Length..];
        Assert.False(Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}")));
    }

    private static string OneSentence(ToolResult result)
    {
        Assert.Equal("", result.Output);
        Assert.StartsWith("stackdepth: ", result.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", result.Errors, StringComparison.Ordinal);
        return result.Errors;
    }
}
