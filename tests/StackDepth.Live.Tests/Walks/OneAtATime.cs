using System.Collections.Concurrent;

namespace StackDepth.Live.Tests.Walks;

/// <summary>
/// A file is under gdb or under a probe, never both: each writes its own breakpoint at the same instruction, and who goes first takes the other's away.
/// </summary>
internal static class OneAtATime
{
    private static readonly ConcurrentDictionary<string, SemaphoreSlim> Files = new();

    internal static async Task<T> Use<T>(string file, Func<Task<T>> work)
    {
        var gate = Files.GetOrAdd(file, static _ => new(1));
        await gate.WaitAsync(TestContext.Current.CancellationToken);
        try
        {
            return await work();
        }
        finally
        {
            gate.Release();
        }
    }
}
