using System.Collections.Immutable;

namespace StackDepth.Ir;

/// <summary>A variable of a query: its programs set it at one hit and use it at another. The name is its identity.</summary>
/// <param name="Name">How the user calls it.</param>
/// <param name="Type">The type of its value.</param>
/// <param name="KeyTypes">The types of its key's parts; none where each thread has its own.</param>
internal sealed record IrVariable(string Name, IrType Type, ImmutableArray<IrType> KeyTypes)
{
    internal bool IsPerThread => KeyTypes.IsEmpty;

    public bool Equals(IrVariable? other) => other is not null && Name == other.Name && Type == other.Type && KeyTypes.SequenceEqual(other.KeyTypes);

    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);
}

/// <summary>Where one value of a variable is kept.</summary>
/// <param name="Variable">The variable.</param>
/// <param name="Keys">The parts of the key; none where the thread is the key.</param>
/// <param name="Version">How many assignments to the variable the program makes after this use: what is read before one, and what is read after it, are not the same.</param>
internal sealed record IrPlace(IrVariable Variable, ImmutableArray<IrExpression> Keys, int Version = 0)
{
    public bool Equals(IrPlace? other) => other is not null && Variable == other.Variable && Keys.SequenceEqual(other.Keys) && Version == other.Version;

    public override int GetHashCode() => Keys.Aggregate(HashCode.Combine(Variable, Version), HashCode.Combine);
}

/// <summary>Something that is known of the value at <paramref name="Place"/>.</summary>
internal abstract record IrState(IrPlace Place, IrType Type) : IrExpression(Type)
{
    internal override ReadOnlySpan<IrExpression> Operands => Place.Keys.AsSpan();

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) => At(Place with { Keys = [.. operands] });

    /// <summary>The same of the value at another place.</summary>
    internal abstract IrState At(IrPlace place);
}

/// <summary>The value. One that is <paramref name="IsRequired"/> ends the hit where it is not set; others are 0 there, and for nobody to look at.</summary>
internal sealed record IrStateValue(IrPlace Place, bool IsRequired) : IrState(Place, Place.Variable.Type)
{
    internal override IrState At(IrPlace place) => new IrStateValue(place, IsRequired);
}

/// <summary>Whether there is a value.</summary>
internal sealed record IrStateIsSet(IrPlace Place) : IrState(Place, IrType.Boolean)
{
    internal override IrState At(IrPlace place) => new IrStateIsSet(place);
}

internal enum AssignmentKind
{
    Set,
    Add,
    Clear,
}

/// <summary>A change of a variable, among the predicates of a probe: it is made at the hits that passed those before it, and it always holds.</summary>
/// <param name="Kind">What is done.</param>
/// <param name="Place">To which value.</param>
/// <param name="Value">The value, or what is added; null where it is cleared.</param>
internal sealed record IrAssign(AssignmentKind Kind, IrPlace Place, IrExpression? Value) : IrExpression(IrType.Boolean)
{
    internal override ReadOnlySpan<IrExpression> Operands => (IrExpression[])(Value is null ? [.. Place.Keys] : [.. Place.Keys, Value]);

    internal override IrExpression With(ReadOnlySpan<IrExpression> operands) =>
        new IrAssign(Kind, Place with { Keys = [.. operands[..Place.Keys.Length]] }, Value is null ? null : operands[^1]);
}
