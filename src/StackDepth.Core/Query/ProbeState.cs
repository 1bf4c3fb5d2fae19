using StackDepth.Ir;

namespace StackDepth;

/// <summary>The value of a variable of a query, symbolically: of the thread that hits, or of a key.</summary>
/// <typeparam name="T">The type of the value.</typeparam>
public readonly struct StateExpr<T>
{
    private readonly IrPlace? _place;

    internal StateExpr(IrPlace place) => _place = place;

    internal IrPlace Place => _place ?? throw new InvalidOperationException("This is default(StateExpr<T>): it stands for no variable. Make one by Probe.State.");

    /// <summary>
    /// The value. A hit that finds none is in no result: it is counted in <see cref="ProbeHealth.Unset"/>, also where <c>Expr.If</c>, <c>&amp;</c> or <c>|</c> would not have needed the value. To go on without it use
    /// <see cref="ValueOr"/>, or filter by <see cref="IsSet"/> first.
    /// </summary>
    public Expr<T> Value => new(new IrStateValue(Place, IsRequired: true));

    /// <summary>Whether there is a value.</summary>
    public Expr<bool> IsSet => new(new IrStateIsSet(Place));

    /// <summary>The value, or another one where there is none.</summary>
    public Expr<T> ValueOr(Expr<T> otherwise) => new(new IrIf(IsSet.Node, new IrStateValue(Place, IsRequired: false), otherwise.Node));
}

/// <summary>A variable of which each thread has its own value. Made by <see cref="Probe.State{T}"/>.</summary>
/// <typeparam name="T">The type of a value.</typeparam>
public sealed class ProbeState<T>
{
    private readonly StateExpr<T> _state;

    internal ProbeState(IrVariable variable) => _state = new(new(variable, []));

    internal IrPlace Place => _state.Place;

    /// <inheritdoc cref="StateExpr{T}.Value" />
    public Expr<T> Value => _state.Value;

    /// <inheritdoc cref="StateExpr{T}.IsSet" />
    public Expr<bool> IsSet => _state.IsSet;

    /// <inheritdoc cref="StateExpr{T}.ValueOr" />
    public Expr<T> ValueOr(Expr<T> otherwise) => _state.ValueOr(otherwise);
}

/// <summary>A variable with a value for each key. Made by <see cref="Probe.State{TKey, T}"/>.</summary>
/// <typeparam name="TKey">The type of the key.</typeparam>
/// <typeparam name="T">The type of a value.</typeparam>
public sealed class ProbeState<TKey, T>
    where TKey : notnull
{
    private readonly IrVariable _variable;

    internal ProbeState(IrVariable variable) => _variable = variable;

    /// <summary>The value of a key.</summary>
    public StateExpr<T> this[Expr<TKey> key] => new(new(_variable, [key.Node]));
}

/// <summary>A variable with a value for each pair of keys. Made by <see cref="Probe.State{TKey1, TKey2, T}"/>.</summary>
/// <typeparam name="TKey1">The type of the first key.</typeparam>
/// <typeparam name="TKey2">The type of the second key.</typeparam>
/// <typeparam name="T">The type of a value.</typeparam>
public sealed class ProbeState<TKey1, TKey2, T>
    where TKey1 : notnull
    where TKey2 : notnull
{
    private readonly IrVariable _variable;

    internal ProbeState(IrVariable variable) => _variable = variable;

    /// <summary>The value of a pair of keys.</summary>
    public StateExpr<T> this[Expr<TKey1> key1, Expr<TKey2> key2] => new(new(_variable, [key1.Node, key2.Node]));
}
