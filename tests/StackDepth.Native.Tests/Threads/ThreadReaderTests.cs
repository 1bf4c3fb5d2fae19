using System.Diagnostics;
using StackDepth.Native.Btf;
using StackDepth.Native.Sys;
using StackDepth.Native.Threads;

namespace StackDepth.Native.Tests.Threads;

public sealed class ThreadReaderTests
{
    [Fact]
    public void Smoke()
    {
        Requires.Bpf();
        var watch = Stopwatch.StartNew();
        void Lap(string what) { TestContext.Current.TestOutputHelper!.WriteLine($"{what}: {watch.Elapsed.TotalMicroseconds:N0} us"); watch.Restart(); }
        var btf = VmlinuxBtf.TryRead()!;
        Lap("btf");
        var kernel = KernelOffsets.Read(btf);
        Lap("offsets");
        var threads = ThreadOffsets.Read(btf);
        Lap("thread offsets");
        for (var i = 0; i < 3; i++)
        {
            using var reader = new ThreadReader(kernel, threads, SystemCalls.Real);
            Lap("load");
            for (var j = 0; j < 4; j++)
            {
                var all = reader.Sample(TaskScope.All);
                Lap($"sample {all.Count} threads, {all.Sum(s => s.Stack.Length)} bytes");
                var check = reader.Check(TaskScope.All);
                Lap($"check {check.Count} threads");
                var mappings = reader.Mappings(TaskScope.All);
                Lap($"mappings {mappings.Count} in {mappings.Select(m => m.Memory).Distinct().Count()}");
                var own = reader.Sample(TaskScope.Process(Environment.ProcessId));
                Lap($"own {own.Count}");
                var one = reader.Sample(TaskScope.Thread(Environment.ProcessId));
                Lap($"one {one.Count}");
            }
        }
        watch.Restart();
    }
}
