using StackDepth.Benchmarks.Support;
using static StackDepth.Benchmarks.Support.Table;

namespace StackDepth.Benchmarks.Suites;

/// <summary>What a query of lengths takes while it is attached: in the process, on the managed heap, and in the kernel.</summary>
internal static class Memory
{
    private const int Rounds = 5;
    private const int Sessions = 20;
    private const double Mebibyte = 1 << 20;

    internal static Section Run()
    {
        using var folder = SharedFolder.Create();
        var artifacts = Path.Combine(Document.RepositoryRoot, "benchmarks", "artifacts");
        var table = new Table("`max(len(ustack))`, attached", "resident, MiB", "anonymous, MiB", "kernel maps, MiB", "kernel programs, KiB");
        var peer = Measure(static target => Peer.Command($"uprobe:{target.Binary}:{Target.Leaf} {{ @ = max(len(ustack)); }}", target.CommandLine));
        var own = Measure(target => [Path.Combine(artifacts, "cold-aot", "ColdStart"), target.Binary, Target.Leaf, target.Binary, .. target.Arguments]);
        var jit = Measure(target => ["dotnet", Path.Combine(artifacts, "cold-jit", "ColdStart.dll"), target.Binary, Target.Leaf, target.Binary, .. target.Arguments]);
        Add("bpftrace", peer);
        Add("StackDepth, AOT", own);
        Add("StackDepth, JIT", jit);
        return new("Memory", $"""
            Medians of {Rounds} processes, read from /proc while the target runs under the probe; kernel memory as the kernel accounts it (memlock in fdinfo).

            {table}
            Goal, kernel maps of a query of lengths within 1 MiB (it has no ring): {Verdict(own.Maps <= Mebibyte)}. A session that is attached holds {Number(HeapOfSession() / 1024.0, 1)} KiB of the managed heap
            (mean of {Sessions}).
            """);

        void Add(string name, (double Resident, double Anonymous, double Maps, double Programs) memory) => table.Add(
            name, Number(memory.Resident / Mebibyte, 1), Number(memory.Anonymous / Mebibyte, 1), Number(memory.Maps / Mebibyte, 3), Number(memory.Programs / 1024, 1));

        (double Resident, double Anonymous, double Maps, double Programs) Measure(Func<Target, string[]> command)
        {
            List<double> resident = [], anonymous = [], maps = [], programs = [];
            for (var round = 0; round < Rounds; round++)
            {
                using var target = new Target(folder);
                using var tool = Commands.Start(command(target));
                target.Call(20, 1_000);
                var process = KernelObjects.Resident(tool.Id);
                var kernel = KernelObjects.Memory(tool.Id);
                target.End();
                tool.WaitForExit();
                resident.Add(process.Resident);
                anonymous.Add(process.Anonymous);
                maps.Add(kernel.Maps);
                programs.Add(kernel.Programs);
            }
            return (resident.Median(), anonymous.Median(), maps.Median(), programs.Median());
        }

        double HeapOfSession()
        {
            var query = Probe.UProbe(Target.Install(folder), Target.Leaf).Select(static s => s.UStack.Length).Max();
            query.AttachAsync(new AttachOptions { Walk = StackWalk.Kernel }).AsTask().GetAwaiter().GetResult().Dispose();
            var sessions = new List<ProbeSession>(Sessions);
            var before = GC.GetTotalMemory(forceFullCollection: true);
            for (var count = 0; count < Sessions; count++)
                sessions.Add(query.AttachAsync(new AttachOptions { Walk = StackWalk.Kernel }).AsTask().GetAwaiter().GetResult());
            var after = GC.GetTotalMemory(forceFullCollection: true);
            sessions.ForEach(static session => session.Dispose());
            return (after - before) / (double)Sessions;
        }
    }
}
