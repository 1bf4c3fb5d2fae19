using System.Collections.Immutable;
using System.Numerics;
using StackDepth.Ir;

namespace StackDepth;

public sealed partial class ProbeSource<TContext>
{
    internal TContext Context => _context;

    /// <summary>The probes that this source stands for, each with what was asked of it.</summary>
    internal ImmutableArray<IrBranch> Branches
    {
        get
        {
            if (_probe is not IrAnyProbe any)
                return [new(_probe, _predicates)];
            return ImmutableArray.CreateRange(any.Branches, branch => new IrBranch(
                branch.Probe with { ProcessId = any.ProcessId ?? branch.Probe.ProcessId, IsSilent = any.IsSilent || branch.Probe.IsSilent }, [.. branch.Predicates, .. _predicates]));
        }
    }

    /// <summary>The same probe with what all probes know, to be joined with probes of other kinds by <see cref="Probe.Any"/>.</summary>
    public ProbeSource<ProbeContext> AsProbe() => new(_context, _probe, _predicates);

    /// <summary>
    /// Sets a variable at the hits that passed each <see cref="Where"/> before this; what is written behind this sees the new value. A value that cannot be had (its stack could not be walked, or another variable has none)
    /// leaves the variable as it was, and the hit out of the result, counted. What a stack's completeness says of a depth is not remembered with it: a remembered depth is compared as it was counted.
    /// </summary>
    /// <param name="variable">The variable, of the thread that hits.</param>
    /// <param name="value">The value.</param>
    public ProbeSource<TContext> Set<T>(ProbeState<T> variable, Func<TContext, Expr<T>> value)
    {
        ArgumentNullException.ThrowIfNull(variable);
        ArgumentNullException.ThrowIfNull(value);
        return With(AssignmentKind.Set, variable.Place, _context.Node(value));
    }

    /// <summary>Sets the value of a key; as <see cref="Set{T}(ProbeState{T}, Func{TContext, Expr{T}})"/>. A key that finds no room is counted in <see cref="ProbeHealth.KeysLost"/>.</summary>
    /// <param name="place">The variable at the key: <c>s => opened[s.Arg(0)]</c>.</param>
    /// <param name="value">The value.</param>
    public ProbeSource<TContext> Set<T>(Func<TContext, StateExpr<T>> place, Func<TContext, Expr<T>> value)
    {
        ArgumentNullException.ThrowIfNull(place);
        ArgumentNullException.ThrowIfNull(value);
        return With(AssignmentKind.Set, place(_context).Place, _context.Node(value));
    }

    /// <summary>Adds to a variable, which begins with 0; as <see cref="Set{T}(ProbeState{T}, Func{TContext, Expr{T}})"/>.</summary>
    /// <param name="variable">The variable, of the thread that hits.</param>
    /// <param name="value">What is added; the sum wraps around.</param>
    public ProbeSource<TContext> Add<T>(ProbeState<T> variable, Func<TContext, Expr<T>> value)
        where T : struct, INumber<T>
    {
        ArgumentNullException.ThrowIfNull(variable);
        ArgumentNullException.ThrowIfNull(value);
        return With(AssignmentKind.Add, variable.Place, _context.Node(value));
    }

    /// <summary>Adds to the value of a key, which begins with 0, in one step: of hits on several CPUs at once none is lost. As <see cref="Set{T}(Func{TContext, StateExpr{T}}, Func{TContext, Expr{T}})"/>.</summary>
    /// <param name="place">The variable at the key.</param>
    /// <param name="value">What is added; the sum wraps around.</param>
    public ProbeSource<TContext> Add<T>(Func<TContext, StateExpr<T>> place, Func<TContext, Expr<T>> value)
        where T : struct, INumber<T>
    {
        ArgumentNullException.ThrowIfNull(place);
        ArgumentNullException.ThrowIfNull(value);
        return With(AssignmentKind.Add, place(_context).Place, _context.Node(value));
    }

    /// <summary>Takes away a variable's value at the hits that passed each <see cref="Where"/> before this.</summary>
    /// <param name="variable">The variable, of the thread that hits.</param>
    public ProbeSource<TContext> Clear<T>(ProbeState<T> variable)
    {
        ArgumentNullException.ThrowIfNull(variable);
        return With(AssignmentKind.Clear, variable.Place, null);
    }

    /// <summary>Takes away the value of a key, and makes room for another key.</summary>
    /// <param name="place">The variable at the key.</param>
    public ProbeSource<TContext> Clear<T>(Func<TContext, StateExpr<T>> place)
    {
        ArgumentNullException.ThrowIfNull(place);
        return With(AssignmentKind.Clear, place(_context).Place, null);
    }

    /// <summary>Keeps the hits out of the result, and out of <see cref="ProbeHealth.Hits"/>: they only change variables, for other probes of the query to use.</summary>
    public ProbeSource<TContext> Silent() => new(_context, _probe with { IsSilent = true }, _predicates);

    private ProbeSource<TContext> With(AssignmentKind kind, IrPlace place, IrExpression? value) => new(_context, _probe, _predicates.Add(new IrAssign(kind, place, value)));
}
