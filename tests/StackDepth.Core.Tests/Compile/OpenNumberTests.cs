using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>What becomes of comparisons of numbers that are computed from the depths of incomplete stacks, and of values that such comparisons choose.</summary>
public sealed class OpenNumberTests
{
    private static readonly IrStack User = new(StackKind.User);
    private static readonly CompileTarget Target = GoldenQueries.Target with { Walk = StackWalk.Unwind, Scope = new ProcessScope.Linked(1) };
    private static readonly ProbeSource<EntryContext> Source = GoldenQueries.Source;

    [Fact]
    public void What_grows_with_a_depth_is_decided_by_its_lower_bound()
    {
        Walked cut = new(10, StackReason.FrameLimit);

        Assert.Equal("T?F?", Verdicts(cut, s => s.UStack.Length + 5 > 14, s => s.UStack.Length + 5 > 15, s => s.UStack.Length - 5 < 5, s => s.UStack.Length - 5 < 6));
        Assert.Equal("T?", Verdicts(cut, s => s.UStack.Length * 3 >= 30, s => 3 * s.UStack.Length >= 31));
        Assert.Equal("TT?", Verdicts(cut, s => s.UStack.Length / 3 >= 3, s => s.UStack.Length >> 33 >= 5, s => s.UStack.Length << 1 > 20));
        Assert.Equal("F?", Verdicts(cut, s => s.UStack.Length + s.Cpu == 9, s => s.UStack.Length + s.Cpu == 10));
        Assert.Equal("T?T", Verdicts(cut, s => s.UStack.Length.ToInt64() + 5 > 14, s => s.UStack.Length.ToUInt64() * 2 > 20, s => s.UStack.Length.ToUInt64() * 2 > 19));
        Assert.Equal("FT?", Verdicts(cut, s => Expr.Max(s.UStack.Length, 20) < 20, s => Expr.Max(s.UStack.Length, 20) >= 20, s => Expr.Min(s.UStack.Length, 20) >= 20));
        Assert.Equal("F?", Verdicts(cut, s => s.UStack.Length.IsIn(1, 9), s => s.UStack.Length.IsIn(1, 10)));
    }

    [Fact]
    public void What_falls_with_a_depth_is_decided_by_its_upper_bound()
    {
        Walked cut = new(10, StackReason.FrameLimit);

        Assert.Equal("T?F?", Verdicts(cut, s => 100 - s.UStack.Length < 91, s => 100 - s.UStack.Length < 90, s => -s.UStack.Length > -10, s => -s.UStack.Length > -11));
        Assert.Equal("T?", Verdicts(cut, s => s.UStack.Length * -2 <= -20, s => s.UStack.Length * -2 <= -21));
        Assert.Equal("T?", Verdicts(cut, s => ~s.UStack.Length <= -11, s => ~s.UStack.Length <= -12));
    }

    [Fact]
    public void What_neither_grows_nor_falls_is_decided_by_complete_stacks_only()
    {
        Func<EntryContext, Expr<bool>>[] conditions =
        [
            s => s.UStack.Length % 10 < 100, s => (s.UStack.Length & 1) <= 1, s => s.UStack.Length - s.UStack.Length == 0, s => s.UStack.Length * 1_000 > -1,
            s => Expr.If(s.UStack.Length > 5, 1, 2) > 0, s => Expr.Abs(s.UStack.Length) > 0, s => s.UStack.Length * 0 == s.Pid - 1000,
        ];

        Assert.Equal("???????", Verdicts(new(10, StackReason.FrameLimit), conditions));
        Assert.Equal("TTTTTTT", Verdicts(new(10, StackReason.None), conditions));
    }

    [Theory]
    [InlineData(StackReason.None)]
    [InlineData(StackReason.ReadFailed)]
    [InlineData(StackReason.FramePointerStep)]
    public void Random_numbers_of_a_depth_are_never_decided_wrongly(StackReason reason)
    {
        var seen = new Dictionary<char, int> { ['T'] = 0, ['F'] = 0, ['?'] = 0 };
        for (var round = 0; round < 1_000; round++)
        {
            var random = new Random(round);
            var number = Number(random, random.Next(1, 4));
            var compare = new IrCompare((CompareOperator)random.Next(6), number, new IrConstant(random.Next(-200, 400), IrType.Int32));
            var walked = new Walked(random.Next(1, 60), reason);
            var verdict = Verdict(new(new IrUserProbe("bin", "f"), [compare], new IrCountHits()), walked);
            seen[verdict]++;
            if (verdict == '?')
            {
                Assert.NotEqual(StackReason.None, reason);
                continue;
            }
            var depths = reason switch
            {
                StackReason.None => [walked.Count],
                StackReason.FramePointerStep => Enumerable.Range(1, 3_000).Select(static depth => (long)depth),
                _ => Enumerable.Range((int)walked.Count, 3_000).Select(static depth => (long)depth),
            };
            foreach (var depth in depths)
                Assert.True(IrNumbersHold(compare, depth) == (verdict == 'T'), $"Seed {round}: {IrPrinter.Print(compare)} of {walked} was {verdict}, and at a depth of {depth} it is not.");
        }
        Assert.True(seen['T'] > 50 && seen['F'] > 50 && (reason == StackReason.None || seen['?'] > 50), string.Join(' ', seen));
    }

