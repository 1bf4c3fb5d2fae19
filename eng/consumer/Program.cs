using System.Reactive.Linq;
using StackDepth;

// Count the calls of libc's exit in a child, and say how deep they were: a live probe out of the package alone.
var exits = Probe.UProbe("libc.so.6", "exit");
var run = await exits.Select(s => s.UStack.Length).Max().RunAsync(new("/bin/true"));
Console.WriteLine($"{run.Result} frames; {run.Health}");

var seen = await exits.Select(s => (s.Pid, s.Comm)).ObserveRun(new("/bin/true")).ToList();
foreach (var (pid, comm) in seen)
    Console.WriteLine($"{comm} ({pid})");

return run is { ExitCode: 0, Result: > 0, Health.Hits: 1 } && seen is [(> 0, "true")] ? 0 : 1;
