using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>
/// What becomes of a comparison when the stacks leave it open: the compiled program in the interpreter against Kleene's logic over all depths that the stacks can truly have.
/// </summary>
public sealed class OpenComparisonTests
{
    private const int Rounds = 1_500;

    private static readonly CompileTarget Target = GoldenQueries.Target with { Walk = StackWalk.Unwind };
    private static readonly ProbeSource<EntryContext> Source = GoldenQueries.Source;

    /// <summary>The verdicts on a stack of 100 frames for &lt;, &lt;=, &gt;, &gt;=, ==, !=: T counts, F is filtered out, ? is undecided.</summary>
    [Theory]
    [InlineData(StackReason.None, 99, "F F T T F T")]
    [InlineData(StackReason.None, 100, "F T F T T F")]
    [InlineData(StackReason.None, 101, "T T F F F T")]
    [InlineData(StackReason.FrameLimit, 99, "F F T T F T")]
    [InlineData(StackReason.FrameLimit, 100, "F ? ? T ? ?")]
    [InlineData(StackReason.FrameLimit, 101, "? ? ? ? ? ?")]
    [InlineData(StackReason.ReadFailed, 99, "F F T T F T")]
    [InlineData(StackReason.ReadFailed, 100, "F ? ? T ? ?")]
    [InlineData(StackReason.NoProof, 101, "? ? ? ? ? ?")]
    [InlineData(StackReason.FramePointerStep, 0, "F F T T F T")]
    [InlineData(StackReason.FramePointerStep, 1, "F ? ? T ? ?")]
    [InlineData(StackReason.FramePointerStep, 99, "? ? ? ? ? ?")]
    [InlineData(StackReason.FramePointerStep, 101, "? ? ? ? ? ?")]
    public void Each_operator_is_decided_where_the_bounds_settle_it(StackReason reason, int limit, string verdicts)
    {
        Func<Expr<int>, Expr<int>, Expr<bool>>[] operators = [(a, b) => a < b, (a, b) => a <= b, (a, b) => a > b, (a, b) => a >= b, (a, b) => a == b, (a, b) => a != b];
        Func<Expr<int>, Expr<int>, Expr<bool>>[] mirrored = [(a, b) => b > a, (a, b) => b >= a, (a, b) => b < a, (a, b) => b <= a, (a, b) => b == a, (a, b) => b != a];

        foreach (var comparisons in (Func<Expr<int>, Expr<int>, Expr<bool>>[][])[operators, mirrored])
        {
            Assert.Equal(verdicts, string.Join(' ', comparisons.Select(compare => Verdict(s => compare(s.UStack.Length, limit), new(100, reason)))));
            // A number that only the program knows.
            Assert.Equal(verdicts, string.Join(' ', comparisons.Select(compare => Verdict(s => compare(s.UStack.Length, s.Pid), new(100, reason), limit))));
            // The negation is open where the comparison is, and else its contrary.
            Assert.Equal(Negated(verdicts), string.Join(' ', comparisons.Select(compare => Verdict(s => !compare(s.UStack.Length, limit), new(100, reason)))));
        }
    }

    [Fact]
    public void What_is_false_anyway_is_no_undecided_hit_and_what_is_true_anyway_counts()
    {
        Walked open = new(10, StackReason.UnmappedCode);

        Assert.Equal('F', Verdict(s => s.UStack.Length > 100 & s.Pid == 1, open));
        Assert.Equal('F', Verdict(s => s.UStack.Length > 100 & s.UStack.IsComplete, open));
        Assert.Equal('F', Verdict(s => s.UStack.Length > 100 & s.UStack.Length < 5, open));
        Assert.Equal('T', Verdict(s => s.UStack.Length > 100 | s.Pid != 1, open));
        Assert.Equal('T', Verdict(s => s.UStack.Length > 100 | s.UStack.Length >= 10, open));
        Assert.Equal('?', Verdict(s => s.UStack.Length > 100 | s.Pid == 1, open));
        Assert.Equal('?', Verdict(s => s.UStack.Length > 100 & s.Pid != 1, open));
        Assert.Equal('?', Verdict(s => (s.UStack.Length > 100) == (s.Pid == 1), open));
        Assert.Equal('T', Verdict(s => (s.UStack.Length > 5) == (s.Pid != 1), open));
    }

