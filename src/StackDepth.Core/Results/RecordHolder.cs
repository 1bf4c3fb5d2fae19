using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using StackDepth.Native.Elf;

namespace StackDepth;

/// <summary>A hit that was kept for its value, with the frames of its stack.</summary>
/// <param name="Value">The value.</param>
/// <param name="Pid">The process id of the thread that hit the probe.</param>
/// <param name="Tid">The thread's id.</param>
/// <param name="Comm">The thread's name at the hit.</param>
/// <param name="Function">The function whose probe was hit.</param>
/// <param name="Stack">
/// The stack at the hit: that which the value was taken from, or the user stack. It is walked once more when the hit is kept, and says for itself what that walk promises.
/// </param>
public sealed record RecordHolder<T>(T Value, int Pid, int Tid, string Comm, ProbeFunction Function, CallStack Stack) : ITableColumns
    where T : struct, INumber<T>
{
    ImmutableArray<(string Name, object? Value)> ITableColumns.Columns => [("value", Value), ("pid", Pid), ("tid", Tid), ("comm", Comm), ("function", Function.Name), ("stack", Stack)];

    /// <summary>The value, whose it is, and the stack, folded.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Value:N0} in {PrintableText.EscapeAll(Comm)} (pid {Pid}, tid {Tid})\n{Stack}");
}
