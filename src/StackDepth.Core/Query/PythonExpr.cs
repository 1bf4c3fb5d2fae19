using StackDepth.Ir;

#pragma warning disable CA1822 // The members are symbolic and read no instance; they belong to it all the same: s => s.Python.Length.

namespace StackDepth;

/// <summary>
/// The Python frames of a thread, symbolically: those that <c>sys._getframe()</c> and <c>f_back</c> would show at that moment, in the interpreter that is the thread's current one. They are
/// counted once per hit, however often the query mentions them, and are in the health as one more stack.
/// </summary>
public readonly struct PythonExpr
{
    private static IrStack Stack => new(StackKind.Python);

    /// <summary>
    /// The number of Python frames; 0 in a thread that has not called into Python, of a process that has a Python. Where nothing is known of the process's Python it is 0 too, and
    /// <see cref="StackDepth.Completeness.Broken"/>. Inlined comprehensions (3.12 and newer) have no frame, and suspended generators are on no thread's stack.
    /// </summary>
    public Expr<int> Length => new(new IrStackLength(Stack));

    /// <summary>What <see cref="Length"/> promises. It says nothing of the native stack, which has its own.</summary>
    public Expr<Completeness> Completeness => new(new IrStackCompleteness(Stack));

    /// <summary>Whether <see cref="Length"/> is the true number.</summary>
    public Expr<bool> IsComplete => Completeness == StackDepth.Completeness.Complete;

    /// <summary>Why the count is not complete; <see cref="StackReason.None"/> where it is.</summary>
    public Expr<StackReason> Reason => new(new IrStackReason(Stack));
}
