using System.Diagnostics;
using System.Globalization;
using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class ThreadsTests
{
    [Fact]
    public async Task Json_has_the_threads_of_a_process_with_what_is_known_of_each()
    {
        Requires.Probes();
        using var sleeper = Sleeper();
        var json = (await ToolProcess.RunAsync("threads", "-p", Pid(sleeper), "--format", "json")).Json;

        var thread = Assert.Single(json.GetProperty("threads").EnumerateArray());
        Assert.Equal(
            (sleeper.Id, sleeper.Id, "sleep", "complete"),
            (thread.GetProperty("pid").GetInt32(), thread.GetProperty("tid").GetInt32(), thread.GetProperty("comm").GetString(), thread.GetProperty("completeness").GetString()));
        Assert.InRange(thread.GetProperty("user").GetInt32(), 3, 20);
        Assert.InRange(thread.GetProperty("kernel").GetInt32(), 2, 60);
        Assert.InRange(thread.GetProperty("bytesInUse").GetInt64(), 500, 1 << 20);
        Assert.Equal(System.Text.Json.JsonValueKind.Null, thread.GetProperty("reason").ValueKind);
    }

    [Fact]
    public async Task The_table_has_a_line_for_each_thread_and_a_sum()
    {
        Requires.Probes();
        using var sleeper = Sleeper();
        var result = await ToolProcess.RunAsync("threads", "--pid", Pid(sleeper));

        Assert.Equal((0, ""), (result.Status, result.Errors));
        Assert.Matches(@"^ *pid +tid +user +kernel +bytes +comm\n", result.Output);
        Assert.Matches($@"(?m)^ *{sleeper.Id} +{sleeper.Id} +\d+ +\d+ +[\d,]+  sleep$", result.Output);
        Assert.EndsWith("\n1 thread, complete\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_threads_of_the_machine_come_the_deepest_first()
    {
        Requires.Probes();
        using var sleeper = Sleeper();
        var threads = (await ToolProcess.RunAsync("threads", "--format", "json")).Json.GetProperty("threads").EnumerateArray().ToArray();

        Assert.Contains(threads, thread => thread.GetProperty("pid").GetInt32() == sleeper.Id);
        var depths = threads.Select(static thread => thread.GetProperty("user").GetInt32()).ToArray();
        Assert.Equal(depths.OrderDescending(), depths);
        Assert.All(threads, static thread => Assert.Equal(thread.GetProperty("completeness").GetString() == "complete", thread.GetProperty("reason").GetString() is null));
    }

    [Fact]
    public async Task No_such_process_is_a_failure_and_no_number_is_wrong_usage()
    {
        Requires.Probes();
        var gone = await ToolProcess.RunAsync("threads", "-p", "2147483647");
        var wrong = await ToolProcess.RunAsync("threads", "-p", "x");

        Assert.Equal((125, 64), (gone.Status, wrong.Status));
        Assert.Contains("2147483647", gone.Errors, StringComparison.Ordinal);
        Assert.Equal(("", ""), (gone.Output, wrong.Output));
    }

    [Fact]
    public async Task Missing_privileges_are_named_with_the_remedy()
    {
        Requires.Root();
        Requires.Program("setpriv");
        var result = await ToolProcess.RunAsync(["threads"], null, null, ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]);

        Assert.Equal((125, ""), (result.Status, result.Output));
        Assert.Contains("CAP_BPF", result.Errors, StringComparison.Ordinal);
    }

    /// <summary>A process that sleeps for certain: the kernel says so.</summary>
    private static Sleeping Sleeper() => new();

    private static string Pid(Sleeping sleeper) => sleeper.Id.ToString(CultureInfo.InvariantCulture);

    private sealed class Sleeping : IDisposable
    {
        private readonly Process _process = Process.Start("sleep", "86400");

        internal Sleeping()
        {
            // clock_nanosleep
            while (!File.ReadAllText($"/proc/{Id}/syscall").StartsWith("230 ", StringComparison.Ordinal))
                Thread.Sleep(1);
        }

        internal int Id => _process.Id;

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
        }
    }
}
