using StackDepth.Live.Tests.Support;

namespace StackDepth.Live.Tests.Python;

/// <summary>What a session holds to know of Pythons: it must go with the session.</summary>
[Collection(FdLeakCheck.Alone)]
public sealed class PythonLeakTests
{
    [Fact]
    public async Task A_session_that_counted_Python_frames_leaves_nothing_open()
    {
        Requires.Bpf();
        var program = FakePythonTests.Program();
        using var target = new LiveTarget(program);
        // What the runtime and the library keep for all sessions is there after the first.
        await Count();
        using var leaks = new FdLeakCheck();
        await Count();

        async Task Count()
        {
            await using var session = await Probe.UProbe(program, "leaf").ForProcess(target.Pid).Select(s => s.Python.Length).Max().AttachAsync(
                new() { Walk = StackWalk.Kernel }, TestContext.Current.CancellationToken);
            target.Ask("plain 8");
            Assert.Equal(8, await session.StopAsync(TestContext.Current.CancellationToken));
        }
    }
}
