using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth;

public static partial class Probe
{
    /// <summary>
    /// Several probes as one: what follows is asked at each of them, and has one result and one health. Each keeps its own filters, process and assignments; they can be of different kinds, and one
    /// can remember what another one uses (<see cref="State{T}"/>). Sources whose contexts differ are joined after <see cref="ProbeSource{TContext}.AsProbe"/>. They are attached in their order, one after the other; a command
    /// that the session starts begins when all are in place.
    /// </summary>
    /// <param name="probes">The probes, at least one.</param>
    /// <exception cref="ProbeQueryException">There is none.</exception>
    public static ProbeSource<TContext> Any<TContext>(params ReadOnlySpan<ProbeSource<TContext>> probes)
        where TContext : ProbeContext
    {
        if (probes.IsEmpty)
            throw new ProbeQueryException("Probe.Any needs a probe, or several: Probe.Any(Probe.UProbe(\"app\", \"enter\"), Probe.UProbe(\"app\", \"leave\")).");
        var branches = ImmutableArray.CreateBuilder<IrBranch>();
        foreach (var probe in probes)
        {
            ArgumentNullException.ThrowIfNull(probe, nameof(probes));
            branches.AddRange(probe.Branches);
        }
        return new(probes[0].Context, new IrAnyProbe(branches.ToImmutable()), []);
    }

    /// <summary>
    /// A variable of which each thread has its own value: set at one probe (<see cref="ProbeSource{TContext}.Set{T}(ProbeState{T}, Func{TContext, Expr{T}})"/>), used at another one of the same query. A thread
    /// begins without a value, whatever its id was used for before, and the value ends with the thread. Each session has its own variables. Needs Linux 5.13 and BTF.
    /// </summary>
    /// <typeparam name="T">A number, <see cref="bool"/>, <see cref="ProbeFunction"/>, <see cref="Completeness"/> or <see cref="StackReason"/>.</typeparam>
    /// <param name="name">What the variable is called in the plan and in messages: letters, digits and <c>_</c>. Within a query variables are told apart by it.</param>
    /// <exception cref="ProbeQueryException">The kernel keeps no values of this type.</exception>
    public static ProbeState<T> State<T>(string name) => new(StateTypes.Variable<T>(name));

    /// <summary>
    /// A variable with a value for each key, shared by all threads. It holds <see cref="AttachOptions.MaxKeys"/> values: one that finds no room is counted in <see cref="ProbeHealth.KeysLost"/>. Take those that are over
    /// out by <see cref="ProbeSource{TContext}.Clear{T}(Func{TContext, StateExpr{T}})"/>.
    /// </summary>
    /// <typeparam name="TKey">A type that a group can have as its key.</typeparam>
    /// <typeparam name="T">As in <see cref="State{T}"/>.</typeparam>
    /// <param name="name">As in <see cref="State{T}"/>.</param>
    /// <exception cref="ProbeQueryException">The kernel keeps no values, or keys, of this type.</exception>
    public static ProbeState<TKey, T> State<TKey, T>(string name)
        where TKey : notnull => new(StateTypes.Variable<T>(name, typeof(TKey)));

    /// <summary>A variable with a value for each pair of keys: see <see cref="State{TKey, T}"/>.</summary>
    /// <typeparam name="TKey1">A type that a group can have as its key.</typeparam>
    /// <typeparam name="TKey2">A type that a group can have as its key.</typeparam>
    /// <typeparam name="T">As in <see cref="State{T}"/>.</typeparam>
    /// <param name="name">As in <see cref="State{T}"/>.</param>
    /// <exception cref="ProbeQueryException">The kernel keeps no values, or keys, of this type.</exception>
    public static ProbeState<TKey1, TKey2, T> State<TKey1, TKey2, T>(string name)
        where TKey1 : notnull
        where TKey2 : notnull => new(StateTypes.Variable<T>(name, typeof(TKey1), typeof(TKey2)));
}
