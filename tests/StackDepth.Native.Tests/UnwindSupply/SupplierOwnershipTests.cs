using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;
using ProbeTarget = StackDepth.Native.Tests.Support.ProbeTarget;

namespace StackDepth.Native.Tests.UnwindSupply;

[Collection(FdLeakCheck.Alone)]
public sealed class SupplierOwnershipTests
{
    [Fact]
    public void A_session_leaves_no_file_open()
    {
        Requires.Bpf();
        using var target = new ProbeTarget();
        using var check = new FdLeakCheck();
        using (var session = new Session())
        {
            session.Supplier.PreloadProcess(target.Pid);
            session.Maps.Ask(new UnwindRequest(12345, 1, target.Pid, 0x1000, 0x2000, 0));
            session.AwaitNotice(UnwindOutcome.Gone);
            Assert.Contains(FdLeakCheck.Snapshot().Values, static file => file == ProbeTarget.Executable);
        }
    }

    [Fact]
    public void The_inode_number_of_a_loaded_file_is_not_given_to_another()
    {
        var folder = Directory.CreateTempSubdirectory("stackdepth-inode-");
        try
        {
            using var session = new Session();
            var path = Path.Combine(folder.FullName, "program");
            File.Copy(ProbeTarget.Executable, path);
            session.Supplier.PreloadPrograms([path], new ResolveOptions());
            var key = UnwindFileKey.Of(path);
            File.Delete(path);
            var others = Enumerable.Range(0, 100).Select(i =>
            {
                File.WriteAllText(path + i, "x");
                return UnwindFileKey.Of(path + i);
            });
            Assert.DoesNotContain(key, others);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_session_that_ends_while_files_are_read_waits_for_them()
    {
        Requires.Bpf();
        using var target = new ProbeTarget();
        using var check = new FdLeakCheck();
        using var reading = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var session = new Session(onRead: _ =>
        {
            reading.Set();
            go.Wait();
        });
        var preload = Task.Run(() => session.Supplier.PreloadProcess(target.Pid), TestContext.Current.CancellationToken);
        reading.Wait(TestContext.Current.CancellationToken);
        var end = Task.Run(session.Dispose, TestContext.Current.CancellationToken);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(end.IsCompleted);
        go.Set();
        await end;
        await preload;
    }
}
