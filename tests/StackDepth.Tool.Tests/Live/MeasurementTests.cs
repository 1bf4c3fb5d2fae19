using System.Globalization;
using System.Text.Json;
using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>What <c>run --format json</c> measures, against the target's own count.</summary>
public sealed class MeasurementTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    private const int KernelWalkFrames = 127;

    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(100)]
    public async Task The_depth_is_the_targets_own_count_and_every_call_is_a_hit(int depth)
    {
        var result = await ToolProcess.RunAsync("run", target.Probe, "--walk", "kernel", "--format", "json", "--", target.Path, Text(depth), "50");

        var truth = Truth(result);
        Assert.InRange(truth, depth + 2, KernelWalkFrames - 1);
        var json = result.Json;
        Depth(json.GetProperty("depth"), truth, 50);
        Assert.Equal("all", json.GetProperty("depthCovers").GetString());
        var health = json.GetProperty("health");
        Assert.Equal(50, health.GetProperty("hits").GetInt64());
        foreach (var none in (string[])["missed", "dropped", "errors", "truncated", "approximate", "keysLost"])
            Assert.Equal(0, health.GetProperty(none).GetInt64());
        Assert.Equal(50, health.GetProperty("complete").GetInt64() + health.GetProperty("broken").GetInt64());
        Assert.Equal(1, json.GetProperty("sites").GetInt32());
        Assert.Equal(0, json.GetProperty("exitCode").GetInt32());
        Assert.Equal("exit", json.GetProperty("ended").GetString());
        Assert.Equal(target.Path, json.GetProperty("binary").GetString());
        Assert.False(json.TryGetProperty("groups", out _));
        Assert.Equal(0, result.Status);
    }

    [Fact]
    public async Task The_deepest_stack_has_all_its_frames_in_runs()
    {
        var probe = target.Probe.Replace(":leaf", ":recurse", StringComparison.Ordinal);
        var json = (await ToolProcess.RunAsync("run", probe, "--format", "json", "--", target.Path, "2000", "1")).Json;

        var deepest = json.GetProperty("deepest");
        var depth = json.GetProperty("depth").GetProperty("max").GetInt64();
        Assert.Equal((depth, depth, 0), (deepest.GetProperty("depth").GetInt64(), deepest.GetProperty("frames").GetInt64(), deepest.GetProperty("omitted").GetInt64()));
        Assert.Equal(("complete", "recurse", "depth"), (deepest.GetProperty("completeness").GetString(), deepest.GetProperty("function").GetString(), deepest.GetProperty("comm").GetString()));
        Assert.Equal(JsonValueKind.Null, deepest.GetProperty("reason").ValueKind);
        var next = 0L;
        List<string?> functions = [];
        foreach (var run in deepest.GetProperty("runs").EnumerateArray())
        {
            Assert.Equal(next, run.GetProperty("first").GetInt64());
            var frames = run.GetProperty("frames").EnumerateArray().ToArray();
            next += frames.Length * run.GetProperty("count").GetInt64();
            for (var repeated = run.GetProperty("count").GetInt64(); repeated > 0; repeated--)
                functions.AddRange(frames.Select(static frame => frame.GetProperty("symbol").GetString()));
            Assert.All(frames, static frame => Assert.StartsWith("0x", frame.GetProperty("address").GetString(), StringComparison.Ordinal));
        }
        Assert.Equal((depth, 2000), (next, functions.Count(static function => function == "recurse")));
        Assert.Equal(["recurse", "main"], functions.Take(2001).Distinct());
        Assert.True(deepest.GetProperty("runs").GetArrayLength() < 12);
    }

    [Fact]
    public async Task Other_questions_are_answered_beside_the_depth_and_in_each_group()
    {
        var probe = target.Probe.Replace(":leaf", ":recurse", StringComparison.Ordinal);
        var result = await ToolProcess.RunAsync(
            "run", probe, "--count-in", "recurse", "--count-in", "main", "--bytes", "--recursion", "--python", "--by", "comm", "--format", "json", "--", target.Path, "40", "1");

        var json = result.Json;
        var group = Assert.Single(json.GetProperty("groups").EnumerateArray());
        foreach (var summaries in (JsonElement[])[json, group])
        {
            Assert.Equal((41, 2), (summaries.GetProperty("countIn").GetProperty("max").GetInt32(), summaries.GetProperty("countIn").GetProperty("min").GetInt32()));
            Assert.Equal((40, 1), (summaries.GetProperty("recursion").GetProperty("max").GetInt32(), summaries.GetProperty("recursion").GetProperty("min").GetInt32()));
            Assert.Equal(40, summaries.GetProperty("recursion").GetProperty("count").GetInt32());
            // Each frame takes as much from what is free as it adds to what is in use.
            var (used, free) = (summaries.GetProperty("bytes"), summaries.GetProperty("bytesFree"));
            Assert.Equal(used.GetProperty("max").GetInt64() - used.GetProperty("min").GetInt64(), free.GetProperty("max").GetInt64() - free.GetProperty("min").GetInt64());
            Assert.True(used.GetProperty("max").GetInt64() - used.GetProperty("min").GetInt64() >= 39 * 16);
            // It is no Python: that is said, and not a depth of 0 alone.
            Assert.Equal(0, summaries.GetProperty("python").GetProperty("max").GetInt32());
        }
        var reasons = json.GetProperty("health").GetProperty("reasons").EnumerateObject().Select(static reason => reason.Name).ToArray();
        Assert.All(reasons, static reason => Assert.Contains("python", reason, StringComparison.OrdinalIgnoreCase));
        Assert.NotEmpty(reasons);
        var table = await ToolProcess.RunAsync("run", probe, "--recursion", "--", target.Path, "40", "1");
        Assert.Matches(@"maximum\s+4\d\s+40", table.Output);
    }

    [Fact]
    public async Task A_depth_beyond_the_kernels_limit_is_said_to_be_cut()
    {
        var result = await ToolProcess.RunAsync("run", target.Probe, "--walk", "kernel", "--format", "json", "--", target.Path, "500", "10");

        Assert.True(Truth(result) > 500);
        Depth(result.Json.GetProperty("depth"), KernelWalkFrames, 10);
        Assert.Equal(10, result.Json.GetProperty("health").GetProperty("truncated").GetInt64());
        Assert.False(result.Json.GetProperty("health").GetProperty("exact").GetBoolean());
        Assert.Equal("""{"unprovedLimit":10}""", result.Json.GetProperty("health").GetProperty("reasons").GetRawText());
        Assert.Equal("kernel", result.Json.GetProperty("walk").GetString());
    }

    [Fact]
    public async Task Stacks_are_told_apart_by_what_their_depth_promises()
    {
        var result = await ToolProcess.RunAsync("run", $"uprobe:{target.Path}:[lr]e[ac][fu]*", "--walk", "kernel", "--by", "completeness", "--format", "json", "--", target.Path, "500", "10");

        var groups = Groups(result.Json);
        Assert.Equal(["broken", "truncated"], groups.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("completeness", result.Json.GetProperty("by").GetString());
        Assert.Equal((KernelWalkFrames - 1, KernelWalkFrames), (groups["broken"].GetProperty("depth").GetProperty("max").GetInt32(), groups["truncated"].GetProperty("depth").GetProperty("min").GetInt32()));
        var health = result.Json.GetProperty("health");
        var reasons = health.GetProperty("reasons");
        Assert.Equal((Hits(groups["broken"]), Hits(groups["truncated"])), (health.GetProperty("broken").GetInt32(), health.GetProperty("truncated").GetInt32()));
        Assert.Equal((Hits(groups["broken"]), Hits(groups["truncated"])), (reasons.GetProperty("noProof").GetInt32(), reasons.GetProperty("unprovedLimit").GetInt32()));
        Assert.Equal(2, reasons.EnumerateObject().Count());
        Assert.Equal(0, health.GetProperty("undecided").GetInt64());
        Assert.Contains("this walk finds no proof there", health.GetProperty("text").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_that_is_never_called_has_no_depth()
    {
        var json = (await ToolProcess.RunAsync("run", target.Probe, "--walk", "kernel", "--format", "json", "--", "true")).Json;

        var depth = json.GetProperty("depth");
        foreach (var nothing in (string[])["max", "min", "mean"])
            Assert.Equal(JsonValueKind.Null, depth.GetProperty(nothing).ValueKind);
        Assert.Equal(0, depth.GetProperty("count").GetInt64());
        Assert.Equal(0, depth.GetProperty("histogram").GetArrayLength());
        Assert.Equal(0, json.GetProperty("health").GetProperty("hits").GetInt64());
    }

    [Fact]
    public async Task Groups_by_function_have_their_own_depths()
    {
        var result = await ToolProcess.RunAsync("run", $"uprobe:{target.Path}:[lr]e[ac][fu]*", "--walk", "kernel", "--by", "function", "--format", "json", "--", target.Path, "10", "5");

        var truth = Truth(result);
        var groups = Groups(result.Json);
        Assert.Equal(["leaf", "recurse"], groups.Keys.Order(StringComparer.Ordinal));
        Depth(groups["leaf"].GetProperty("depth"), truth, 5);
        Assert.Equal(5, groups["leaf"].GetProperty("hits").GetInt64());
        Assert.StartsWith("0x", groups["leaf"].GetProperty("address").GetString(), StringComparison.Ordinal);
        var recurse = groups["recurse"].GetProperty("depth");
        Assert.Equal((truth - 1, truth - 10, 10L), (recurse.GetProperty("max").GetInt32(), recurse.GetProperty("min").GetInt32(), recurse.GetProperty("count").GetInt64()));
        var total = result.Json.GetProperty("depth");
        Assert.Equal((truth, truth - 10, 15L), (total.GetProperty("max").GetInt32(), total.GetProperty("min").GetInt32(), total.GetProperty("count").GetInt64()));
        Assert.Equal(15, total.GetProperty("histogram").EnumerateArray().Sum(static bucket => bucket.GetProperty("count").GetInt64()));
    }

    [Fact]
    public async Task Groups_by_comm_and_by_pid_tell_processes_apart_and_children_are_followed()
    {
        string[] command = ["--", "sh", "-c", "echo pid $$; \"$0\" 3 5 comm=first; exec \"$0\" 9 7 comm=second", target.Path];

        var comm = Groups((await ToolProcess.RunAsync(["run", target.Probe, "--walk", "kernel", "--by", "comm", "--format", "json", .. command])).Json);
        var byPid = await ToolProcess.RunAsync(["run", target.Probe, "--walk", "kernel", "--by", "pid", "--format", "json", .. command]);
        var pid = Groups(byPid.Json);
        var byTid = Groups((await ToolProcess.RunAsync(["run", target.Probe, "--walk", "kernel", "--by", "tid", "--format", "json", .. command])).Json);

        Assert.Equal((5, 7), (Hits(comm["first"]), Hits(comm["second"])));
        Assert.Equal(6, comm["second"].GetProperty("depth").GetProperty("max").GetInt32() - comm["first"].GetProperty("depth").GetProperty("max").GetInt32());
        Assert.Equal(2, pid.Count);
        var shell = byPid.Errors.Split('\n').First(static line => line.StartsWith("pid ", StringComparison.Ordinal))["pid ".Length..];
        Assert.Equal(7, Hits(pid[shell]));
        Assert.Equal([5, 7], byTid.Values.Select(Hits).Order());
    }

    [Theory]
    [InlineData("comm == first", 5)]
    [InlineData("comm != \"first\"", 7)]
    [InlineData("comm == third", 0)]
    [InlineData("comm == 'first' && pid > 0", 5)]
    public async Task Where_keeps_the_hits_for_which_it_holds(string where, int hits)
    {
        var result = await ToolProcess.RunAsync(
            "run", target.Probe, "--walk", "kernel", "--where", where, "--where", "pid != 1", "--format", "json", "--", "sh", "-c", "\"$0\" 3 5 comm=first; exec \"$0\" 9 7 comm=second", target.Path);

        Assert.Equal(hits, result.Json.GetProperty("health").GetProperty("hits").GetInt64());
    }

    [Fact]
    public async Task The_kernels_stack_has_a_depth_of_its_own()
    {
        var shallow = await ToolProcess.RunAsync("run", target.Probe, "--stack", "kernel", "--format", "json", "--", target.Path, "1", "5");
        var deep = await ToolProcess.RunAsync("run", target.Probe, "--stack", "kernel", "--format", "json", "--", target.Path, "100", "5");

        Assert.Equal("kernel", deep.Json.GetProperty("stack").GetString());
        Assert.Equal("kernel", deep.Json.GetProperty("walk").GetString());
        Assert.Equal("{}", deep.Json.GetProperty("health").GetProperty("reasons").GetRawText());
        Assert.True(deep.Json.GetProperty("depth").GetProperty("max").GetInt32() > 1);
        Assert.Equal(shallow.Json.GetProperty("depth").GetProperty("max").GetInt32(), deep.Json.GetProperty("depth").GetProperty("max").GetInt32());
    }

    [Fact]
    public async Task Keys_that_do_not_fit_are_counted_and_the_remedy_is_an_option_of_the_tool()
    {
        var result = await ToolProcess.RunAsync(
            "run", target.Probe, "--walk", "kernel", "--by", "pid", "--max-keys", "1", "--format", "json", "--", "sh", "-c", "\"$0\" 3 5; exec \"$0\" 9 7", target.Path);

        var json = result.Json;
        var health = json.GetProperty("health");
        Assert.Equal(12, health.GetProperty("hits").GetInt64());
        Assert.Equal(12 - json.GetProperty("depth").GetProperty("count").GetInt64(), health.GetProperty("keysLost").GetInt64());
        Assert.True(health.GetProperty("keysLost").GetInt64() > 0);
        Assert.Contains("--max-keys", health.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.StartsWith("the total is over the groups that fitted only", health.GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.Equal("groups that fitted", json.GetProperty("depthCovers").GetString());
    }

    /// <summary>What the target has counted; in JSON mode its standard output is on standard error.</summary>
    private static int Truth(ToolResult result) => int.Parse(
        result.Errors.Split('\n').First(static line => line.StartsWith("depth ", StringComparison.Ordinal)).AsSpan("depth ".Length), NumberStyles.None, CultureInfo.InvariantCulture);

    private static void Depth(JsonElement depth, int truth, long count)
    {
        Assert.Equal((truth, truth, (double)truth, count), (depth.GetProperty("max").GetInt32(), depth.GetProperty("min").GetInt32(), depth.GetProperty("mean").GetDouble(), depth.GetProperty("count").GetInt64()));
        var bucket = Assert.Single(depth.GetProperty("histogram").EnumerateArray());
        Assert.InRange(truth, bucket.GetProperty("low").GetInt64(), bucket.GetProperty("high").GetInt64());
        Assert.Equal(count, bucket.GetProperty("count").GetInt64());
    }

    private static Dictionary<string, JsonElement> Groups(JsonElement json) => json.GetProperty("groups").EnumerateArray().ToDictionary(static group => group.GetProperty("key").ToString());

    private static int Hits(JsonElement group) => group.GetProperty("hits").GetInt32();

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
