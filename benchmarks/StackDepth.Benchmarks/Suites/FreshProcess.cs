using System.Diagnostics;
using System.Globalization;
using StackDepth.Benchmarks.Support;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Asm;
using StackDepth.Native.Targets;

namespace StackDepth.Benchmarks.Suites;

/// <summary>What things cost the first time, in a process that has done nothing else yet.</summary>
internal static class FreshProcess
{
    /// <summary>Milliseconds of the first compilation and of the first resolution in a new process.</summary>
    internal static (double Compile, double Resolve) Measure(string binary)
    {
        var parts = Commands.Run(Commands.Self("--fresh", binary)).Output.Split(' ');
        return (double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    /// <summary>The new process.</summary>
    internal static int Run(string binary)
    {
        var begin = Stopwatch.GetTimestamp();
        var query = Probe.UProbe(binary, "*").Select(static s => s.UStack.Length).Max().Query;
        var compiled = ProbeCompiler.Compile(query, new CompileTarget(new ProcessScope.AllBut(1), StackWalk.Kernel, 127, 4096, 1024));
        InstructionEncoder.Encode(compiled.Program.Instructions.AsSpan(), static _ => 0);
        var compile = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;

        begin = Stopwatch.GetTimestamp();
        using var target = TargetResolver.Resolve(binary, "*", new ResolveOptions());
        var resolve = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{compile:F3} {resolve:F3}"));
        return target.Sites.IsEmpty ? 1 : 0;
    }
}
