using System.Buffers.Binary;
using StackDepth.Core.Tests.Golden;
using StackDepth.Ir;

namespace StackDepth.Core.Tests.Compile;

/// <summary>Expressions that need more registers than there are.</summary>
public sealed class SpillTests
{
    private static readonly long[] Arguments = [3, -5, 1L << 40, long.MaxValue, 77, -1];

    [Theory]
    [InlineData(5, false)]
    [InlineData(6, true)]
    [InlineData(9, true)]
    public void A_number_waits_in_the_stack_only_where_registers_run_out(int depth, bool spills)
    {
        var number = Tree(depth, 0);
        var run = new CompiledRun(new(new IrUserProbe("bin", "f"), [], new IrEmit([number])), GoldenQueries.Target with { Scope = new ProcessScope.All() });
        run.Run(new Hit { Arguments = Arguments });

        Assert.Equal(Value(number), BinaryPrimitives.ReadInt64LittleEndian(Assert.Single(run.Machine.Ring!.Records).Bytes));
        // The key of the results' map lies there, too.
        Assert.Equal(spills, run.Listing.Contains("(r10 -16) = ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_condition_in_a_number_has_the_registers_that_are_left()
    {
        IrExpression number = new IrContext(ContextField.Timestamp, IrType.Int64);
        for (var level = 0; level < 12; level++)
        {
            var choice = new IrIf(new IrCompare(CompareOperator.Less, Tree(1, level), Tree(2, level)), Tree(2, level * 100), number);
            number = new IrArithmetic(level % 2 == 0 ? ArithmeticOperator.Subtract : ArithmeticOperator.Divide, Tree(level % 7, level * 50), choice, IrType.Int64);
        }
        var run = new CompiledRun(new(new IrUserProbe("bin", "f"), [], new IrEmit([number])), GoldenQueries.Target with { Scope = new ProcessScope.All() });
        run.Run(new Hit { Arguments = Arguments, Timestamp = 12_345 });

        Assert.Equal(Value(number), BinaryPrimitives.ReadInt64LittleEndian(Assert.Single(run.Machine.Ring!.Records).Bytes));
    }

    /// <summary>A full tree, no two parts of which are the same.</summary>
    private static IrArithmetic Tree(int depth, int number) => depth == 0
        ? new(ArithmeticOperator.Xor, new IrArgument(number % 6), new IrConstant(1_000 + number, IrType.Int64), IrType.Int64)
        : new(depth % 3 == 0 ? ArithmeticOperator.Modulo : depth % 3 == 1 ? ArithmeticOperator.Subtract : ArithmeticOperator.Multiply, Tree(depth - 1, number * 2), Tree(depth - 1, (number * 2) + 1), IrType.Int64);

    private static long Value(IrExpression expression) => expression switch
    {
        IrConstant constant => constant.Value,
        IrArgument argument => Arguments[argument.Index],
        IrContext => 12_345,
        IrArithmetic arithmetic => ModelNumbers.Compute(arithmetic.Operator, arithmetic.Type, Value(arithmetic.Left), Value(arithmetic.Right)),
        IrIf { Test: IrCompare test } choice => Value(test.Left) < Value(test.Right) ? Value(choice.Then) : Value(choice.Otherwise),
        _ => throw IrNodes.Unknown(expression),
    };
}
