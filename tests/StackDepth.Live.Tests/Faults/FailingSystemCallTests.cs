using StackDepth.Live.Tests.Support;
using StackDepth.Native.Features;
using StackDepth.Native.Sys;

namespace StackDepth.Live.Tests.Faults;

/// <summary>Each system call of a session fails in turn: the session is exact all the same, by another way, or there is none, with an exception that says why; and nothing stays open.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class FailingSystemCallTests(ITestOutputHelper output)
{
    private const int Hits = 3;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Sessions { get; } = ["maximum", "groups", "stream", "kept", "perf events"];

    [Theory]
    [MemberData(nameof(Sessions))]
    public async Task A_call_that_fails_is_told_or_made_good(string session)
    {
        using var target = new LiveTarget();
        await Attempt(target, session, new FaultySystemCalls());
        foreach (var errno in (Errno[])[Errno.ENOMEM, Errno.EPERM, Errno.EINVAL])
        {
            var (survived, refused) = (0, 0);
            using (new FdLeakCheck())
            {
                for (var failing = 1; ; failing++)
                {
                    var calls = 0;
                    FaultySystemCalls sys;
                    unsafe
                    {
                        sys = new()
                        {
                            OnBpf = (_, _, _) => Interlocked.Increment(ref calls) == failing ? -(long)errno : null,
                            OnPerfEventOpen = _ => Interlocked.Increment(ref calls) == failing ? -(long)errno : null,
                        };
                    }
                    if (await Attempt(target, session, sys))
                        survived++;
                    else
                        refused++;
                    if (Volatile.Read(ref calls) < failing)
                        break;
                }
            }
            output.WriteLine($"{session}, {errno}: {survived + refused - 1} calls, of which {survived - 1} could fail without harm");
            Assert.True(refused > 0);
        }
    }

    /// <summary>Whether there was a session.</summary>
    private static async Task<bool> Attempt(LiveTarget target, string session, FaultySystemCalls sys)
    {
        var leaves = Probe.UProbe(CTarget.Shared, "leaf_*").ForProcess(target.Pid);
        var options = new AttachOptions { SystemCalls = sys, Walk = StackWalk.Auto };
        try
        {
            switch (session)
            {
                case "maximum":
                    await Counts(target, await leaves.Select(static s => s.UStack.Length).Stats().AttachAsync(options, Cancellation), static stats => stats.Count);
                    break;
                case "groups":
                    await Counts(target, await leaves.GroupBy(static s => (s.Comm, s.Function)).Count().AttachAsync(options, Cancellation), static groups => groups.Values.Sum());
                    break;
                case "kept":
                    await Counts(target, await leaves.GroupBy(static s => s.Timestamp).MaxBy(static s => s.UStack.Length).AttachAsync(options, Cancellation), static groups => groups.Count);
                    break;
                case "perf events":
                    var kernel = KernelProfile.Detect(SystemCalls.Real) with { Switches = new(KernelFeatures.UprobeMulti) };
                    await Counts(target, await leaves.GroupBy(static s => s.Function).Count().AttachAsync(options with { Kernel = kernel }, Cancellation), static groups => groups.Values.Sum());
                    break;
                default:
                    await Streams(target, await leaves.Select(static s => s.UStack).AttachAsync(options, Cancellation));
                    break;
            }
            return true;
        }
        catch (StackDepthException)
        {
            return false;
        }
    }

    private static async Task Counts<T>(LiveTarget target, ProbeSession<T> session, Func<T, long> count)
    {
        await using var attached = session;
        target.Ask($"raw {Hits}");
        var result = await session.StopAsync(Cancellation);
        // What was lost by a failure is counted.
        Assert.Equal(Hits, count(result) + session.Health.StackErrors + session.Health.KeysLost);
    }

    private static async Task Streams(LiveTarget target, ProbeStreamSession<CallStack> session)
    {
        await using var attached = session;
        var received = 0;
        using var subscription = session.Subscribe(_ => Interlocked.Increment(ref received));
        target.Ask($"raw {Hits}");
        await session.StopAsync(Cancellation);
        Assert.Equal(Hits, Volatile.Read(ref received) + session.Health.StackErrors + session.Health.Dropped + session.Health.KeysLost);
    }
}
