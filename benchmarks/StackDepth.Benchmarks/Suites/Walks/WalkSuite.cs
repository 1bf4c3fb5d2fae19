using StackDepth.Benchmarks.Support;
using StackDepth.Native.Load;
using StackDepth.Native.Sys;

namespace StackDepth.Benchmarks.Suites.Walks;

/// <summary>Our own walks beside the kernel's: what they cost at a hit, and what their tables and programs cost at the start.</summary>
internal static class WalkSuite
{
    internal static Section Run()
    {
        using var text = new StringWriter();
        using var folder = SharedFolder.Create();
        (string Name, Action Print)[] parts =
        [
            ("with frame pointers", () => FrameCost.PrintKept(text, folder)),
            ("without frame pointers", () => FrameCost.PrintOmitted(text, folder)),
            ("python", () => PythonCost.Print(text)),
            ("around a walk", () => AroundWalks.Print(text, folder)),
            ("tables", () => TablesReady.Print(text)),
            ("cold start", () => WalkColdStart.Print(text, folder)),
        ];
        foreach (var (name, print) in parts)
        {
            Console.Error.WriteLine($"   {name}");
            // The statistics cost a clock at each hit of any program: only where they are read.
            using var statistics = KernelStatistics.Enable(SystemCalls.Real);
            print();
        }
        return new("Walks", text.ToString());
    }
}
