using System.Diagnostics;
using StackDepth.Benchmarks.Support;
using StackDepth.Native.Asm;
using StackDepth.Native.Features;
using StackDepth.Native.Link;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;
using StackDepth.Native.Targets;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>What a hit costs in the kernel: the program's own run_time_ns / run_cnt, for the same target under the peer and under us.</summary>
internal static class KernelCost
{
    private const int Rounds = 7;
    private const int BatchesPerRound = 12;
    private const int CallsPerBatch = 2_000;
    private static readonly int[] Depths = [5, 20, 60, 120];
    private static readonly AttachOptions KernelWalk = new() { Walk = StackWalk.Kernel };

    private sealed record Aggregate(string Name, string Script, Func<ProbeSource<EntryContext>, ProcessStartInfo?, ProbeSession> Attach);

    private sealed record Side(string Name, bool IsPeer, Func<Aggregate, Target, IRunning> Start);

    /// <summary>A tool that probes a target.</summary>
    private interface IRunning : IDisposable
    {
        int ProcessId { get; }
    }

    internal static Section Run()
    {
        Aggregate[] aggregates =
        [
            new("count()", "count()", static (probe, command) => Attach(probe.Count(), command)),
            new("max(length)", "max(len(ustack))", static (probe, command) => Attach(probe.Select(static s => s.UStack.Length).Max(), command)),
            new("histogram(length)", "hist(len(ustack))", static (probe, command) => Attach(probe.Select(static s => s.UStack.Length).Histogram(), command)),
        ];
        Side[] sides =
        [
            new("bpftrace -c", true, static (aggregate, target) => new PeerRun(aggregate.Script, target)),
            new("StackDepth, command", false, static (aggregate, target) => OwnRun.Command(aggregate, target)),
            new("StackDepth, ForProcess", false, static (aggregate, target) => OwnRun.Beside(aggregate, target, ofProcess: true)),
            new("StackDepth, all processes", false, static (aggregate, target) => OwnRun.Beside(aggregate, target, ofProcess: false)),
        ];
        var kernel = new Dictionary<(string Aggregate, string Side, int Depth), List<double>>();
        var seen = new Dictionary<(string Aggregate, string Side, int Depth), List<double>>();

        using var statistics = KernelStatistics.Enable(SystemCalls.Real);
        using var folder = SharedFolder.Create();
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var aggregate in aggregates)
            {
                foreach (var side in sides)
                    Measure(aggregate, side);
            }
            Console.Error.WriteLine($"   round {round + 1} of {Rounds}");
        }
        return new("In-kernel cost of a hit", Print(aggregates, sides, kernel, seen, Floors(folder)));

        void Measure(Aggregate aggregate, Side side)
        {
            using var target = new Target(folder);
            using var running = side.Start(aggregate, target);
            target.Call(Depths[0], CallsPerBatch);
            using var program = KernelObjects.UprobeProgram(running.ProcessId);
            foreach (var depth in Depths)
            {
                for (var batch = 0; batch < BatchesPerRound; batch++)
                {
                    var before = program.Counters;
                    var perCall = target.Call(depth, CallsPerBatch);
                    var after = program.Counters;
                    var runs = after.Runs - before.Runs;
                    if (runs != CallsPerBatch)
                        throw new InvalidOperationException($"{side.Name}: {runs} runs of the program for {CallsPerBatch} calls.");
                    Add(kernel, (aggregate.Name, side.Name, depth), (double)(after.Nanoseconds - before.Nanoseconds) / runs);
                    Add(seen, (aggregate.Name, side.Name, depth), perCall);
                }
            }
            target.End();
        }
    }

    /// <summary>The cost of a program that does nothing, which is the floor of what the kernel measures, and of one that asks for the pid and does nothing.</summary>
    private static (double Empty, double AsksPid) Floors(SharedFolder folder)
    {
        List<double> empty = [], asks = [];
        for (var round = 0; round < Rounds; round++)
        {
            empty.AddRange(Floor(folder, asksPid: false));
            asks.AddRange(Floor(folder, asksPid: true));
        }
        return (empty.Median(), asks.Median());
    }

    private static List<double> Floor(SharedFolder folder, bool asksPid)
    {
        using var target = new Target(folder);
        using var process = Commands.Start([target.Binary, .. target.Arguments]);
        target.Call(Depths[0], 1);
        var asm = new Assembler();
        if (asksPid)
            asm.Call(HelperId.GetCurrentPidTgid);
        asm.Mov(Register.R0, 0);
        asm.Exit();
        var spec = new ProgramSpec { Name = "floor", Type = ProgramType.Kprobe, Instructions = asm.Assemble().Instructions };
        using var file = TargetResolver.Resolve(target.Binary, Target.Leaf, new ResolveOptions());
        var request = new UprobeRequest(file.AttachPath, [file.Sites[0].Offset], [], process.Id, IsReturn: false);
        using var uprobe = UprobeAttacher.Attach(spec, new Dictionary<string, BpfMap>(), request, KernelProfile.Detect(SystemCalls.Real), SystemCalls.Real);
        List<double> values = [];
        for (var batch = 0; batch < BatchesPerRound; batch++)
        {
            var before = uprobe.Program.Info;
            target.Call(Depths[0], CallsPerBatch);
            var after = uprobe.Program.Info;
            values.Add((double)(after.RunTime - before.RunTime) / (after.RunCount - before.RunCount));
        }
        target.End();
        process.WaitForExit();
        return values;
    }

    private static void Add(Dictionary<(string, string, int), List<double>> values, (string, string, int) key, double value)
    {
        if (!values.TryGetValue(key, out var list))
            values[key] = list = [];
        list.Add(value);
    }

    private static string Print(
        Aggregate[] aggregates, Side[] sides, Dictionary<(string, string, int), List<double>> kernel, Dictionary<(string, string, int), List<double>> seen, (double Empty, double AsksPid) floors)
    {
        var text = new StringWriter();
        text.WriteLine($"Nanoseconds per hit from the kernel's run_time_ns / run_cnt; medians of {Rounds * BatchesPerRound} batches of {CallsPerBatch} calls, {Rounds} attachments, by stack depth.");
        text.WriteLine("One C function that begins with `push %rbp`; frame pointers on. bpftrace runs the target by `-c` and probes that one process, by the kernel's own filter: our");
        text.WriteLine("counterpart is ForProcess. A command of ours is followed with all its descendants, so its program asks for the pid at every hit. Of all processes it asks only where our own could");
        text.WriteLine("hit the probe: not in this executable. Lengths are by the walk Kernel, which is bpftrace's too; for the others see \"Walks\". The ratio is ours to bpftrace's.");
        text.WriteLine();
        foreach (var aggregate in aggregates)
        {
            var table = new Table([aggregate.Name, .. Depths.Select(static depth => $"depth {depth}")]);
            foreach (var side in sides)
            {
                table.Add([side.Name, .. Depths.Select(depth =>
                {
                    var own = kernel[(aggregate.Name, side.Name, depth)].Median();
                    var peer = kernel[(aggregate.Name, sides[0].Name, depth)].Median();
                    return side.IsPeer ? Number(own) : $"{Number(own)} ({Number(own / peer, 2)})";
                })]);
            }
            text.WriteLine(table);
            text.WriteLine($"Goal, no dearer than bpftrace at any depth: one process {Verdict(NoDearer(sides[2]))}, all processes {Verdict(NoDearer(sides[3]))}, a command with its descendants {Verdict(NoDearer(sides[1]))}.");
            text.WriteLine();

            // To the nanosecond that is printed: less is noise.
            bool NoDearer(Side side) => Depths.All(depth =>
                double.Round(kernel[(aggregate.Name, side.Name, depth)].Median()) <= double.Round(kernel[(aggregate.Name, sides[0].Name, depth)].Median()));
        }
        text.WriteLine($"An empty program on the same probe: {Number(floors.Empty, 1)} ns, which is what reading the clock twice costs and is in every figure above. A program that only calls");
        text.WriteLine($"bpf_get_current_pid_tgid: {Number(floors.AsksPid, 1)} ns. The difference is what a command's program pays that bpftrace's does not.");
        text.WriteLine();
        text.WriteLine("What the target sees per call, trap and all, in nanoseconds:");
        text.WriteLine();
        var whole = new Table(["", .. Depths.Select(static depth => $"depth {depth}")]);
        foreach (var aggregate in aggregates)
        {
            foreach (var side in sides)
                whole.Add([$"{aggregate.Name}, {side.Name}", .. Depths.Select(depth => Number(seen[(aggregate.Name, side.Name, depth)].Median()))]);
        }
        text.WriteLine(whole);
        return text.ToString();
    }

    private static ProbeSession<T> Attach<T>(ProbeQuery<T> query, ProcessStartInfo? command) =>
        command is null ? query.AttachAsync(KernelWalk).AsTask().GetAwaiter().GetResult() : query.StartAsync(command, KernelWalk).GetAwaiter().GetResult();

    private sealed class PeerRun : IRunning
    {
        private readonly Process _process;

        internal PeerRun(string expression, Target target) =>
            _process = Commands.Start(Peer.Command($"uprobe:{target.Binary}:{Target.Leaf} {{ @ = {expression}; }}", target.CommandLine));

        public int ProcessId => _process.Id;

        public void Dispose()
        {
            _process.WaitForExit();
            _process.Dispose();
        }
    }

    private sealed class OwnRun : IRunning
    {
        private readonly ProbeSession _session;
        private readonly Process? _target;

        private OwnRun(ProbeSession session, Process? target)
        {
            _session = session;
            _target = target;
        }

        public int ProcessId => Environment.ProcessId;

        internal static OwnRun Command(Aggregate aggregate, Target target) =>
            new(aggregate.Attach(Probe.UProbe(target.Binary, Target.Leaf), new(target.Binary, target.Arguments)), null);

        internal static OwnRun Beside(Aggregate aggregate, Target target, bool ofProcess)
        {
            var process = Commands.Start([target.Binary, .. target.Arguments]);
            target.Call(Depths[0], 1);
            var source = Probe.UProbe(target.Binary, Target.Leaf);
            return new(aggregate.Attach(ofProcess ? source.ForProcess(process.Id) : source, null), process);
        }

        public void Dispose()
        {
            _session.Command?.ExitCode.GetAwaiter().GetResult();
            _target?.WaitForExit();
            _target?.Dispose();
            _session.Dispose();
        }
    }
}
