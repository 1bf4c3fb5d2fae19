using System.Text.RegularExpressions;
using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>The table, on a pipe and on a terminal.</summary>
public sealed class TableTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    private const char Escape = '\u001b';

    [Fact]
    public async Task The_table_says_what_a_person_wants_to_know()
    {
        var result = await ToolProcess.RunAsync("run", target.Probe, "--walk", "kernel", "--", target.Path, "20", "1000");

        var truth = Regex.Match(result.Output, @"^depth (\d+)$", RegexOptions.Multiline).Groups[1].Value;
        Assert.Matches($@"(?m)^maximum\s+{truth}\s*$", result.Output);
        Assert.Matches($@"(?m)^minimum\s+{truth}\s*$", result.Output);
        Assert.Matches($@"(?m)^mean\s+{truth}\.0\s*$", result.Output);
        Assert.Matches(@"(?m)^hits\s+1,000\s*$", result.Output);
        Assert.Matches(@"(?m)^16 to 31 1,000 █+\s*$", result.Output);
        Assert.Matches(@"(?m)^health: \w+", result.Output);
        Assert.Equal("", result.Errors);
    }

    [Fact]
    public async Task The_deepest_stack_is_printed_folded()
    {
        foreach (var option in (string[][])[[], ["--by", "tid"]])
        {
            var result = await ToolProcess.RunAsync(["run", target.Probe, .. option, "--", target.Path, "300", "10"]);
            Assert.Matches(@"(?m)^deepest stack: \d+ frames, in depth \(pid (\d+), tid \1\)\s*\n#0 +leaf\+0x0 \(depth\)\s*\n(#\d+ .*\n)*#\d+ +recurse\+0x[0-9a-f]+ \(depth\)  x(299|300)\s*\n(#\d+ .*\n)*#\d+ +_start\+0x[0-9a-f]+ \(depth\)\s*\n", result.Output);
        }
    }

    [Fact]
    public async Task A_total_without_the_groups_that_found_no_room_is_labelled_so()
    {
        string[] command = ["--", target.Path, "20", "5"];
        var probe = $"uprobe:{target.Path}:[lr]e[ac][fu]*"; // leaf is deeper than recurse, and comes second
        var partial = await ToolProcess.RunAsync(["run", probe, "--walk", "kernel", "--by", "function", "--max-keys", "1", .. command]);
        var whole = await ToolProcess.RunAsync(["run", probe, "--walk", "kernel", "--by", "function", .. command]);

        Assert.Matches(@"(?m)^over the groups that fitted:\s*\nmaximum", partial.Output);
        Assert.Matches(@"(?m)^hits\s+20 of 25\s*$", partial.Output);
        Assert.Matches(@"(?m)^health: the total is over the groups that fitted only", partial.Output);
        Assert.DoesNotContain("that fitted", whole.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_steers_the_terminal_where_there_is_none()
    {
        var result = await ToolProcess.RunAsync(["run", target.Probe, "--walk", "kernel", "--", target.Path, "5", "5"], null, new() { ["TERM"] = "xterm-256color", ["GITHUB_ACTIONS"] = "true" });

        Assert.DoesNotContain(Escape, result.Output);
    }

    [Theory]
    [InlineData("", "xterm-256color", true)]
    [InlineData("1", "xterm-256color", false)]
    [InlineData("", "dumb", false)]
    public async Task Colours_are_for_terminals_that_want_them(string noColor, string term, bool coloured)
    {
        Requires.Program("script");
        var line = $"{string.Join(' ', ToolProcess.Line)} run {target.Probe} -- {target.Path} 5 5";
        var result = await RunOnTerminalAsync(line, new() { ["NO_COLOR"] = noColor, ["TERM"] = term });

        Assert.Contains("maximum", result.Output, StringComparison.Ordinal);
        Assert.Equal(coloured, result.Output.Contains($"{Escape}[", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Bars_are_of_ASCII_where_the_locale_has_no_blocks()
    {
        var result = await ToolProcess.RunAsync(["run", target.Probe, "--walk", "kernel", "--", target.Path, "20", "10"], null, new() { ["LC_ALL"] = "en_US.ISO-8859-1" });

        Assert.Matches(@"(?m)^16 to 31\s+10 #{40}\s*$", result.Output);
    }

    [Fact]
    public async Task The_result_goes_behind_what_the_file_has_already()
    {
        var file = Path.GetTempFileName();
        try
        {
            await ToolProcess.RunAsync(
                ["run", target.Probe, "--walk", "kernel", "--", target.Path, "3", "3"], null, null, ["sh", "-c", "(echo before; \"$@\"; echo after) > \"$0\"", file]);
            var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);

            Assert.Equal("before", lines[0]);
            Assert.StartsWith("depth ", lines[1], StringComparison.Ordinal);
            Assert.StartsWith(target.Probe, lines[2], StringComparison.Ordinal);
            Assert.Equal("after", lines[^1]);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_narrow_terminal_cuts_no_number()
    {
        Requires.Program("script");
        var line = $"stty cols 30; {string.Join(' ', ToolProcess.Line)} run {target.Probe} -- {target.Path} 20 1000";
        var result = await RunOnTerminalAsync(line, new() { ["NO_COLOR"] = "1", ["TERM"] = "xterm" });

        var bar = Assert.Single(result.Output.Split('\n'), static row => row.Contains('█', StringComparison.Ordinal)).TrimEnd();
        Assert.StartsWith("16 to 31 1,000 ", bar, StringComparison.Ordinal);
        Assert.InRange(bar.Length, 17, 30);
    }

    [Fact]
    public async Task On_a_very_narrow_terminal_the_key_is_cut_and_no_number()
    {
        var result = await ToolProcess.RunAsync(["run", $"uprobe:{target.Path}:[lr]e[ac][fu]*", "--walk", "kernel", "--by", "function", "--", target.Path, "20", "1000"], null, new() { ["COLUMNS"] = "20" });

        var truth = Regex.Match(result.Output, @"^depth (\d+)$", RegexOptions.Multiline).Groups[1].Value;
        Assert.Matches($@"(?m)^l +{truth} +{truth} +{truth}\.0 1,000\s*$", result.Output);
        Assert.Matches(@"(?m)^16 to 31 1,0\d\d ", result.Output);
    }

    [Fact]
    public async Task A_name_from_the_target_is_shown_and_not_obeyed()
    {
        const string Evil = "[red]\u001b[31m\nx";
        var table = await ToolProcess.RunAsync("run", target.Probe, "--walk", "kernel", "--by", "comm", "--", target.Path, "5", "5", "comm=" + Evil);
        var json = await ToolProcess.RunAsync("run", target.Probe, "--walk", "kernel", "--by", "comm", "--format", "json", "--", target.Path, "5", "5", "comm=" + Evil);

        Assert.Contains("[red]\\x1b[31m\\x0ax", table.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(Escape, table.Output);
        Assert.Equal(Evil, Assert.Single(json.Json.GetProperty("groups").EnumerateArray()).GetProperty("key").GetString());
    }

    private static Task<ToolResult> RunOnTerminalAsync(string line, Dictionary<string, string> environment) => Shell.RunAsync(["script", "-qec", line, "/dev/null"], environment);
}
