using StackDepth.Ir;

#pragma warning disable CA1822 // The members are symbolic and read no instance; they belong to it all the same: s => s.ReturnValue.

namespace StackDepth;

/// <summary>The context at a probe whose values have names and types: those that the kernel describes.</summary>
public class TypedContext : ProbeContext
{
    internal TypedContext()
    {
    }

    internal static TypedContext Instance { get; } = new();

    /// <summary>
    /// A number of the probe by its name: a field of a tracepoint (<c>"prev_pid"</c>), or an argument of a function of the kernel or of a raw tracepoint, also what it points to (<c>"prev.pid"</c>). An element of
    /// an array is named by its index (<c>"args[1]"</c>). A pointer is a <see cref="ulong"/> or <see cref="long"/>; what lies behind one that is null, or leads nowhere, reads as 0.
    /// </summary>
    /// <typeparam name="T">
    /// <see cref="int"/>, <see cref="uint"/>, <see cref="long"/> or <see cref="ulong"/>, which must hold every number that the field can have; or <see cref="bool"/>, which is whether it is not zero; or
    /// <see cref="string"/>, which is <see cref="FieldString"/>. It is checked when the probe is resolved.
    /// </typeparam>
    /// <param name="name">The name, as the kernel has it.</param>
    /// <exception cref="ProbeQueryException">Fields are not read as such a type. Attaching throws it where there is no such field, or the type does not hold it.</exception>
    public Expr<T> Field<T>(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (typeof(T) == typeof(int))
            return new(new IrField(name, IrType.Int32));
        if (typeof(T) == typeof(uint))
            return new(new IrField(name, IrType.UInt32));
        if (typeof(T) == typeof(long))
            return new(new IrField(name, IrType.Int64));
        if (typeof(T) == typeof(ulong))
            return new(new IrField(name, IrType.UInt64));
        if (typeof(T) == typeof(bool))
            return new(new IrField(name, IrType.Boolean));
        if (typeof(T) == typeof(string))
            return new(FieldString(name).Node);
        throw new ProbeQueryException(
            $"Field<{typeof(T).Name}>(\"{name}\"): fields are read as int, uint, long, ulong, bool or string. Write Field<int>(\"{name}\") for a number that fits, Field<long> or Field<ulong> for a longer one, Field<string> for a text.");
    }

    /// <summary>
    /// A text of the probe by its name: an array of characters (<c>"prev_comm"</c>, <c>"prev.comm"</c>), data of variable length behind the record (<c>"filename"</c> of <c>sched:sched_process_exec</c>), or what a
    /// pointer to characters points to, in the kernel or in the process (<c>"filename"</c> of <c>syscalls:sys_enter_openat</c>). It is cut, delivered and compared as <see cref="EntryContext.ArgString"/> says.
    /// </summary>
    /// <param name="name">The name, as the kernel has it.</param>
    /// <param name="maxBytes">How many bytes of the text are taken: from 1 to 128.</param>
    /// <exception cref="ProbeQueryException">So long a text does not fit. Attaching throws it where there is no such field, or it is no text.</exception>
    public Expr<string> FieldString(string name, int maxBytes = 64)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        CheckLength(maxBytes, nameof(FieldString), $"\"{name}\"");
        return new(new IrFieldText(name, maxBytes));
    }
}

/// <summary>The context at the exit of a function of the kernel: its arguments as they were at its entry, and what it returns.</summary>
public sealed class TypedReturnContext : TypedContext
{
    private TypedReturnContext()
    {
    }

    internal static new TypedReturnContext Instance { get; } = new();

    /// <summary>What the function returns, extended to 64 bits as its type says; an unsigned number of 64 bits, or a pointer, bit by bit.</summary>
    public Expr<long> ReturnValue => new(new IrField(IrField.Result, IrType.Int64));
}

/// <summary>The context at a USDT probe.</summary>
public sealed class UsdtContext : ProbeContext
{
    /// <summary>More than any description has (<c>STAP_PROBE12</c>).</summary>
    private const int MostArguments = 12;

    private UsdtContext()
    {
    }

    internal static UsdtContext Instance { get; } = new();

    /// <summary>
    /// An argument of the probe, as the program that has it describes it: an integer or a pointer, extended to 64 bits by the sign that the description gives it. Where it lies in memory that cannot be read the hit is in
    /// no result, and is counted in <see cref="ProbeHealth.ReadErrors"/>.
    /// </summary>
    /// <param name="index">From 0.</param>
    /// <exception cref="ProbeQueryException">There are never so many. Attaching throws it where the probe has fewer, or describes this one in a way that cannot be read.</exception>
    public Expr<long> Arg(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        return index < MostArguments ? new(new IrField(ArgumentName(index), IrType.Int64))
            : throw new ProbeQueryException($"Arg({index}): USDT probes have at most {MostArguments} arguments, Arg(0) to Arg({MostArguments - 1}).");
    }

    /// <summary>The text that an argument points to, in the process's memory; cut, delivered and compared as <see cref="EntryContext.ArgString"/> says.</summary>
    /// <param name="index">From 0.</param>
    /// <param name="maxBytes">How many bytes of the text are taken: from 1 to 128.</param>
    /// <exception cref="ProbeQueryException">There are never so many arguments, or so long a text does not fit. Attaching throws it as for <see cref="Arg"/>.</exception>
    public Expr<string> ArgString(int index, int maxBytes = 64)
    {
        _ = Arg(index);
        CheckLength(maxBytes, nameof(ArgString), index);
        return new(new IrFieldText(ArgumentName(index), maxBytes));
    }

    internal static string ArgumentName(int index) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"arg{index}");
}
