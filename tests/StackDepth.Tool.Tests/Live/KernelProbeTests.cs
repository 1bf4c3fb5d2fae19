using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary><c>run</c> with probes of the kernel.</summary>
public sealed class KernelProbeTests(DepthTarget target) : IClassFixture<DepthTarget>
{
    [Fact]
    public async Task A_software_event_measures_the_stacks_of_a_command()
    {
        var json = (await ToolProcess.RunAsync("run", "software:page-faults", "--walk", "kernel", "--format", "json", "--", target.Path, "20", "5")).Json;

        Assert.Equal("user", json.GetProperty("stack").GetString());
        var health = json.GetProperty("health");
        Assert.True(health.GetProperty("hits").GetInt64() > 10);
        Assert.Equal(health.GetProperty("hits").GetInt64(), json.GetProperty("depth").GetProperty("count").GetInt64() + health.GetProperty("errors").GetInt64());
        Assert.Equal(0, json.GetProperty("exitCode").GetInt32());
    }

    [Fact]
    public async Task A_profile_samples_the_kernel_until_its_time_is_over()
    {
        var json = (await ToolProcess.RunAsync("run", "profile:hz:199", "--stack", "kernel", "--duration", "500ms", "--format", "json")).Json;

        Assert.Equal(("kernel", "duration"), (json.GetProperty("stack").GetString(), json.GetProperty("ended").GetString()));
        Assert.True(json.GetProperty("health").GetProperty("hits").GetInt64() > 0);
    }

    // The mission's second query: kprobe:FUNCTION { @ = len(kstack) }.
    [Fact]
    public async Task A_kprobe_measures_kernel_stacks()
    {
        Requires.Kprobes();
        var json = (await ToolProcess.RunAsync("run", "kprobe:seq_read_iter", "--format", "json", "--", "/bin/cat", "/proc/meminfo")).Json;

        Assert.Equal("kernel", json.GetProperty("stack").GetString());
        Assert.Equal("seq_read_iter", json.GetProperty("deepest").GetProperty("function").GetString());
        Assert.InRange(json.GetProperty("depth").GetProperty("max").GetInt32(), 4, 30);
        Assert.Equal(json.GetProperty("health").GetProperty("hits").GetInt64(), json.GetProperty("health").GetProperty("complete").GetInt64());
    }

    [Fact]
    public async Task What_a_probe_of_the_kernel_cannot_tell_is_refused_with_a_sentence()
    {
        var result = await ToolProcess.RunAsync("run", "profile:hz:99", "--recursion", "--", "/bin/true");
        Assert.NotEqual(0, result.Status);
        Assert.Contains("Recursion is counted at the entries of user-space functions", result.Errors, StringComparison.Ordinal);
    }
}
