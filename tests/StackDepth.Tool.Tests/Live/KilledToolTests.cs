using System.Diagnostics;
using System.Globalization;
using StackDepth.Tool.Tests.Support;

namespace StackDepth.Tool.Tests.Live;

/// <summary>SIGKILL, at any moment, leaves no probe, no program and no map behind, and no command that waits for them.</summary>
public sealed class KilledToolTests(DepthTarget target, ITestOutputHelper output) : IClassFixture<DepthTarget>
{
    private const int Rounds = 25;

    [Fact]
    public async Task A_tool_that_is_killed_leaves_nothing_behind()
    {
        Requires.Root();
        // A round at first, for how long it takes.
        var watch = Stopwatch.StartNew();
        await using (var tool = Start())
        {
            await tool.SeesAsync("ready");
            tool.Signal("KILL");
        }
        var whole = watch.Elapsed * 1.2;
        var before = BpfObjects.All();
        var random = new Random(1);
        for (var round = 0; round < Rounds; round++)
        {
            var delay = whole * random.NextDouble();
            await using var tool = Start();
            await Task.Delay(delay, TestContext.Current.CancellationToken);
            tool.Signal("KILL");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"killed after {delay.TotalMilliseconds:F0} of {whole.TotalMilliseconds:F0} ms"));
        }
        // The kernel frees them when nobody runs in them any more.
        (string Kind, uint Id)[] left = [];
        watch.Restart();
        do
        {
            await Task.Delay(200, TestContext.Current.CancellationToken);
            left = [.. BpfObjects.Orphans().Except(before)];
        }
        while (left.Length > 0 && watch.Elapsed < TimeSpan.FromSeconds(20));
        Assert.Empty(left);
        // A command that runs goes on without the tool, as under time or strace; one that waits for its probes ends with it.
        var named = Process.GetProcesses().Where(process => Line(process.Id).Contains(target.Path, StringComparison.Ordinal)).ToArray();
        var running = named.Where(process => Program(process.Id) == target.Path).ToArray();
        foreach (var process in running)
            process.Kill();
        Assert.Empty(named.Except(running).Where(process => Line(process.Id).Length > 0).Select(process => Line(process.Id)));
    }

    // At all its functions, by tables, which start more than anything else does.
    private ToolProcess Start() => ToolProcess.Start(["run", $"uprobe:{target.Path}:*", "--walk", "unwind", "--by", "function", "--", target.Path, "7", "0", "ready"]);

    private static string Line(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline").Replace('\0', ' ');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string? Program(int process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/exe").LinkTarget;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
