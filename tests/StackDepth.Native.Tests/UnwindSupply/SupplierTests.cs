using System.Diagnostics;
using StackDepth.Native.Targets;
using StackDepth.Native.Tests.Elf;
using StackDepth.Native.Unwind;
using ProbeTarget = StackDepth.Native.Tests.Support.ProbeTarget;

namespace StackDepth.Native.Tests.UnwindSupply;

public sealed class SupplierTests(CompiledTargets targets) : IClassFixture<CompiledTargets>
{
    private static UnwindRequest RequestFor(int processId, Func<MappedExecutable, bool> which)
    {
        var mapping = MappedExecutables.Of(processId).Single(which);
        return new UnwindRequest(mapping.Key.Inode, mapping.Key.Device, processId, mapping.Start, mapping.End, 0);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private static UnwindRule RuleOf(string path) => Tables.Rule(FakeSource.OffsetFor((ulong)new FileInfo(path).Length));

    [Fact]
    public void A_request_from_the_kernel_is_answered_with_the_mapped_file()
    {
        using var session = new Session();
        using var target = new ProbeTarget();
        var request = RequestFor(target.Pid, static mapping => mapping.Path == ProbeTarget.Executable);
        session.Maps.Ask(request);
        var entry = session.Await(request.Key);
        Assert.Equal(UnwindFileFlags.Ready, entry.Flags);
        Assert.Equal(RuleOf(ProbeTarget.Executable), session.Maps.Find(entry, 0));

        // What it has mapped besides is not waited for.
        foreach (var mapping in MappedExecutables.Of(target.Pid))
        {
            Assert.Equal(RuleOf(mapping.Path), session.Maps.Find(session.Await(mapping.Key), 0));
        }

        Assert.Equal(1, session.Supplier.Statistics.Requests);
        Assert.All(session.Source.Reads, static read => Assert.Equal(1, read.Value));
    }

    [Fact]
    public void A_deleted_file_is_read_where_it_is_mapped()
    {
        var program = targets.Compile("deleted", "#include <unistd.h>\nint main(void) { pause(); }");
        var rule = RuleOf(program);
        using var session = new Session();
        using var child = Process.Start(program);
        try
        {
            SpinWait.SpinUntil(() => MappedExecutables.Of(child.Id).Exists(mapping => mapping.Path == program), TimeSpan.FromSeconds(10));
            File.Delete(program);
            File.WriteAllText(program, "another");
            var request = RequestFor(child.Id, mapping => mapping.Path == program + " (deleted)");
            session.Maps.Ask(request);
            Assert.Equal(rule, session.Maps.Find(session.Await(request.Key), 0));
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
    }

    [Fact]
    public void A_file_of_an_overlay_is_read_by_the_inode_of_its_layer()
    {
        Requires.SysAdmin();
        Requires.That(File.ReadAllText("/proc/filesystems").Contains("\toverlay\n", StringComparison.Ordinal), "overlayfs");
        var lower = targets.Compile("lower/onoverlay", "#include <unistd.h>\nint main(void) { pause(); }");
        string[] folders = ["upper", "work", "merged"];
        Array.ForEach(folders, folder => Directory.CreateDirectory(targets.PathOf(folder)));
        var merged = targets.PathOf("merged");
        Run("mount", "-t", "overlay", "overlay", "-o", $"lowerdir={targets.PathOf("lower")},upperdir={targets.PathOf("upper")},workdir={targets.PathOf("work")}", merged);
        try
        {
            using var session = new Session();
            using var child = Process.Start(Path.Combine(merged, "onoverlay"));
            try
            {
                MappedExecutable mapping = default;
                Assert.True(SpinWait.SpinUntil(() => (mapping = MappedExecutables.Of(child.Id).Find(static mapping => mapping.Path.EndsWith("/onoverlay", StringComparison.Ordinal))).Path is not null, TimeSpan.FromSeconds(10)));

                // What the walker sees is the file of the layer: a mapping's file is the one that is behind the overlay's.
                var key = UnwindFileKey.Of(lower)!.Value;
                session.Maps.Ask(new UnwindRequest(key.Inode, key.Device, child.Id, mapping.Start, mapping.End, 0));
                Assert.Equal(RuleOf(lower), session.Maps.Find(session.Await(key), 0));
            }
            finally
            {
                child.Kill();
                child.WaitForExit();
            }
        }
        finally
        {
            Run("umount", merged);
        }
    }

    [Fact]
    public void A_process_that_is_gone_leaves_its_file_to_the_next_that_asks()
    {
        using var session = new Session();
        UnwindRequest request;
        using (var target = new ProbeTarget())
        {
            request = RequestFor(target.Pid, static mapping => mapping.Path == ProbeTarget.Executable);
        }

        session.Maps.Ask(request);
        Assert.Equal(UnwindOutcome.Gone, session.AwaitNotice(UnwindOutcome.Gone).Outcome);
        Assert.Null(session.Maps.Entry(request.Key));
        using var next = new ProbeTarget();
        request = RequestFor(next.Pid, static mapping => mapping.Path == ProbeTarget.Executable);
        session.Maps.Ask(request);
        Assert.Equal(UnwindFileFlags.Ready, session.Await(request.Key).Flags);
        Assert.Equal(1, session.Supplier.Statistics.Gone);
    }

    [Fact]
    public void Another_file_than_the_one_asked_for_is_unusable()
    {
        using var session = new Session();
        using var target = new ProbeTarget();
        var request = RequestFor(target.Pid, static mapping => mapping.Path == ProbeTarget.Executable);
        var otherInode = request with { Inode = request.Inode + 1 };
        session.Maps.Ask(otherInode);
        Assert.Equal(UnwindFileEntry.Without(UnwindFileFlags.Unusable), session.Await(otherInode.Key));
        Assert.Contains("another file", session.AwaitNotice(UnwindOutcome.Unusable).Detail, StringComparison.Ordinal);

        // The file system here shows its superblock's device.
        var otherDevice = request with { Device = request.Device + 1 };
        session.Maps.Ask(otherDevice);
        Assert.Equal(UnwindFileEntry.Without(UnwindFileFlags.Unusable), session.Await(otherDevice.Key));
        session.Maps.Ask(request);
        Assert.Equal(UnwindFileFlags.Ready, session.Await(request.Key).Flags);
    }

    [Fact]
    public void What_is_no_program_is_never_read_as_one()
    {
        // Maps each file of its arguments executable, and makes code in memory as JIT compilers do.
        var program = targets.Compile("mapper", """
            #define _GNU_SOURCE
            #include <fcntl.h>
            #include <stdio.h>
            #include <sys/mman.h>
            #include <unistd.h>
            int main(int n, char **files) {
                for (int i = 1; i < n; i++)
                    if (mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, open(files[i], O_RDONLY), 0) == MAP_FAILED) return 1;
                int jit = memfd_create("doublemapper", 0);
                if (ftruncate(jit, 1L << 40) || mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, jit, 0) == MAP_FAILED) return 2;
                puts("ready"); fflush(stdout); pause();
            }
            """);
        var text = targets.WriteScript("text", new string('x', 5000));
        var empty = targets.WriteScript("empty", "");
        var huge = targets.PathOf("huge");
        using (var file = File.Create(huge))
        {
            file.Write("\u007fELF"u8);
            file.SetLength(UnwindFileLoader.MaxBytes + 1);
        }

        var cut = targets.PathOf("cut");
        File.WriteAllBytes(cut, File.ReadAllBytes(program)[..100]);
        var assembly = targets.PathOf("plain.s");
        File.WriteAllText(assembly, ".text\n.globl plain\nplain: ret\n.section .note.GNU-stack,\"\",@progbits\n");
        var plain = targets.PathOf("plain.so");
        Process.Start("gcc", ["-shared", "-nostdlib", "-o", plain, assembly]).WaitForExit();

        using var session = new Session();
        using var child = Process.Start(new ProcessStartInfo(program, [text, empty, huge, cut, plain]) { RedirectStandardOutput = true })!;
        try
        {
            Assert.Equal("ready", child.StandardOutput.ReadLine());
            var entries = MappedExecutables.Of(child.Id).ToDictionary(static mapping => Path.GetFileName(mapping.Path), mapping =>
            {
                var request = RequestFor(child.Id, other => other.Key == mapping.Key);
                session.Maps.Ask(request);
                return session.Await(request.Key).Flags;
            });
            Assert.Equal(UnwindFileFlags.Unusable, entries["text"]);
            Assert.Equal(UnwindFileFlags.Unusable, entries["empty"]);
            Assert.Equal(UnwindFileFlags.Unusable, entries["huge"]);
            Assert.Equal(UnwindFileFlags.Unusable, entries["cut"]);
            Assert.Equal(UnwindFileFlags.NoTable, entries["plain.so"]);
            Assert.Equal(UnwindFileFlags.NoTable, entries["memfd:doublemapper (deleted)"]);
            Assert.Equal(UnwindFileFlags.Ready, entries["mapper"]);
            SpinWait.SpinUntil(() => session.Supplier.Statistics is { Unusable: 4, NoTable: 2 }, TimeSpan.FromSeconds(10));
            Assert.Equal((4, 2), (session.Supplier.Statistics.Unusable, session.Supplier.Statistics.NoTable));
            Assert.Equal(4, session.Notices.Count(static notice => notice is { Outcome: UnwindOutcome.Unusable, Detail.Length: > 0 }));
        }
        finally
        {
            child.Kill();
            child.WaitForExit();
        }
    }

    [Fact]
    public void Programs_are_loaded_ahead_with_all_they_need()
    {
        using var session = new Session();
        session.Supplier.PreloadPrograms([ProbeTarget.Executable], new ResolveOptions());
        Assert.Equal(UnwindFileFlags.Ready, session.Maps.Entry(UnwindFileKey.Vdso)!.Value.Flags);
        using var target = new ProbeTarget();
        var mappings = MappedExecutables.Of(target.Pid);
        Assert.True(mappings.Count >= 3);
        Assert.All(mappings, mapping => Assert.Equal(RuleOf(mapping.Path), session.Maps.Find(session.Maps.Entry(mapping.Key)!.Value, 0)));

        // Asked for all the same, nothing is read again.
        session.Supplier.PreloadProcess(target.Pid);
        session.Supplier.PreloadPrograms([ProbeTarget.Executable], new ResolveOptions());
        Assert.All(session.Source.Reads, static read => Assert.Equal(1, read.Value));
        Assert.Equal(mappings.Count + 1, session.Supplier.Statistics.Loaded);
    }

    [Fact]
    public void A_process_is_loaded_ahead()
    {
        using var session = new Session();
        using var target = new ProbeTarget();
        session.Supplier.PreloadProcess(target.Pid);
        Assert.All(MappedExecutables.Of(target.Pid), mapping => Assert.Equal(UnwindFileFlags.Ready, session.Maps.Entry(mapping.Key)!.Value.Flags));
        session.Supplier.PreloadProcess(int.MaxValue);
        Assert.Equal(0, session.Supplier.Statistics.Gone);
    }

    [Fact]
    public void All_processes_that_map_a_file_are_loaded_ahead()
    {
        using var session = new Session();
        using ProbeTarget first = new(), second = new();
        session.Supplier.PreloadProcessesWith([UnwindFileKey.Of(ProbeTarget.Executable)!.Value]);
        Assert.All(MappedExecutables.Of(second.Pid), mapping => Assert.Equal(UnwindFileFlags.Ready, session.Maps.Entry(mapping.Key)!.Value.Flags));
        Assert.All(session.Source.Reads, static read => Assert.Equal(1, read.Value));
    }

    [Fact]
    public void A_copy_of_a_file_shares_its_words()
    {
        using var session = new Session();
        var program = targets.Compile("original", "int main(void) { return 0; }");
        var copy = targets.PathOf("copy");
        File.Copy(program, copy);
        session.Supplier.PreloadPrograms([program, copy], new ResolveOptions());
        UnwindFileKey first = UnwindFileKey.Of(program)!.Value, second = UnwindFileKey.Of(copy)!.Value;
        Assert.NotEqual(first, second);
        Assert.Equal(session.Maps.Entry(first), session.Maps.Entry(second));
        Assert.Equal(UnwindFileFlags.Ready, session.Maps.Entry(first)!.Value.Flags);
    }

    [Fact]
    public void A_file_that_makes_the_reader_fail_is_told_and_the_others_are_loaded()
    {
        using var session = new Session(onRead: static name =>
        {
            if (name == ProbeTarget.Executable)
            {
                throw new InvalidOperationException("a fault of the parser's");
            }
        });
        session.Supplier.PreloadPrograms([ProbeTarget.Executable], new ResolveOptions());
        Assert.Equal(UnwindFileFlags.Unusable, session.Maps.Entry(UnwindFileKey.Of(ProbeTarget.Executable)!.Value)!.Value.Flags);
        var notice = session.AwaitNotice(UnwindOutcome.Unusable);
        Assert.Equal((ProbeTarget.Executable, "a fault of the parser's"), (notice.File, notice.Detail));
        Assert.IsType<InvalidOperationException>(notice.Error);
        Assert.Equal(1, session.Supplier.Statistics.Unusable);
        Assert.True(session.Supplier.Statistics.Loaded >= 3);
    }

    [Fact]
    public void Too_many_files_are_said_and_not_thrown()
    {
        using var session = new Session(new UnwindFixture(files: 1));
        session.Supplier.PreloadProcess(Environment.ProcessId);
        Assert.Contains("no room for more files", session.AwaitNotice(UnwindOutcome.Unusable).Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_of_many_processes_and_preloads_at_once_read_each_file_once()
    {
        using var session = new Session();
        var processes = Enumerable.Range(0, 4).Select(static _ => new ProbeTarget()).ToArray();
        try
        {
            var preload = Task.Run(() => session.Supplier.PreloadProcess(processes[0].Pid), TestContext.Current.CancellationToken);
            foreach (var mapping in MappedExecutables.Of(processes[1].Pid))
            {
                if (session.Maps.Entry(mapping.Key) is null)
                {
                    foreach (var process in processes)
                    {
                        session.Supplier.Serve(RequestFor(process.Pid, other => other.Key == mapping.Key));
                    }
                }

                Assert.Equal(UnwindFileFlags.Ready, session.Await(mapping.Key).Flags);
            }

            await preload;
            Assert.All(session.Source.Reads, static read => Assert.Equal(1, read.Value));
        }
        finally
        {
            Array.ForEach(processes, static process => process.Dispose());
        }
    }
}
