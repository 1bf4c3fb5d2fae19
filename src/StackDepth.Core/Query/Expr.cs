using System.ComponentModel;
using System.Numerics;
using StackDepth.Ir;

namespace StackDepth;

/// <summary>
/// A value that exists only in the kernel, when the probe is hit. Lambdas of a query run once, on such symbolic values, and build the query; what the kernel cannot
/// compute does not compile.
/// </summary>
/// <typeparam name="T">The type of the value as the program will deliver it.</typeparam>
public readonly struct Expr<T>
{
    private readonly IrExpression? _node;

    internal Expr(IrExpression node) => _node = node;

    internal IrExpression Node => _node ?? throw new InvalidOperationException("This expression is default(Expr<T>): it stands for nothing. Take expressions from the probe's context.");

    /// <summary>Makes a constant of the query out of <paramref name="value"/>.</summary>
    /// <exception cref="ArgumentException">The kernel has no values of this type.</exception>
    public static implicit operator Expr<T>(T value) => new(Expr.Constant(value));

    /// <summary>Whether the two values are equal. Texts are compared byte for byte.</summary>
    public static Expr<bool> operator ==(Expr<T> left, Expr<T> right) => Expr.Compare(CompareOperator.Equal, left.Node, right.Node);

    /// <summary>Whether the two values differ.</summary>
    public static Expr<bool> operator !=(Expr<T> left, Expr<T> right) => Expr.Compare(CompareOperator.NotEqual, left.Node, right.Node);

    /// <summary>Whether <paramref name="obj"/> is the same expression (not the same value: that is known in the kernel only).</summary>
    [EditorBrowsable(EditorBrowsableState.Never)]
    public override bool Equals(object? obj) => obj is Expr<T> other && Equals(_node, other._node);

    /// <inheritdoc />
    [EditorBrowsable(EditorBrowsableState.Never)]
    public override int GetHashCode() => _node?.GetHashCode() ?? 0;

    /// <summary>The expression in the text form of the IR.</summary>
    public override string ToString() => _node is null ? "default" : IrPrinter.Print(_node);
}

/// <summary>Operators on expressions.</summary>
public static partial class Expr
{
    extension(Expr<bool>)
    {
        /// <summary>Whether both hold. The right side is not computed when the left one is false.</summary>
        public static Expr<bool> operator &(Expr<bool> left, Expr<bool> right) => new(new IrLogic(LogicOperator.And, left.Node, right.Node));

        /// <summary>Whether at least one holds. The right side is not computed when the left one is true.</summary>
        public static Expr<bool> operator |(Expr<bool> left, Expr<bool> right) => new(new IrLogic(LogicOperator.Or, left.Node, right.Node));

        /// <summary>Whether the operand is false.</summary>
        public static Expr<bool> operator !(Expr<bool> operand) => new(new IrNot(operand.Node));

        /// <summary>Always false, so that <c>&amp;&amp;</c> and <c>||</c> build <c>&amp;</c> and <c>|</c>.</summary>
        public static bool operator false(Expr<bool> operand) => false;

        /// <summary>Not available: the value is known in the kernel only.</summary>
        [Obsolete("An Expr<bool> has no value until the kernel runs it: combine it with &, | and !, choose by Expr.If, or use Where.", error: true, DiagnosticId = "SD0001")]
        public static bool operator true(Expr<bool> operand) => false;
    }

    extension<T>(Expr<T>) where T : struct, INumber<T>
    {
        /// <summary>Whether the left number is greater.</summary>
        public static Expr<bool> operator >(Expr<T> left, Expr<T> right) => Compare(CompareOperator.Greater, left.Node, right.Node);

        /// <summary>Whether the left number is smaller.</summary>
        public static Expr<bool> operator <(Expr<T> left, Expr<T> right) => Compare(CompareOperator.Less, left.Node, right.Node);

        /// <summary>Whether the left number is greater than or equal to the right one.</summary>
        public static Expr<bool> operator >=(Expr<T> left, Expr<T> right) => Compare(CompareOperator.GreaterOrEqual, left.Node, right.Node);

        /// <summary>Whether the left number is smaller than or equal to the right one.</summary>
        public static Expr<bool> operator <=(Expr<T> left, Expr<T> right) => Compare(CompareOperator.LessOrEqual, left.Node, right.Node);
    }

    internal static Expr<bool> Compare(CompareOperator op, IrExpression left, IrExpression right) => new(new IrCompare(op, left, right));

    internal static IrExpression Constant<T>(T value) => value switch
    {
        int number => new IrConstant(number, IrType.Int32),
        long number => new IrConstant(number, IrType.Int64),
        uint number => new IrConstant(number, IrType.UInt32),
        ulong number => new IrConstant((long)number, IrType.UInt64),
        bool truth => new IrConstant(truth ? 1 : 0, IrType.Boolean),
        string text => new IrText(text),
        Completeness completeness => Named(completeness, (int)completeness, IrType.Completeness),
        StackReason reason => Named(reason, (int)reason, IrType.Reason),
        CallStack => throw new ArgumentException("A stack is no constant of a query: group by it, or select it, and compare in user space.", nameof(value)),
        null => throw new ArgumentNullException(nameof(value), "A query cannot compare with null: the kernel has no such value."),
        _ => throw new ArgumentException($"A constant of type {typeof(T).Name} has no counterpart in the kernel: use int, long, uint, ulong, bool, string, Completeness or StackReason.", nameof(value)),
    };

    private static IrConstant Named<T>(T value, int number, IrType type)
        where T : struct, Enum =>
        Enum.IsDefined(value) ? new(number, type) : throw new ArgumentOutOfRangeException(nameof(value), value, $"There is no such {typeof(T).Name}.");
}
