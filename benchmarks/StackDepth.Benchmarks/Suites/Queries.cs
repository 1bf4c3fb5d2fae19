using BenchmarkDotNet.Attributes;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Asm;

namespace StackDepth.Benchmarks.Suites;

/// <summary>The queries that are compiled. Public and open, because BenchmarkDotNet derives from it.</summary>
public class Queries
{
    private readonly CompileTarget _target = new(new ProcessScope.Followed(), StackWalk.Kernel, 127, 1 << 20, 16_384);

    [Benchmark(Description = "Select(s => s.UStack.Length).Max()", Baseline = true)]
    public byte[] Max() => Encode(Probe.UProbe("python3", "*").Select(static s => s.UStack.Length).Max().Query);

    [Benchmark(Description = "Select(s => s.UStack.Length).Count()")]
    public byte[] Count() => Encode(Probe.UProbe("python3", "*").Select(static s => s.UStack.Length).Count().Query);

    [Benchmark(Description = "Where(comm and length).GroupBy(function).Summary(length)")]
    public byte[] Grouped() => Encode(
        Probe.UProbe("python3", "*").Where(static s => s.Comm == "python3" && s.UStack.Length > 3).GroupBy(static s => s.Function).Summary(static s => s.UStack.Length).Query);

    private byte[] Encode(IrQuery query) => InstructionEncoder.Encode(ProbeCompiler.Compile(query, _target).Program.Instructions.AsSpan(), static _ => 3);
}