    [Fact]
    public void A_later_filter_that_fails_wins_over_an_earlier_one_that_is_open()
    {
        var source = Source.Where(s => s.UStack.Length > 100).Where(s => s.UStack.By(StackWalk.FramePointer).Length < 5).Where(s => s.KStack.Length > 0);
        var query = source.Count().Query;

        Assert.Equal('F', Verdict(query, new Hit(), new() { [User()] = new(10, StackReason.Corrupt), [User(StackWalk.FramePointer)] = new(9, StackReason.None) }));
        Assert.Equal('F', Verdict(query, new Hit(), new() { [User()] = new(10, StackReason.Corrupt), [User(StackWalk.FramePointer)] = new(9, StackReason.NoProof) }));
        Assert.Equal('?', Verdict(query, new Hit(), new() { [User()] = new(10, StackReason.Corrupt), [User(StackWalk.FramePointer)] = new(3, StackReason.NoProof) }));
        Assert.Equal('T', Verdict(query, new Hit(), new() { [User()] = new(101, StackReason.Corrupt), [User(StackWalk.FramePointer)] = new(3, StackReason.None) }));
    }

    [Fact]
    public void The_kernels_numbers_are_compared_as_they_are()
    {
        var user = Source.Where(s => s.UStack.By(StackWalk.Kernel).Length > 100).Count().Query;
        var kernel = Source.Where(s => s.KStack.Length > 200).Count().Query;

        foreach (var query in (IrQuery[])[user, kernel])
            Assert.DoesNotContain("decide", IrPrinter.Print(ProbeCompiler.Steps(query, Target)), StringComparison.Ordinal);
        Assert.DoesNotContain("decide", IrPrinter.Print(ProbeCompiler.Steps(Source.Where(s => s.UStack.Length > 100).Count().Query, GoldenQueries.Target)), StringComparison.Ordinal);
        Assert.Equal(('F', 'T', 'F'), (Verdict(user, new Hit { UserStack = 80 }, []), Verdict(user, new Hit { UserStack = 127 * 8 }, []), Verdict(kernel, new Hit { KernelStack = 127 * 8 }, [])));
    }

