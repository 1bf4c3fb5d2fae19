#!/usr/bin/env -S dotnet run
#:project ../src/StackDepth.Core/StackDepth.Core.csproj
#:package Microsoft.Extensions.Logging.Console

// How deep does Python's C stack get while it runs a script? The README's query, live.
// Needs Linux and root (or CAP_BPF and CAP_PERFMON on Linux 6.6 or newer).
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using StackDepth;

// The library's log goes to standard error: what the name python3 led to, where the probes went, what was lost.
using var log = LoggerFactory.Create(builder => builder.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
var options = new AttachOptions { LoggerFactory = log };

try
{
    return HasPython() ? await ProbePython(options) : await ProbeThisProcess(options);
}
catch (Exception error) when (error is StackDepthException or IOException or Win32Exception) // the last two: the command was not found, or cannot be executed
{
    Console.Error.WriteLine(error.Message);
    return 1;
}

static async Task<int> ProbePython(AttachOptions options)
{
    var deepest = Probe.UProbe("python3", "*").Select(s => s.UStack.Length).Max();

    Console.WriteLine("Probing every function of the interpreter while it runs recurse.py. Each call takes a trap, so this is slow: some seconds.");
    var run = await deepest.RunAsync(new ProcessStartInfo("python3", ["-I", "-S", Path.Combine(SourceDirectory(), "recurse.py")]), options);

    Console.WriteLine($"{run.Result} frames at the deepest, over {run.Health.Hits:N0} calls of {run.Sites.Length:N0} functions in {run.Sites[0].Binary}");
    Console.WriteLine(run.Health);
    return run.ExitCode;
}

static async Task<int> ProbeThisProcess(AttachOptions options)
{
    Console.WriteLine("There is no python3 here, so this program probes itself: C# recursion that ends in libc's getppid.");
    await using var session = await Probe.UProbe("libc.so.6", "getppid").ForProcess(Environment.ProcessId).Select(s => s.UStack.Length).Max().AttachAsync(options);
    Recurse(40);
    Console.WriteLine($"{await session.StopAsync()} frames at the deepest");
    Console.WriteLine(session.Health);
    return 0;
}

[MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
static int Recurse(int depth) => depth == 0 ? getppid() : Recurse(depth - 1) + 1;

static bool HasPython() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => IsExecutable(Path.Combine(directory, "python3")));

static bool IsExecutable(string file) =>
    File.Exists(file) && (File.GetUnixFileMode(file) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0;

// Not the compiler's path of this file, which a deterministic build replaces.
static string SourceDirectory() => (string)AppContext.GetData("EntryPointFileDirectoryPath")!;

[DllImport("libc")]
static extern int getppid();
