using System.Collections.Immutable;
using System.Numerics;
using StackDepth.Ir;

#pragma warning disable CA1708 // It takes extension blocks of different receivers for members of one name.

namespace StackDepth;

public static partial class Expr
{
    // Numbers are those of C#, unchecked, and nothing faults: see docs/semantics.md, Values.
    extension<T>(Expr<T>) where T : struct, INumber<T>
    {
        /// <summary>The sum; wraps around.</summary>
        public static Expr<T> operator +(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Add, left, right);

        /// <summary>The difference; wraps around.</summary>
        public static Expr<T> operator -(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Subtract, left, right);

        /// <summary>The product; wraps around.</summary>
        public static Expr<T> operator *(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Multiply, left, right);

        /// <summary>The quotient, towards zero; 0 where the divisor is 0. The smallest number divided by -1 is itself.</summary>
        public static Expr<T> operator /(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Divide, left, right);

        /// <summary>The remainder, with the sign of the dividend; 0 where the divisor is 0.</summary>
        public static Expr<T> operator %(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Modulo, left, right);

        /// <summary>The negation; wraps around.</summary>
        public static Expr<T> operator -(Expr<T> operand) => new(new IrUnary(UnaryOperator.Negate, operand.Node));
    }

    extension<T>(Expr<T>) where T : struct, IBinaryInteger<T>
    {
        /// <summary>The bits that both have.</summary>
        public static Expr<T> operator &(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.And, left, right);

        /// <summary>The bits that either has.</summary>
        public static Expr<T> operator |(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Or, left, right);

        /// <summary>The bits that one of them has.</summary>
        public static Expr<T> operator ^(Expr<T> left, Expr<T> right) => Arithmetic(ArithmeticOperator.Xor, left, right);

        /// <summary>The bits that it does not have.</summary>
        public static Expr<T> operator ~(Expr<T> operand) => new(new IrUnary(UnaryOperator.Complement, operand.Node));

        /// <summary>Shifted to the left; the count is taken modulo the width, as in C#.</summary>
        public static Expr<T> operator <<(Expr<T> value, Expr<int> count) => new(new IrArithmetic(ArithmeticOperator.ShiftLeft, value.Node, count.Node, value.Node.Type));

        /// <summary>Shifted to the right, by its sign where the type has one; the count is taken modulo the width, as in C#.</summary>
        public static Expr<T> operator >>(Expr<T> value, Expr<int> count) => new(new IrArithmetic(ArithmeticOperator.ShiftRight, value.Node, count.Node, value.Node.Type));
    }

    extension<T>(Expr<T> expression) where T : struct, INumber<T>
    {
        /// <summary>The low 32 bits, signed, as an unchecked cast has them.</summary>
        public Expr<int> ToInt32() => Convert<int>(expression.Node, IrType.Int32);

        /// <summary>The same number in 64 bits, signed; of an unsigned one of 64 bits, the same bits.</summary>
        public Expr<long> ToInt64() => Convert<long>(expression.Node, IrType.Int64);

        /// <summary>The low 32 bits, unsigned, as an unchecked cast has them.</summary>
        public Expr<uint> ToUInt32() => Convert<uint>(expression.Node, IrType.UInt32);

        /// <summary>The number in 64 bits, unsigned, as an unchecked cast has it: a negative one is extended by its sign.</summary>
        public Expr<ulong> ToUInt64() => Convert<ulong>(expression.Node, IrType.UInt64);
    }

    extension<T>(Expr<T> expression)
    {
        /// <summary>Whether it equals one of <paramref name="values"/>; false where there are none.</summary>
        public Expr<bool> IsIn(params ReadOnlySpan<T> values)
        {
            var constants = ImmutableArray.CreateBuilder<IrExpression>(values.Length);
            foreach (var value in values)
                constants.Add(Constant(value));
            var node = expression.Node;
            if (node.Type == IrType.Text)
            {
                IrExpression any = new IrConstant(0, IrType.Boolean);
                foreach (var text in constants)
                    any = any is IrConstant ? new IrCompare(CompareOperator.Equal, node, text) : new IrLogic(LogicOperator.Or, any, new IrCompare(CompareOperator.Equal, node, text));
                return new(any);
            }
            return new(new IrIsIn(node, [.. constants.Select(static constant => ((IrConstant)constant).Value).Distinct()]));
        }
    }

    extension(Expr<string> expression)
    {
        /// <summary>Whether the text begins with <paramref name="prefix"/>, byte for byte.</summary>
        public Expr<bool> StartsWith(string prefix)
        {
            ArgumentNullException.ThrowIfNull(prefix);
            return new(new IrStartsWith(expression.Node, prefix));
        }
    }

    /// <summary>
    /// <paramref name="then"/> where the test holds, else <paramref name="otherwise"/>; the other one is not computed. (Stacks that the query mentions are captured all the same.) A test that
    /// an incomplete stack leaves open leaves the value open, too: such a hit is counted in <see cref="ProbeHealth.Undecided"/>.
    /// </summary>
    public static Expr<T> If<T>(Expr<bool> test, Expr<T> then, Expr<T> otherwise) => new(new IrIf(test.Node, then.Node, otherwise.Node));

    /// <inheritdoc cref="If{T}(Expr{bool}, Expr{T}, Expr{T})"/>
    public static Expr<T> If<T>(Expr<bool> test, T then, T otherwise) => If(test, (Expr<T>)then, (Expr<T>)otherwise);

    /// <summary>The smaller number.</summary>
    public static Expr<T> Min<T>(Expr<T> left, Expr<T> right)
        where T : struct, INumber<T> => Arithmetic(ArithmeticOperator.Minimum, left, right);

    /// <summary>The greater number.</summary>
    public static Expr<T> Max<T>(Expr<T> left, Expr<T> right)
        where T : struct, INumber<T> => Arithmetic(ArithmeticOperator.Maximum, left, right);

    /// <summary>The number without its sign; the smallest number is its own.</summary>
    public static Expr<T> Abs<T>(Expr<T> operand)
        where T : struct, INumber<T> => new(new IrUnary(UnaryOperator.Absolute, operand.Node));

    private static Expr<T> Arithmetic<T>(ArithmeticOperator op, Expr<T> left, Expr<T> right) => new(new IrArithmetic(op, left.Node, right.Node, left.Node.Type));

    private static Expr<T> Convert<T>(IrExpression operand, IrType type) => new(operand.Type == type ? operand : new IrConvert(operand, type));
}
