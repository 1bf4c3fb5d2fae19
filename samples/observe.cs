#!/usr/bin/env -S dotnet run
#:project ../src/StackDepth.Core/StackDepth.Core.csproj

// A live stream through Rx operators: this program recurses to random depths, and watches itself do it.
// Needs Linux and root (or CAP_BPF and CAP_PERFMON on Linux 6.6 or newer).
using System.Reactive.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using StackDepth;

var probe = Probe.UProbe("libc.so.6", "getppid").ForProcess(Environment.ProcessId);

// Up to Observe() the kernel does the work; after it, Rx.
using var deep = probe.Where(s => s.UStack.Length > 10).Select(s => (s.Tid, s.UStack.Length)).Observe()
    .Buffer(TimeSpan.FromMilliseconds(250))
    .Where(calls => calls.Count > 0)
    .Subscribe(
        calls => Console.WriteLine($"{calls.Count,6:N0} calls, {calls.Average(call => call.Item2):F1} frames on average, by {calls.Select(call => call.Item1).Distinct().Count()} threads"),
        error => Console.Error.WriteLine(error.Message));

// Each new record, as it happens: the kernel sends only those.
using var records = probe.Select(s => s.UStack.Length).Max().Observe()
    .Subscribe(
        depth => Console.WriteLine($"a new record: {depth} frames"),
        error => Console.Error.WriteLine(error.Message));

var until = DateTime.UtcNow.AddSeconds(2);
Parallel.For(0, 2, seed =>
{
    var random = new Random(seed);
    while (DateTime.UtcNow < until)
        Recurse(random.Next(60));
});

[MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
static int Recurse(int depth) => depth == 0 ? getppid() : Recurse(depth - 1) + 1;

[DllImport("libc")]
static extern int getppid();
