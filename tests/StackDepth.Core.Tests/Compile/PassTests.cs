using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Compile.Passes;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

public sealed class PassTests
{
    private static readonly IrExpression Pid = new IrContext(ContextField.Pid, IrType.Int32);
    private static readonly IrExpression Unknown = new IrCompare(CompareOperator.Equal, Pid, new IrConstant(1, IrType.Int32));
    private static readonly IrExpression Deep = new IrCompare(CompareOperator.Greater, new IrStackLength(new(StackKind.User)), new IrConstant(3, IrType.Int32));

    private static IrConstant Truth(bool value) => new(value ? 1 : 0, IrType.Boolean);

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Logic_on_constants_is_computed(bool left, bool right)
    {
        Assert.Equal(Truth(left & right), FoldConstants.Fold(new IrLogic(LogicOperator.And, Truth(left), Truth(right))));
        Assert.Equal(Truth(left | right), FoldConstants.Fold(new IrLogic(LogicOperator.Or, Truth(left), Truth(right))));
        Assert.Equal(Truth(!left), FoldConstants.Fold(new IrNot(Truth(left))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Logic_with_one_constant_is_that_constant_or_the_other_side(bool constant)
    {
        IrExpression and = constant ? Unknown : Truth(false), or = constant ? Truth(true) : Unknown;

        Assert.Equal(and, FoldConstants.Fold(new IrLogic(LogicOperator.And, Truth(constant), Unknown)));
        Assert.Equal(and, FoldConstants.Fold(new IrLogic(LogicOperator.And, Unknown, Truth(constant))));
        Assert.Equal(or, FoldConstants.Fold(new IrLogic(LogicOperator.Or, Truth(constant), Unknown)));
        Assert.Equal(or, FoldConstants.Fold(new IrLogic(LogicOperator.Or, Unknown, Truth(constant))));
    }

    [Fact]
    public void Two_negations_cancel()
    {
        Assert.Equal(Unknown, FoldConstants.Fold(new IrNot(new IrNot(Unknown))));
        Assert.Equal(new IrNot(Unknown), FoldConstants.Fold(new IrNot(new IrNot(new IrNot(Unknown)))));
    }

    [Fact]
    public void Comparisons_of_constants_are_computed_as_signed_numbers()
    {
        long[] values = [long.MinValue, -1, 0, 1, int.MaxValue, long.MaxValue];
        foreach (var left in values)
        {
            foreach (var right in values)
            {
                foreach (var op in Enum.GetValues<CompareOperator>())
                {
                    var holds = op switch
                    {
                        CompareOperator.Equal => left == right,
                        CompareOperator.NotEqual => left != right,
                        CompareOperator.Less => left < right,
                        CompareOperator.LessOrEqual => left <= right,
                        CompareOperator.Greater => left > right,
                        _ => left >= right,
                    };
                    Assert.Equal(Truth(holds), FoldConstants.Fold(new IrCompare(op, new IrConstant(left, IrType.Int64), new IrConstant(right, IrType.Int64))));
                }
            }
        }
    }

    [Theory]
    [InlineData("Equal", "Equal")]
    [InlineData("NotEqual", "NotEqual")]
    [InlineData("Less", "Greater")]
    [InlineData("LessOrEqual", "GreaterOrEqual")]
    [InlineData("Greater", "Less")]
    [InlineData("GreaterOrEqual", "LessOrEqual")]
    public void A_constant_goes_to_the_right_of_its_comparison(string op, string mirrored)
    {
        var five = new IrConstant(5, IrType.Int32);

        Assert.Equal(new IrCompare(Enum.Parse<CompareOperator>(mirrored), Pid, five), FoldConstants.Fold(new IrCompare(Enum.Parse<CompareOperator>(op), five, Pid)));
        Assert.Equal(new IrCompare(Enum.Parse<CompareOperator>(op), Pid, five), FoldConstants.Fold(new IrCompare(Enum.Parse<CompareOperator>(op), Pid, five)));
    }

    [Fact]
    public void Folding_random_trees_keeps_their_value_and_leaves_no_constant_inside()
    {
        var random = new Random(17);
        for (var round = 0; round < 5_000; round++)
        {
            var tree = Tree(random, 5);
            var folded = FoldConstants.Fold(tree);
            for (var unknowns = 0; unknowns < 4; unknowns++)
                Assert.Equal(Evaluate(tree, unknowns), Evaluate(folded, unknowns));
            Assert.Equal(folded, FoldConstants.Fold(folded));
            Assert.False(folded.Operands.ToArray().Any(static operand => operand.Any(static e => e is IrLogic or IrNot && e.Operands.ToArray().Any(static o => o is IrConstant))), IrPrinter.Print(folded));
        }
    }

    [Fact]
    public void Conditions_are_taken_apart_and_what_needs_no_stack_goes_first()
    {
        var other = new IrNot(Unknown);
        var query = Query(new IrLogic(LogicOperator.And, Deep, new IrLogic(LogicOperator.And, Truth(true), Unknown)), Truth(true), other);

        Assert.Equal([Unknown, other, Deep], OrderPredicates.Run(query).Predicates);
    }

    [Fact]
    public void An_alternative_is_not_taken_apart()
    {
        var either = new IrLogic(LogicOperator.Or, Deep, Unknown);

        Assert.Equal([Unknown, either], OrderPredicates.Run(Query(either, Unknown)).Predicates);
    }

    [Fact]
    public void Steps_come_in_the_order_filter_guards_hit_sink_and_each_thing_is_fetched_once()
    {
        var query = GoldenQueries.Source
            .Where(s => s.UStack.Length > 3)
            .Where(s => s.Comm == "sh" & s.Pid != 1)
            .Where(s => s.Comm != "x")
            .GroupBy(s => s.Comm).Max(s => s.KStack.Length).Query;

        var lines = IrPrinter.Print(ProbeCompiler.Compile(query, GoldenQueries.Target).Ir);

        Assert.Equal(
            """
            uprobe:python3:*
              filter pid != 4242 (this process)
              load comm
              where (comm == "sh")
              load pid
              where (pid != 1)
              where (comm != "x")
              capture ustack by kernel, at most 127 frames
              where (ustack.length > 3)
              count hit
              capture kstack by kernel, at most 127 frames
              group by comm aggregate max of kstack.length

            """,
            lines);
    }

    [Fact]
    public void Comparisons_that_can_be_open_are_refuted_each_in_its_turn_and_settled_together()
    {
        var query = GoldenQueries.Source
            .Where(s => s.UStack.Length > 3 & s.UStack.By(StackWalk.Kernel).Length != 5)
            .Where(s => s.UStack.By(StackWalk.FramePointer).Length == 7 & s.UStack.By(StackWalk.Unwind).IsComplete)
            .Select(s => s.UStack.Reason == StackReason.None | !(s.KStack.By(StackWalk.Kernel).Length < s.UStack.Length)).Query;

        Assert.Equal(
            """
            uprobe:python3:*
              filter pid != 4242 (this process)
              capture ustack by unwind, at most 1048576 frames
              where (ustack.most > 3)
              capture ustack by kernel, at most 127 frames
              where (ustack(kernel).length != 5)
              capture ustack by fp, at most 1048576 frames
              where ((ustack(fp).most >= 7) & (ustack(fp).least <= 7))
              where (ustack.completeness == Complete)
              decide (ustack.least > 3)
              decide ((ustack(fp).least >= 7) & (ustack(fp).most <= 7))
              count hit
              capture kstack by kernel, at most 127 frames
              decide (((ustack.reason == None) | !(kstack.length < ustack.most)) | !((ustack.reason == None) | !(kstack.length < ustack.least)))
              emit (((ustack.reason == None) | !(kstack.length < ustack.length)))

            """,
            IrPrinter.Print(ProbeCompiler.Steps(query, GoldenQueries.Target with { Walk = StackWalk.Unwind })));
    }

    [Fact]
    public void A_stack_by_the_walk_that_it_has_anyway_is_the_same_stack()
    {
        var query = GoldenQueries.Source.Select(s => (s.UStack.Length, s.UStack.By(StackWalk.Kernel).Completeness, s.KStack.By(StackWalk.Kernel).Length)).Query;

        Assert.Equal(
            ProbeCompiler.Compile(GoldenQueries.Source.Select(s => (s.UStack.Length, s.UStack.Completeness, s.KStack.Length)).Query, GoldenQueries.Target),
            ProbeCompiler.Compile(query, GoldenQueries.Target));
    }

    [Fact]
    public void Printed_text_stays_on_its_line_whatever_is_in_it()
    {
        var query = Probe.UProbe("bad\nname", "*").Where(s => s.Comm == "a\"b\\\n").Count().Query;

        Assert.Equal(
            """
            uprobe:bad\u000aname:*
              filter pid != 4242 (this process)
              load comm
              where (comm == "a\"b\\\u000a")
              count hit
              the hits are the result

            """,
            IrPrinter.Print(ProbeCompiler.Compile(query, GoldenQueries.Target).Ir));
    }

    private static IrQuery Query(params ImmutableArray<IrExpression> predicates) => new(new IrUserProbe("b", "s"), predicates, new IrAggregate(AggregateParts.Count, null, null));

    /// <summary>Trees over two unknown truth values: whether the process is 0, and whether the thread is 0.</summary>
    private static IrExpression Tree(Random random, int depth) => random.Next(depth == 0 ? 3 : 7) switch
    {
        0 => Truth(random.Next(2) == 0),
        1 or 2 => new IrCompare(CompareOperator.Equal, new IrContext(random.Next(2) == 0 ? ContextField.Pid : ContextField.Tid, IrType.Int32), new IrConstant(0, IrType.Int32)),
        3 => new IrNot(Tree(random, depth - 1)),
        4 => new IrCompare(random.Next(2) == 0 ? CompareOperator.Equal : CompareOperator.NotEqual, Tree(random, depth - 1), Tree(random, depth - 1)),
        _ => new IrLogic(random.Next(2) == 0 ? LogicOperator.And : LogicOperator.Or, Tree(random, depth - 1), Tree(random, depth - 1)),
    };

    private static long Evaluate(IrExpression tree, int unknowns) => tree switch
    {
        IrConstant constant => constant.Value,
        IrContext context => context.Field == ContextField.Pid ? unknowns & 1 : unknowns >> 1,
        IrNot not => 1 - Evaluate(not.Operand, unknowns),
        IrLogic { Operator: LogicOperator.And } and => Evaluate(and.Left, unknowns) * Evaluate(and.Right, unknowns),
        IrLogic or => long.Max(Evaluate(or.Left, unknowns), Evaluate(or.Right, unknowns)),
        IrCompare compare => (Evaluate(compare.Left, unknowns) == Evaluate(compare.Right, unknowns)) == (compare.Operator == CompareOperator.Equal) ? 1 : 0,
        _ => throw IrNodes.Unknown(tree),
    };
}
