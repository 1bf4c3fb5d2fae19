using System.Collections.Immutable;

namespace StackDepth.Native.Btf;

/// <summary>What kind of value a parameter or a result is.</summary>
internal enum KernelValueKind
{
    Unsigned,
    Signed,
    Boolean,
    Pointer,

    /// <summary>A struct or union by value.</summary>
    Aggregate,

    /// <summary>An array of <c>char</c>.</summary>
    Text,

    /// <summary>Anything else, such as a float, or a type that could not be followed.</summary>
    Other,
}

/// <summary>A parameter of a kernel function, or its result.</summary>
/// <param name="Name">Its name; empty for a result, and where the source has none.</param>
/// <param name="Type">Its type as C has it, qualifiers left out: <c>struct file *</c>.</param>
/// <param name="Size">Its bytes. A register or slot of 8 bytes that holds less has anything in the rest: extend it by this and <paramref name="Kind"/>.</param>
/// <param name="Kind">What it is.</param>
internal readonly record struct KernelValue(string Name, string Type, int Size, KernelValueKind Kind)
{
    /// <summary>Its type in the kernel's BTF.</summary>
    internal int TypeId { get; init; }

    internal bool IsSigned => Kind == KernelValueKind.Signed;

    internal bool IsPointer => Kind == KernelValueKind.Pointer;

    /// <summary>Whether it is a number or a pointer that a register holds.</summary>
    internal bool IsScalar => Kind is not (KernelValueKind.Aggregate or KernelValueKind.Text or KernelValueKind.Other) && Size is 1 or 2 or 4 or 8;

    /// <summary>How many slots of 8 bytes it takes in the context of a tracing program.</summary>
    internal int Slots => Math.Max(1, (Size + 7) / 8);
}

/// <summary>A kernel function as BTF describes it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Id">Its id, for <c>attach_btf_id</c>.</param>
/// <param name="Parameters">Its parameters, in order.</param>
/// <param name="Result">What it returns; null for void.</param>
/// <param name="IsVariadic">Whether it takes more than its parameters (<c>...</c>), which no tracing program attaches to.</param>
internal sealed record KernelFunctionSignature(string Name, int Id, ImmutableArray<KernelValue> Parameters, KernelValue? Result, bool IsVariadic)
{
    /// <summary>The position of a parameter of a name; -1 where there is none.</summary>
    internal int IndexOf(string name)
    {
        for (var i = 0; i < Parameters.Length; i++)
        {
            if (Parameters[i].Name == name)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The declaration, for messages.</summary>
    public override string ToString() =>
        $"{Result?.Type ?? "void"} {Name}({string.Join(", ", Parameters.Select(static p => p.Name.Length == 0 ? p.Type : $"{p.Type} {p.Name}"))}{(IsVariadic ? ", ..." : "")})";
}
