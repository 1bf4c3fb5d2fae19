using System.Diagnostics;

namespace StackDepth.Live.Tests.Support;

/// <summary>Waiting for what must come. The limits only keep a broken test from hanging: no test depends on their length.</summary>
internal static class Eventually
{
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    internal static async Task True(Func<bool> condition, string what)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < Limit, $"Never happened: {what}");
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }
    }

    internal static Task Done(Task task) => task.WaitAsync(Limit, TestContext.Current.CancellationToken);

    internal static Task<T> Done<T>(Task<T> task) => task.WaitAsync(Limit, TestContext.Current.CancellationToken);
}
