using System.Diagnostics;
using System.Globalization;
using StackDepth.Live.Tests.Support;
using StackDepth.Live.Tests.Walks;

namespace StackDepth.Live.Tests.Threads;

/// <summary>Processes that are not just some threads of C: interpreters, JIT code, namespaces, the dead, 32 bits.</summary>
public sealed class OddThreadTests
{
    private const string Python = """
        import functools, threading, time
        def down(n, wait):
            return wait() if n == 0 else functools.reduce(lambda a, b: down(n - 1, wait), [1, 2])
        waits = [lambda: time.sleep(86400), threading.Lock().acquire, threading.Event().wait]
        for index, wait in enumerate(waits):
            if index == 1:
                wait()
            threading.Thread(target=down, args=(20 * index + 5, wait), daemon=True).start()
        time.sleep(0.5)
        print("ready", flush=True)
        down(50, waits[0])
        """;

    private const string Node = """
        const { Worker } = require('worker_threads');
        const wait = "const cell = new Int32Array(new SharedArrayBuffer(4)); function down(n) { if (n > 0) { down(n - 1); return n; } Atomics.wait(cell, 0, 0); return 0; } ";
        new Worker(wait + "down(40)", { eval: true });
        new Worker(wait + "down(140)", { eval: true });
        setTimeout(() => console.log('ready'), 1000);
        setInterval(() => {}, 86400000);
        """;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pythons_threads_are_as_deep_as_gdb_says()
    {
        Requires.Bpf();
        var python = File.Exists("/usr/bin/python3.11") ? "/usr/bin/python3.11" : "/usr/bin/python3";
        Requires.That(File.Exists(python), python);
        using var process = await Ready(python, "-I", "-S", "-c", Python);

        var before = Probe.Threads(process.Id);
        var truth = await AttachedGdb.Depths(process.Id);

        Assert.Equal(4, truth.Count);
        Assert.Equal(truth.OrderBy(static pair => pair.Key).Select(static pair => (pair.Key, pair.Value, StackReason.None)), before.Select(static thread => (thread.Tid, thread.User, thread.Reason)));
    }

    [Fact]
    public async Task Nodes_threads_are_complete_where_gdb_can_prove_them_and_never_wrongly()
    {
        Requires.Bpf();
        using var process = await Ready(Requires.Program("node"), "-e", Node);

        var seen = Probe.Threads(process.Id);
        await CompleteOnesAreAsGdbSays(process.Id);
        // Two workers in JavaScript, whose code has no rows.
        Assert.Equal(2, seen.Count(static thread => thread.Completeness == Completeness.Approximate));
    }

    [Fact]
    public async Task Dotnets_threads_are_complete_where_they_run_no_managed_code_and_approximate_where_they_do()
    {
        Requires.Bpf();
        using var process = await Ready("dotnet", typeof(OddThreadTests).Assembly.Location, ManagedThreads.Command, "30", "130", "1130");

        var seen = Probe.Threads(process.Id).Where(static thread => thread.Comm.StartsWith("down-", StringComparison.Ordinal)).OrderBy(static thread => int.Parse(thread.Comm.AsSpan(5), CultureInfo.InvariantCulture)).ToArray();

        Assert.Equal(3, seen.Length);
        Assert.All(seen, static thread => Assert.Equal((Completeness.Approximate, StackReason.FramePointerStep), (thread.Completeness, thread.Reason)));
        // Managed code keeps frame pointers.
        Assert.Equal([100, 1000], seen.Zip(seen.Skip(1), static (a, b) => b.User - a.User));
        await CompleteOnesAreAsGdbSays(process.Id);
    }

    [Fact]
    public void The_thread_that_calls_is_looked_at_like_any_other()
    {
        Requires.Bpf();
        // The first call of all initializes this and that, in frames of its own.
        _ = Down(0);
        var (shallow, deep) = (Down(0), Down(1000));

        Assert.Equal((Completeness.Approximate, Completeness.Approximate), (shallow.Completeness, deep.Completeness));
        // How the runtime waits takes some frames more or less.
        Assert.InRange(deep.User - shallow.User, 980, 1020);

        static ThreadDepth Down(int levels)
        {
            IReadOnlyList<ThreadDepth> seen = [];
            // Tests that run beside this one have threads of their own.
            var name = $"c{Guid.NewGuid():N}"[..12];
            var caller = new Thread(() => Level(levels)) { Name = name };
            caller.Start();
            caller.Join();
            return Assert.Single(seen, thread => thread.Comm == name);

            [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
            int Level(int left)
            {
                if (left > 0)
                    return Level(left - 1) + 1;
                seen = Probe.Threads(Environment.ProcessId);
                return 0;
            }
        }
    }

    [Fact]
    public async Task A_process_whose_first_thread_has_ended_shows_the_others_and_a_zombie_shows_nothing()
    {
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "zombie", "read:10", "poll:110", "main:exit:0");
        await Eventually.True(() => State(target.Pid) == 'Z', "the first thread is a zombie");
        var seen = Probe.Threads(target.Pid);

        Assert.Equal(target.Threads.Select(static thread => thread.Tid).Order(), seen.Select(static thread => thread.Tid));
        Assert.All(seen, static thread => Assert.Equal(Completeness.Complete, thread.Completeness));
        var dead = Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(static name => int.TryParse(name, out _)).Select(static name => int.Parse(name!, CultureInfo.InvariantCulture)).First(pid => ParentOf(pid) == target.Pid);
        Assert.Empty(Probe.Threads(dead));
        Assert.DoesNotContain(Probe.Threads(), thread => thread.Pid == dead);
    }

