using StackDepth.Ir;

#pragma warning disable CA1822 // The members are symbolic and read no instance; they belong to it all the same: s => s.ReturnValue.

namespace StackDepth;

/// <summary>The context at a function's return.</summary>
/// <remarks>
/// The function has no frame any more: frame 1 of <see cref="ProbeContext.UStack"/> is its caller, and the length is one less than it was at the entry. Returns that the kernel does not report
/// are no hits; where it can be known that there were some, <see cref="ProbeHealth.Missed"/> counts them (Linux 6.13).
/// </remarks>
public class ReturnContext : ProbeContext
{
    internal ReturnContext()
    {
    }

    internal static ReturnContext Instance { get; } = new();

    /// <summary>
    /// What the function returned: the register in which the calling convention has an integer or a pointer (rax), all 64 bits as the function left them. Of a smaller type the upper bits
    /// can be anything: of an <c>int</c> write <c>s.ReturnValue.ToInt32()</c>, of a <c>bool</c> <c>(s.ReturnValue &amp; 255) != 0</c>. A floating-point number is not in it, of a structure of up to
    /// 16 bytes it is the first half, and of a larger one the address; of a function that returns nothing it is what was left over.
    /// </summary>
    public Expr<long> ReturnValue => new(new IrReturnValue());

    /// <summary>
    /// The time from the entry to the return of the same activation, in nanoseconds; what the probes themselves cost, those of calls within it too, is part of it. At user-space functions needs
    /// Linux 6.13, at functions of the kernel 6.10, and the kernel's type information.
    /// </summary>
    public Expr<long> Elapsed => new(new IrContext(ContextField.Elapsed, IrType.Int64));
}
