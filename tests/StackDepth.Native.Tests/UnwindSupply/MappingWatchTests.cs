using StackDepth.Native.Link;
using StackDepth.Native.Sys;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;

namespace StackDepth.Native.Tests.UnwindSupply;

[Collection(FdLeakCheck.Alone)]
public sealed class MappingWatchTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private static readonly Func<int, bool> Any = static _ => true;

    private static WatchedFeed Watch(Session session, WantedProcesses wanted, int pages = MappingEvents.DefaultPages) => new(session, wanted, pages);

    private static UnwindFileKey Key(string path) => UnwindFileKey.Of(path)!.Value;

    /// <summary>By the mappings themselves, and not by stat(2).</summary>
    private static UnwindFileKey MappedKey(int processId, string path) => MappedExecutables.Of(processId).Single(mapping => mapping.Path == path).Key;

    [Fact]
    public void A_library_is_loaded_when_it_is_opened()
    {
        using var session = new Session();
        using var opener = new LibraryOpener(targets, "opener");
        var library = LibraryOpener.Library(targets, "opened.so");
        using var watch = Watch(session, WantedProcesses.Only(opener.Pid));
        opener.Open(library);
        var entry = session.Await(MappedKey(opener.Pid, library));
        Assert.Equal(UnwindFileFlags.Ready, entry.Flags);
        Assert.Equal(Tables.Rule(FakeSource.OffsetFor((ulong)new FileInfo(library).Length)), session.Maps.Find(entry, 0));
        Assert.Equal(0, session.Supplier.Statistics.Requests);
        Assert.Contains(session.Notices, notice => notice.File == library);
    }

    [Fact]
    public void Mappings_of_other_processes_load_nothing()
    {
        using var session = new Session();
        using var wanted = new LibraryOpener(targets, "wanted");
        using var other = new LibraryOpener(targets, "unwanted");
        var ignored = LibraryOpener.Library(targets, "ignored.so");
        using var watch = Watch(session, WantedProcesses.Only(wanted.Pid));
        other.Open(ignored);

        // Twice: the rings of the CPUs are read one after the other, and what came before the first is read with the second at the latest.
        foreach (var name in new[] { "one.so", "two.so" })
        {
            var library = LibraryOpener.Library(targets, name);
            wanted.Open(library);
            session.Await(Key(library));
        }

        Assert.Null(session.Maps.Entry(Key(ignored)));
        Assert.Equal(2, session.Supplier.Statistics.Loaded);
    }

    [Fact]
    public void Whoever_maps_the_target_is_wanted_with_all_it_has_mapped_and_will_map()
    {
        using var session = new Session();
        var target = LibraryOpener.Library(targets, "target.so");
        var before = LibraryOpener.Library(targets, "before.so");
        var after = LibraryOpener.Library(targets, "after.so");
        using var opener = new LibraryOpener(targets, "joining");
        using var watch = Watch(session, WantedProcesses.With(Key(target), Any));
        opener.Open(before);
        opener.Open(target);
        session.Await(Key(target));
        session.Await(Key(before));
        opener.Open(after);
        session.Await(Key(after));
    }

    [Fact]
    public void Forks_of_the_wanted_are_wanted_until_they_become_another_program()
    {
        using var session = new Session();
        using var other = new LibraryOpener(targets, "other");
        using var opener = new LibraryOpener(targets, "forking");
        var wanted = WantedProcesses.With(Key(opener.Program), Any);
        wanted.Learn(opener.Pid);
        using var watch = Watch(session, wanted);
        var inChild = LibraryOpener.Library(targets, "child.so");
        var child = opener.Fork(inChild);
        session.Await(Key(inChild));
        Assert.Equal(2, wanted.Count);
        LibraryOpener.Kill(child);
        opener.Exec(other);
        Assert.True(SpinWait.SpinUntil(() => wanted.Count == 0, TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public void What_finds_no_room_is_counted_and_what_comes_after_is_read()
    {
        using var session = new Session();
        using var opener = new LibraryOpener(targets, "burst");
        using var reading = new ManualResetEventSlim();
        using var go = new ManualResetEventSlim();
        var wanted = WantedProcesses.With(Key(opener.Program), processId =>
        {
            reading.Set();
            go.Wait(TimeSpan.FromSeconds(20));
            return processId == opener.Pid;
        });
        using var watch = Watch(session, wanted, pages: 1);
        opener.Map(1);
        Assert.True(reading.Wait(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        opener.Map(2000);
        go.Set();

        // The kernel says how many it lost with the next record that finds room in that ring.
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                opener.Map(1);
                return watch.Lost > 1000;
            },
            TimeSpan.FromSeconds(20)));
        var library = LibraryOpener.Library(targets, "later.so");
        opener.Open(library);
        session.Await(Key(library));
    }

    [Fact]
    public void A_watch_leaves_nothing_open()
    {
        Requires.Bpf();
        using var opener = new LibraryOpener(targets, "checked");
        using var session = new Session();
        var library = LibraryOpener.Library(targets, "checked.so");
        using (new FdLeakCheck())
        {
            using var watch = Watch(session, WantedProcesses.Only(int.MaxValue));
            Assert.Contains(FdLeakCheck.Snapshot().Values, static file => file.Contains("perf_event", StringComparison.Ordinal));
            opener.Open(library);
            watch.Dispose();
        }
    }

    [Fact]
    public void A_kernel_that_refuses_leaves_nothing_open_and_says_why()
    {
        using (new FdLeakCheck())
        {
            var refusing = new FaultySystemCalls { OnPerfEventOpen = static call => call == 2 ? -(long)Errno.EACCES : null };
            if (StackDepth.Native.Features.CpuTopology.OnlineCpus(refusing).Count < 2)
            {
                refusing = new FaultySystemCalls { OnPerfEventOpen = static _ => -(long)Errno.EACCES };
            }

            var error = Assert.Throws<KernelException>(() => MappingFeed.Open(refusing));
            Assert.Equal(Errno.EACCES, error.Errno);
        }
    }

    /// <summary>A watch with a feed of its own.</summary>
    private sealed class WatchedFeed : IDisposable
    {
        private readonly MappingFeed _feed;
        private readonly MappingWatch _watch;

        internal WatchedFeed(Session session, WantedProcesses wanted, int pages)
        {
            _feed = MappingFeed.Open(SystemCalls.Real, pages);
            _watch = new(session.Supplier, wanted, session.Failures.Enqueue, _feed);
        }

        internal long Lost => _watch.Lost;

        public void Dispose()
        {
            _watch.Dispose();
            _feed.Dispose();
        }
    }
}