    [Fact]
    public void A_selected_comparison_that_is_open_has_no_value()
    {
        var run = new WalkedRun(Source.Select(s => (s.Pid, s.UStack.Length > 100)).Query, Target);
        run.Hit(new Hit(), new Dictionary<IrStack, Walked> { [User()] = new(10, StackReason.ReadFailed) });
        run.Hit(new Hit(), new Dictionary<IrStack, Walked> { [User()] = new(200, StackReason.ReadFailed) });
        run.Hit(new Hit(), new Dictionary<IrStack, Walked> { [User()] = new(10, StackReason.None) });

        Assert.Equal((3, 1, 2), (run[HealthCounter.Hits], run[HealthCounter.Undecided], run[HealthCounter.ReadFailed]));
        Assert.Equal([1, 0], run.Run.Machine.Ring!.Records.Select(static record => BinaryPrimitives.ReadInt64LittleEndian(record.Bytes.AsSpan(8))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Random_conditions_are_decided_as_Kleenes_logic_decides_them(int seed)
    {
        var seen = new Dictionary<char, int> { ['T'] = 0, ['F'] = 0, ['?'] = 0 };
        var values = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var random = new Random((seed * Rounds) + round);
            var queries = new RandomQueries(random, null, null, StackWalk.FramePointer, StackWalk.Kernel) { Computes = false };
            IrExpression[] predicates = [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => queries.Truth(3))];
            IrExpression[] fields = [.. Enumerable.Range(0, random.Next(1, 3)).Select(_ => queries.Truth(2))];
            var query = new IrQuery(new IrUserProbe("bin", "f"), [.. predicates], new IrEmit([.. fields]));
            var run = new WalkedRun(query, Target);
            for (var count = 0; count < 6; count++)
            {
                var model = new KleeneModel(Hit(random), Walks(random), Target);
                var holds = model.All(predicates);
                var values3 = fields.Select(model.Holds).ToArray();
                var records = run.Run.Machine.Ring!.Records.Count;
                var before = (run[HealthCounter.Hits], run[HealthCounter.Undecided]);
                run.Hit(model.Hit, model.Walks);
                try
                {
                    var open = holds is null || (holds == true && values3.Contains(null));
                    Assert.Equal((before.Item1 + (holds == true ? 1 : 0), before.Item2 + (open ? 1 : 0)), (run[HealthCounter.Hits], run[HealthCounter.Undecided]));
                    Assert.Equal(holds == true && !open ? 1 : 0, run.Run.Machine.Ring.Records.Count - records);
                    if (holds == true && !open)
                        Assert.Equal(values3.Select(static value => value == true ? 1L : 0), Numbers(run.Run.Machine.Ring.Records[^1].Bytes));
                    values += holds == true && !open ? 1 : 0;
                }
                catch (Exception error)
                {
                    throw new InvalidOperationException($"Seed {seed}, round {round}: {error.Message}\n{model}\n{run.Run.Listing}", error);
                }
                seen[holds switch { true => 'T', false => 'F', null => '?' }]++;
            }
        }
        Assert.All(seen.Values.Append(values), static count => Assert.True(count > Rounds / 10));
    }

    private static Hit Hit(Random random) => new()
    {
        Pid = RandomQueries.InventedIds[random.Next(RandomQueries.InventedIds.Length)],
        Tid = RandomQueries.InventedIds[random.Next(RandomQueries.InventedIds.Length)],
        Comm = WireText.Comm(RandomQueries.Comms[random.Next(RandomQueries.Comms.Length)]),
        Timestamp = random.Next(-3, 10),
        UserStack = random.Next(1, 128) * 8,
        KernelStack = random.Next(1, 128) * 8,
    };

    private static Dictionary<IrStack, Walked> Walks(Random random) => new() { [User()] = Walk(random), [User(StackWalk.FramePointer)] = Walk(random) };

    private static Walked Walk(Random random) => new(random.Next(3) == 0 ? random.Next(1, 10) : random.Next(1, 140), random.Next(3) == 0 ? StackReason.None : (StackReason)random.Next(Enum.GetValues<StackReason>().Length));

    private static char Verdict(Func<EntryContext, Expr<bool>> condition, Walked walked, int pid = 1000) =>
        Verdict(Source.Where(condition).Count().Query, new Hit { Pid = pid }, new() { [User()] = walked });

    private static char Verdict(IrQuery query, Hit hit, Dictionary<IrStack, Walked> walks)
    {
        var run = new WalkedRun(query, Target with { Scope = new ProcessScope.Linked(1) });
        run.Hit(hit, walks);
        return (run[HealthCounter.Hits], run[HealthCounter.Undecided]) switch
        {
            (1, 0) => 'T',
            (0, 0) => 'F',
            (0, 1) => '?',
            var other => throw new InvalidOperationException($"{other}"),
        };
    }

    private static string Negated(string verdicts) => string.Concat(verdicts.Select(static verdict => verdict switch { 'T' => 'F', 'F' => 'T', _ => verdict }));

    private static IrStack User(StackWalk? walk = null) => new(StackKind.User, walk);

    private static IEnumerable<long> Numbers(byte[] record) => Enumerable.Range(0, record.Length / 8).Select(index => BinaryPrimitives.ReadInt64LittleEndian(record.AsSpan(index * 8)));
}
