using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using StackDepth.Compile;
using StackDepth.Core.Tests.Interpreter;
using StackDepth.Ir;
using StackDepth.Runtime;

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
                AssertSame(model, run);
            }
            catch (Exception error)
            {
                throw new InvalidOperationException($"Seed {seed}, round {round}: {error.Message}\n{query.Sink}\n{string.Join('\n', query.Branches.Select(static branch => $"{branch.Probe}: {string.Join("; ", branch.Predicates.Select(IrPrinter.Print))}"))}\n{run.Listing}", error);
            }
        }
        Assert.InRange(tooLarge, 0, Rounds / 20);
    }

    private static Hit Hit(Random random, RandomQueries queries, CompileTarget target, int cpus) => Readable(random, new()
    {
        Cpu = random.Next(cpus),
        Pid = RandomQueries.Ids[random.Next(RandomQueries.Ids.Length)],
        Tid = RandomQueries.Ids[random.Next(RandomQueries.Ids.Length)],
        Comm = CompiledRun.Comm(RandomQueries.Comms[random.Next(RandomQueries.Comms.Length)]),
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

    private static void AssertSame(QueryModel model, CompiledRun run)
    {
        foreach (var (counter, expected) in model.Counters)
            Assert.True(expected == run.Counter(counter), $"{counter}: {expected} expected, {run.Counter(counter)} counted");
        Assert.True(model.Unset == run.Unset, $"Unset: {model.Unset} expected, {run.Unset} counted");
        if (run.Machine.Ring is { } ring)
            Assert.Equal(model.Records, ring.Records.Select(record => run.Canonical(record.Bytes, run.Compiled.Event!)));
        if (run.Compiled.Kept is { } kept)
            AssertSame(kept, model.Kept, [.. run.Kept()]);
        if (run.Compiled.Aggregate is not { } layout)
            return;
        var groups = run.Groups();
        Assert.Equal(model.Groups.Keys.Order(StringComparer.Ordinal), groups.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, expected) in model.Groups)
        {
            Assert.Equal(Text(expected, layout), Text(groups[key], layout.Parts));
            AssertSame(expected, groups[key]);
        }
    }

    /// <summary>What has no one answer, or none that is exact.</summary>
    private static void AssertSame(ModelAggregate expected, AggregateValue actual)
    {
        // Of hits at the same time on several CPUs any one can be the last.
        if (actual.Layout.Parts.HasFlag(AggregateParts.Last))
            Assert.Contains(actual.Last, expected.Latest.Values.Where(latest => latest.Time == expected.Latest.Values.Max(static l => l.Time)).Select(static latest => (long?)latest.Value).DefaultIfEmpty(null));
        if (!actual.Layout.Parts.HasFlag(AggregateValue.QuantileParts) || actual.Layout.Buckets is not IrFineBuckets)
            return;
        expected.Values.Sort();
        foreach (var q in (double[])[0, 0.1, 0.5, 0.9, 1])
        {
            var quantile = actual.Quantile(q);
            if (expected.Values.Count == 0)
            {
                Assert.Null(quantile);
                continue;
            }
            var exact = expected.Values[(int)Math.Max(Math.Ceiling(q * expected.Values.Count), 1) - 1];
            Assert.Equal(exact < 0 ? long.Max(expected.Values[0], long.MinValue + 1) : exact, (double)quantile!.Value, exact < 2048 ? 0 : exact * 0.0161);
        }
    }

    private static void AssertSame(KeptLayout layout, List<(long Value, Hit Hit)> expected, byte[][] places)
    {
        Assert.True(places.Length <= layout.Places);
        var best = places.OrderByDescending(Encoded).Take(layout.Keep.Count).ToArray();
        Assert.Equal(expected.Select(kept => layout.Keep.Maximum ? AggregateLayout.EncodeMaximum(kept.Value) : AggregateLayout.EncodeMaximum(~kept.Value)), best.Select(Encoded));
        // Of hits with the same value the first ones are kept, in no order; the last value may have hits among the spare places.
        foreach (var value in expected.Select(static kept => kept.Value).Distinct().SkipLast(1))
            Assert.Equal(expected.Where(kept => kept.Value == value).Select(static kept => Text(kept.Hit)).Order(), best.Where(place => Value(place) == value).Select(static place => Text(place)).Order());
        if (expected.Count == 1)
            Assert.Contains(Text(expected[0].Hit), places.Where(place => Encoded(place) == Encoded(best[0])).Select(static place => Text(place)));

        long Value(byte[] place) => (layout.Keep.Maximum ? AggregateLayout.DecodeMaximum(Encoded(place)) : AggregateLayout.DecodeMinimum(Encoded(place)))!.Value;

        static ulong Encoded(byte[] place) => BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Value));
    }

    private static string Text(Hit hit) => $"{hit.Pid} {hit.Tid} {Convert.ToHexString(hit.Comm)} {hit.Cookie}";

    private static string Text(byte[] place) =>
        $"{BinaryPrimitives.ReadInt32LittleEndian(place.AsSpan(KeptLayout.Ids + 4))} {BinaryPrimitives.ReadInt32LittleEndian(place.AsSpan(KeptLayout.Ids))} {Convert.ToHexString(place.AsSpan(KeptLayout.Comm, 16))} {BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Site))}";

    private static string Text(ModelAggregate value, AggregateLayout layout)
    {
        var parts = layout.Parts;
        var buckets = layout.Buckets is IrPowersOfTwo
            ? value.Buckets.Select(static bucket => string.Create(CultureInfo.InvariantCulture, $"{(bucket.Key < 0 ? long.MinValue : bucket.Key == 0 ? 0 : 1L << (bucket.Key - 1))}:{bucket.Value}"))
            : value.Values.GroupBy(number => Low(layout.Buckets, number)).OrderBy(static bucket => bucket.Key).Select(static bucket => string.Create(CultureInfo.InvariantCulture, $"{bucket.Key}:{bucket.Count()}"));
        // See AggregateLayout.EncodeMaximum: the two extreme values of 64 bits share a form.
        return Text(parts, value.Count, value.Sum, value.Minimum is { } min ? long.Max(min, long.MinValue + 1) : null, value.Maximum is { } max ? long.Min(max, long.MaxValue - 1) : null, buckets);
    }

    /// <summary>The least number of the bucket of <paramref name="value"/>.</summary>
    private static long Low(IrBuckets buckets, long value) => buckets switch
    {
        IrLinearBuckets linear when value < linear.Least => long.MinValue,
        IrLinearBuckets linear when value >= linear.End => linear.End,
        IrLinearBuckets linear => (long)(linear.Least + (((Int128)value - linear.Least) / linear.Step * linear.Step)),
        _ when value < 0 => long.MinValue,
        _ when value < 2048 => value,
        _ => value - (value % (long)(BitOperations.RoundUpToPowerOf2((ulong)value / 2 + 1) / 32)),
    };

    private static string Text(AggregateValue value, AggregateParts parts) =>
        Text(parts, value.Count, value.Sum, value.Minimum, value.Maximum,
            value.ToHistogram().Buckets.Where(static b => b.Count > 0).Select(static b => string.Create(CultureInfo.InvariantCulture, $"{b.Low}:{b.Count}")));

    private static string Text(AggregateParts parts, long count, long sum, long? minimum, long? maximum, IEnumerable<string> buckets) => string.Join(
        ' ',
        parts.HasFlag(AggregateParts.Count) ? $"count {count}" : "",
        parts.HasFlag(AggregateParts.Sum) ? $"sum {sum}" : "",
        parts.HasFlag(AggregateParts.Minimum) ? $"min {minimum}" : "",
        parts.HasFlag(AggregateParts.Maximum) ? $"max {maximum}" : "",
        parts.HasFlag(AggregateParts.Histogram) ? string.Join(',', buckets) : "");
}
