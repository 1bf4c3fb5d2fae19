using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>From a lambda to the bytes that the kernel gets.</summary>
internal static class QueryToBytecode
{
    private const int FreshRuns = 11;

    internal static Section Run()
    {
        var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(5).WithIterationCount(15);
        var config = ManualConfig.CreateEmpty()
            .AddJob(job)
            .AddLogger(NullLogger.Instance)
            .AddDiagnoser(BenchmarkDotNet.Diagnosers.MemoryDiagnoser.Default)
            .AddColumnProvider(BenchmarkDotNet.Columns.DefaultColumnProviders.Instance)
            .WithArtifactsPath(Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts", "BenchmarkDotNet"));
        var summary = BenchmarkRunner.Run<Queries>(config);
        var table = new Table("query", "µs, median", "bytes allocated", "instructions", "goal");
        foreach (var report in summary.Reports)
        {
            var name = report.BenchmarkCase.Descriptor.WorkloadMethodDisplayInfo.Trim('\'');
            var median = (report.ResultStatistics ?? throw new InvalidOperationException($"BenchmarkDotNet has no result for {name}.")).Median / 1e3;
            var bytes = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0;
            var code = (byte[])report.BenchmarkCase.Descriptor.WorkloadMethod.Invoke(new Queries(), null)!;
            table.Add(name, Number(median, 1), Number(bytes), Number(code.Length / 8), $"50 {Verdict(median <= 50)}");
        }
        var fresh = Enumerable.Range(0, FreshRuns).Select(static _ => FreshProcess.Measure("python3").Compile).Median();
        return new("Query to bytecode", $"""
            Lambda, IR, passes, lowering, assembling and encoding, warm (BenchmarkDotNet, in process). Instructions are counted in 8-byte slots.

            {table}
            The first query of a process, JIT, median of {FreshRuns} processes: {Number(fresh, 1)} ms.
            """);
    }
}
