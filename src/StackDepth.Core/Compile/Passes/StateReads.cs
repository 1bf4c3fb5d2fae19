using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile.Passes;

/// <summary>
/// Has each value of a variable read once, right before the first step that uses it, and anew behind an assignment: uses before and behind one are told apart by their <see cref="IrPlace.Version"/>.
/// </summary>
internal sealed class StateReads
{
    private readonly Dictionary<IrVariable, int> _assignmentsAhead = [];
    private readonly HashSet<IrPlace> _tested = [];
    private readonly HashSet<IrPlace> _read = [];
    private readonly HashSet<IrPlace> _required = [];
    private readonly bool _isUsed;

    internal StateReads(IrQuery query)
    {
        foreach (var predicate in query.Predicates)
        {
            if (predicate is IrAssign assign)
                _assignmentsAhead[assign.Place.Variable] = _assignmentsAhead.GetValueOrDefault(assign.Place.Variable) + 1;
        }
        foreach (var expression in query.Expressions)
            _isUsed |= expression.Any(static node => node is IrState);
        if (!_isUsed)
            return;
        // A hit may go on without the value where somebody asks if there is one, or has another for that case.
        foreach (var expression in query.Expressions)
        {
            expression.Any(node =>
            {
                if (node is IrStateIsSet or IrStateValue { IsRequired: false })
                    _tested.Add(Unversioned(((IrState)node).Place));
                return false;
            });
        }
    }

    /// <summary>The expression as it stands here.</summary>
    internal IrExpression Version(IrExpression expression)
    {
        if (!_isUsed)
            return expression;
        var here = expression.Map(Version);
        return here switch
        {
            IrState state => state.At(state.Place with { Version = _assignmentsAhead.GetValueOrDefault(state.Place.Variable) }),
            _ => here,
        };
    }

    /// <summary>An assignment has been made.</summary>
    internal void Passed(IrAssign assign) => _assignmentsAhead[assign.Place.Variable]--;

    /// <summary>Adds the reads that the expression needs and that have not been made.</summary>
    internal void Require(IrExpression expression, ImmutableArray<IrStatement>.Builder steps)
    {
        if (!_isUsed)
            return;
        foreach (var operand in expression.Operands)
            Require(operand, steps);
        if (expression is not IrState { Place: var place } state)
            return;
        var isRequired = state is IrStateValue { IsRequired: true };
        var tested = _tested.Contains(Unversioned(place));
        if (_read.Add(place))
            steps.Add(new LoadState(place, IsRequired: !tested));
        if (tested && isRequired && _required.Add(place))
            steps.Add(new RequireState(place));
    }

    private static IrPlace Unversioned(IrPlace place) => new(place.Variable, [.. place.Keys.Select(Unversioned)]);

    private static IrExpression Unversioned(IrExpression expression)
    {
        var here = expression.Map(Unversioned);
        return here is IrState state ? state.At(state.Place with { Version = 0 }) : here;
    }
}
