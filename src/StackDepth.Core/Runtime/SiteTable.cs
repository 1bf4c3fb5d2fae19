using System.Collections.Immutable;

namespace StackDepth.Runtime;

/// <summary>The probed functions by the number that the kernel hands back at a hit (the attach cookie).</summary>
internal sealed class SiteTable
{
    private readonly ProbeFunction[] _functions;

    internal SiteTable(ImmutableArray<ProbeSite> sites)
    {
        Sites = sites;
        _functions = new ProbeFunction[sites.Length];
        for (var index = 0; index < sites.Length; index++)
            _functions[index] = new(sites[index].Address, sites[index].Symbol);
    }

    internal ImmutableArray<ProbeSite> Sites { get; }

    /// <summary>The stacks by their numbers, where the query delivers stacks.</summary>
    internal StackTable? Stacks { get; init; }

    internal ProbeFunction this[long cookie] => (ulong)cookie < (ulong)_functions.Length
        ? _functions[(int)cookie]
        : throw new InvalidOperationException($"The kernel named site {cookie} of {_functions.Length}. Please report this.");
}