    [Fact]
    public void A_number_that_an_open_comparison_chooses_has_no_value()
    {
        var run = new WalkedRun(Source.Select(s => Expr.If(s.Pid == 1, 7, Expr.If(s.UStack.Length > 100, 1, 0))).Query, Target);
        foreach (var (pid, walked) in new (int, Walked)[] { (2, new(10, StackReason.ReadFailed)), (1, new(10, StackReason.ReadFailed)), (2, new(200, StackReason.ReadFailed)), (2, new(10, StackReason.None)) })
            run.Hit(new Hit { Pid = pid }, new Dictionary<IrStack, Walked> { [User] = walked });

        Assert.Equal((4, 1), (run[HealthCounter.Hits], run[HealthCounter.Undecided]));
        Assert.Equal([7, 1, 0], run.Run.Machine.Ring!.Records.Select(static record => BinaryPrimitives.ReadInt64LittleEndian(record.Bytes)));
    }

    [Fact]
    public void A_choice_between_conditions_is_decided_as_its_cases_are()
    {
        Walked cut = new(10, StackReason.FrameLimit);

        Assert.Equal("TF?", Verdicts(cut, s => Expr.If(s.Pid == 1000, true, s.UStack.Length > 100), s => Expr.If(s.UStack.Length > 5, s.Pid == 1, s.Pid == 1000), s => Expr.If(s.UStack.Length > 100, s.Pid == 1000, s.Pid == 1)));
    }

    /// <summary>By the numbers of C#, which knows no bounds.</summary>
    private static bool IrNumbersHold(IrCompare compare, long depth)
    {
        var left = Value(compare.Left);
        var order = left.CompareTo(((IrConstant)compare.Right).Value);
        return compare.Operator switch
        {
            CompareOperator.Equal => order == 0,
            CompareOperator.NotEqual => order != 0,
            CompareOperator.Less => order < 0,
            CompareOperator.LessOrEqual => order <= 0,
            CompareOperator.Greater => order > 0,
            _ => order >= 0,
        };

        long Value(IrExpression number) => number switch
        {
            IrConstant constant => constant.Value,
            IrStackLength => depth,
            IrArithmetic arithmetic => ModelNumbers.Compute(arithmetic.Operator, arithmetic.Type, Value(arithmetic.Left), Value(arithmetic.Right)),
            IrUnary unary => ModelNumbers.Compute(unary.Operator, unary.Type, Value(unary.Operand)),
            _ => throw IrNodes.Unknown(number),
        };
    }

    private static IrExpression Number(Random random, int depth) => depth == 0 ? new IrStackLength(User) : random.Next(8) switch
    {
        0 => new IrUnary((UnaryOperator)random.Next(3), Number(random, depth - 1)),
        1 => new IrArithmetic((ArithmeticOperator)random.Next(12), new IrConstant(random.Next(-50, 50), IrType.Int32), Number(random, depth - 1), IrType.Int32),
        2 => new IrArithmetic((ArithmeticOperator)random.Next(12), Number(random, depth - 1), Number(random, depth - 1), IrType.Int32),
        _ => new IrArithmetic((ArithmeticOperator)random.Next(12), Number(random, depth - 1), new IrConstant(random.Next(-50, 50), IrType.Int32), IrType.Int32),
    };

    private static string Verdicts(Walked walked, params Func<EntryContext, Expr<bool>>[] conditions) =>
        string.Concat(conditions.Select(condition => Verdict(Source.Where(condition).Count().Query, walked)));

    private static char Verdict(IrQuery query, Walked walked)
    {
        var run = new WalkedRun(query, Target);
        run.Hit(new Hit(), new Dictionary<IrStack, Walked> { [User] = walked });
        return (run[HealthCounter.Hits], run[HealthCounter.Undecided]) switch
        {
            (1, 0) => 'T',
            (0, 0) => 'F',
            (0, 1) => '?',
            var other => throw new InvalidOperationException($"{other}"),
        };
    }
}