    [Fact]
    public async Task Ids_are_those_of_the_callers_pid_namespace()
    {
        Requires.Tool("unshare");
        Requires.SysAdmin();
        // The target's own ids are those of a namespace below.
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"], "read:10", "read:110");
        Assert.Equal(1, target.Threads.Select(static thread => thread.Tid).Min());
        var inside = int.Parse(File.ReadAllText($"/proc/{target.Pid}/task/{target.Pid}/children").Trim(), CultureInfo.InvariantCulture);
        await Eventually.True(() => Directory.GetDirectories($"/proc/{inside}/task").All(static task => File.ReadAllText(task + "/syscall").StartsWith("0 ", StringComparison.Ordinal)), "all read");
        var seen = Probe.Threads(inside);

        Assert.Equal(Directory.GetDirectories($"/proc/{inside}/task").Select(static task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture)).Order(), seen.Select(static thread => thread.Tid));
        Assert.All(seen, thread => Assert.Equal((inside, Completeness.Complete), (thread.Pid, thread.Completeness)));
        Assert.Equal(100, seen.Max(static thread => thread.User) - seen.Where(thread => thread.Tid != inside).Min(static thread => thread.User));

        // From within such a namespace: its own threads, by its own ids.
        using var process = Process.Start(new ProcessStartInfo(
            "unshare", ["--pid", "--fork", "--kill-child", "--mount-proc", "dotnet", typeof(OddThreadTests).Assembly.Location, Program.Threads, "all"])
        { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 0, output);
        var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split(' ')).ToArray();
        Assert.All(lines, static words => Assert.Equal("1", words[0]));
        Assert.Contains(lines, static words => words[1] == "1");
        Assert.Contains(lines, static words => words[3] == "None");
    }

    [Fact]
    public async Task A_32_bit_process_is_refused_with_a_reason()
    {
        Requires.Bpf();
        var program = Builds.C("small", "-m32", "-O1", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-fno-pie", "-no-pie", "-fcf-protection=none", "-fno-stack-protector", "small.c");
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(program) { RedirectStandardOutput = true })!;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip("This kernel runs no 32-bit programs.");
            return;
        }
        using var ended = new Ending(process);
        Assert.Equal("ready", await Eventually.Done(process.StandardOutput.ReadLineAsync(Cancellation).AsTask()));
        await Eventually.True(() => State(process.Id) == 'S', "it waits");

        var thread = Assert.Single(Probe.Threads(process.Id));
        Assert.Equal((1, Completeness.Broken, StackReason.TableUnusable), (thread.User, thread.Completeness, thread.Reason));
        Assert.True(thread is { Kernel: > 0, BytesInUse: > 0 }, $"{thread}");
    }

    [Fact]
    public async Task A_stack_whose_returns_are_taken_by_uretprobes_is_whole()
    {
        Requires.SysAdmin();
        using var target = await ParkedTarget.Start(ParkedTarget.NoFramePointers, "read:30", "hijacked:30");
        var seen = Probe.Threads(target.Pid).ToDictionary(static thread => thread.Tid);
        var (plain, hijacked) = (seen[Of("read").Tid], seen[Of("hijacked").Tid]);

        Assert.Equal((plain.User, Completeness.Complete, plain.BytesInUse), (hijacked.User, hijacked.Completeness, hijacked.BytesInUse));

        ParkedThread Of(string kind) => target.Threads.Single(thread => (thread.Kind, thread.Depth) == (kind, 30));
    }

    /// <summary>Of the threads that stay where they are while gdb looks; gdb may have no proof of them.</summary>
    private static async Task CompleteOnesAreAsGdbSays(int pid)
    {
        var before = Probe.Threads(pid);
        var truth = await AttachedGdb.Depths(pid);
        var stayed = before.Intersect(Probe.Threads(pid)).Where(thread => thread.Completeness == Completeness.Complete && truth[thread.Tid] > 0).ToArray();

        Assert.True(stayed.Length >= 3, $"{stayed.Length} threads were complete, and stayed where they were");
        Assert.All(stayed, thread => Assert.Equal(truth[thread.Tid], thread.User));
    }

    private static async Task<Ending> Ready(string program, params string[] arguments)
    {
        var ending = new Ending(Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardInput = true })!);
        Assert.Equal("ready", await Eventually.Done(ending.Process.StandardOutput.ReadLineAsync(Cancellation).AsTask()));
        await Task.Delay(200, Cancellation);
        return ending;
    }

    private static char State(int pid) => Stat(pid)[0][0];

    private static int? ParentOf(int pid)
    {
        try
        {
            return int.Parse(Stat(pid)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>The fields of /proc/PID/stat behind the name.</summary>
    private static string[] Stat(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }

    private sealed class Ending(Process process) : IDisposable
    {
        internal Process Process { get; } = process;

        internal int Id => Process.Id;

        public void Dispose()
        {
            Process.Kill(entireProcessTree: true);
            Process.WaitForExit();
            Process.Dispose();
        }
    }
}
