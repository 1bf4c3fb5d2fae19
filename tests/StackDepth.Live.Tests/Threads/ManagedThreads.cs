using System.Globalization;
using System.Runtime.CompilerServices;

namespace StackDepth.Live.Tests.Threads;

/// <summary>This program as a target: threads that sleep at depths of managed code.</summary>
internal static class ManagedThreads
{
    internal const string Command = "managed-threads";

    internal static int Run(string[] depths)
    {
        using var parked = new CountdownEvent(depths.Length);
        foreach (var depth in depths.Select(static depth => int.Parse(depth, CultureInfo.InvariantCulture)))
            new Thread(() => Down(depth, parked)) { Name = $"down-{depth}", IsBackground = true }.Start();
        parked.Wait();
        Console.WriteLine("ready");
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }

    // One compilation, whatever tier: a method that is called often is compiled again, and its frames are left as they are.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static int Down(int left, CountdownEvent parked)
    {
        if (left > 0)
            return Down(left - 1, parked) + 1;
        parked.Signal();
        Thread.Sleep(Timeout.Infinite);
        return 0;
    }
}
