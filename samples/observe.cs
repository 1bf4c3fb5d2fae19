#!/usr/bin/env -S dotnet run
#:project ../src/StackDepth.Core/StackDepth.Core.csproj
#:package Microsoft.Extensions.Logging.Console

// A live stream through Rx operators: this program recurses to random depths, and watches itself do it.
// Needs Linux and root (or CAP_BPF and CAP_PERFMON on Linux 6.6 or newer).
using System.Reactive.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using StackDepth;

// The library's log goes to standard error: where the probes went, what was lost.
using var log = LoggerFactory.Create(builder => builder.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
// The kernel's walk, as bpftrace's: code that the JIT compiler made has no unwind rows, so by the default walk each depth is approximate here, and `> 10` would be undecided.
var options = new AttachOptions { LoggerFactory = log, Walk = StackWalk.Kernel };
var probe = Probe.UProbe("libc.so.6", "getppid").ForProcess(Environment.ProcessId);

try
{
    // What AttachAsync() is called on, the kernel does; a session is an IObservable, and what follows is Rx.
    await using var calls = await probe.Where(s => s.UStack.Length > 10).Select(s => (s.Tid, s.UStack.Length)).AttachAsync(options);
    using var averages = calls
        .Buffer(TimeSpan.FromMilliseconds(250))
        .Where(some => some.Count > 0)
        .Subscribe(
            some => Console.WriteLine($"{some.Count,6:N0} calls, {some.Average(call => call.Item2):F1} frames on average, by {some.Select(call => call.Item1).Distinct().Count()} threads"),
            Report);

    // Observe() attaches for each subscription. Each new record, as it happens: the kernel sends only those.
    using var records = probe.Select(s => s.UStack.Length).Max().Observe(options)
        .Subscribe(depth => Console.WriteLine($"a new record: {depth} frames"), Report);

    var until = DateTime.UtcNow.AddSeconds(2);
    Parallel.For(0, 2, seed =>
    {
        var random = new Random(seed);
        while (DateTime.UtcNow < until)
            Recurse(random.Next(60));
    });
    await calls.StopAsync();
    Console.WriteLine(calls.Health);
    return 0;
}
catch (StackDepthException error)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

static void Report(Exception error) => Console.Error.WriteLine(error.Message);

[MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
static int Recurse(int depth) => depth == 0 ? getppid() : Recurse(depth - 1) + 1;

[DllImport("libc")]
static extern int getppid();
