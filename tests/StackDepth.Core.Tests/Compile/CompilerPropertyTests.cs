using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>The whole compiler against the meaning of a query: random queries, run on random hits in the interpreter, and compared with <see cref="QueryModel"/>.</summary>
public sealed class CompilerPropertyTests
{
    private const int Rounds = 1_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_compiled_query_answers_what_the_query_means(int seed) => Check(seed, static queries => queries.Next());

    [Theory]
    [InlineData(101)]
    [InlineData(102)]
    [InlineData(103)]
    [InlineData(104)]
    public void Joined_probes_and_their_variables_answer_what_the_query_means(int seed) => Check(seed, static queries => queries.NextJoined());

    private static void Check(int seed, Func<RandomQueries, (IrQuery Query, CompileTarget Target)> next)
    {
        var tooLarge = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var random = new Random((seed * Rounds) + round);
            var queries = new RandomQueries(random);
            var (query, target) = next(queries);
            var cpus = random.Next(1, 4);
            var ringRecords = random.Next(2) == 0 ? 1_000 : 2;
            CompiledRun run;
            try
            {
                run = new CompiledRun(query, target, cpus, ringRecords);
            }
            catch (ProbeQueryException error) when (error.Message.Contains("512 bytes", StringComparison.Ordinal))
            {
                tooLarge++;
                continue;
            }
            HashSet<int> followed = random.Next(2) == 0 ? [7, 8] : [7, 8, 1000];
            if (target.Scope is ProcessScope.Followed)
            {
                foreach (var pid in followed)
                    run.Follow(pid);
            }
            var model = new QueryModel(query, target, followed, ringRecords);
            try
            {
                for (var count = random.Next(20); count > 0; count--)
                {
                    var hit = Hit(random, queries, target, cpus);
                    var probe = random.Next(run.Compiled.Programs.Length);
                    if (run.Compiled.Programs[probe].Ir.Probe.IsReturn)
                        hit = hit with { Return = new(queries.Number64(), queries.Number64() & long.MaxValue, random.Next(60, 70)) };
                    run.Run(hit, probe);
                    model.Add(hit, probe);
                    run.AssertAtRest();
                }
                ModelComparison.AssertSame(model, run);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}, round {round}: {error.Message}\n{query.Sink}\n{string.Join('\n', query.Branches.Select(static branch => $"{branch.Probe}: {string.Join("; ", branch.Predicates.Select(IrPrinter.Print))}"))}\n{run.Listing}", error);
            }
        }
        Assert.InRange(tooLarge, 0, Rounds / 20);
    }

    internal static Hit Hit(Random random, RandomQueries queries, CompileTarget target, int cpus) => Readable(random, new()
    {
        Cpu = random.Next(cpus),
        Pid = RandomQueries.InventedIds[random.Next(RandomQueries.InventedIds.Length)],
        Tid = RandomQueries.InventedIds[random.Next(RandomQueries.InventedIds.Length)],
        Comm = WireText.Comm(RandomQueries.Comms[random.Next(RandomQueries.Comms.Length)]),
        Cookie = (ulong)random.Next(3),
        Timestamp = queries.Number64(),
        Arguments = [.. Enumerable.Range(0, 6).Select(_ => queries.Number64())],
        Uid = (uint)queries.Number64(),
        Gid = (uint)queries.Number64(),
        CgroupId = (ulong)queries.Number64(),
        UserStack = Stack(random, target.MaxStackFrames),
        KernelStack = Stack(random, target.MaxStackFrames),
        Stacks = (random.Next(12), random.Next(3)),
    });

    /// <summary>Most of what the arguments point to can be read.</summary>
    private static Hit Readable(Random random, Hit hit) => hit with
    {
        Texts = hit.Arguments.Distinct().Where(_ => random.Next(8) > 0).ToDictionary(
            static address => address, _ => System.Text.Encoding.UTF8.GetBytes(random.Next(6) == 0 ? new string('x', random.Next(40)) : RandomQueries.Comms[random.Next(RandomQueries.Comms.Length)])),
    };

    /// <summary>Errors, nothing at all, the cap, one less, and what lies between.</summary>
    private static long Stack(Random random, int cap) => random.Next(12) switch
    {
        0 => -14,
        1 => 0,
        2 or 3 => cap * 8,
        4 or 5 => (cap - 1) * 8,
        _ => random.Next(1, cap + 1) * 8,
    };
}
