using System.Reactive.Linq;
using System.Runtime.InteropServices;
using StackDepth;

// Live probes from a NativeAOT program: every kind of result once, over this process and over a child.
const int Calls = 100;
var probe = Probe.UProbe("libc.so.6", "getppid").ForProcess(Environment.ProcessId);
List<string> failures = [];

await using (var summary = await probe.Select(s => s.UStack.Length).Summary().AttachAsync())
await using (var groups = await probe.GroupBy(s => s.Function).Count().AttachAsync())
await using (var comms = await probe.GroupBy(s => s.Comm).Max(s => s.KStack.Length).AttachAsync())
{
    for (var call = 0; call < Calls; call++)
        _ = LibC.GetParentPid();
    var result = await summary.StopAsync();
    Expect(result is { Count: Calls, Max: > 1 } && result.Histogram.Count == Calls, $"summary {result}");
    Expect((await groups.StopAsync()) is { Count: 1 } counts && counts.Single().Value == Calls, "count by function");
    Expect((await comms.StopAsync()).Single().Value > 0, "kernel stack by comm");
    Expect(summary.Health.Hits == Calls, $"health {summary.Health}");
}

List<(int Pid, string Comm, long Time)> seen = [];
using (probe.Select(s => (s.Pid, s.Comm, s.Timestamp)).Observe().Subscribe(seen.Add))
{
    for (var call = 0; call < Calls; call++)
        _ = LibC.GetParentPid();
    SpinWait.SpinUntil(() => seen.Count == Calls, TimeSpan.FromSeconds(10));
}
Expect(seen.Count == Calls && seen.All(s => s.Pid == Environment.ProcessId), $"stream of {seen.Count}");

var run = await Probe.UProbe("libc.so.6", "exit").Select(s => s.UStack.Length).Max().RunAsync(new("/bin/true"));
Expect(run is { ExitCode: 0, Result: > 0, Health.Hits: 1 }, $"child {run}");

foreach (var failure in failures)
    Console.Error.WriteLine($"failed: {failure}");
Console.WriteLine(failures.Count == 0 ? "AOT smoke: all live probes answered" : "AOT smoke: FAILED");
return failures.Count == 0 ? 0 : 1;

void Expect(bool condition, string what)
{
    if (!condition)
        failures.Add(what);
}

internal static partial class LibC
{
    [LibraryImport("libc", EntryPoint = "getppid")]
    internal static partial int GetParentPid();
}
