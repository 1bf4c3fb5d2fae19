using System.Collections.Immutable;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The maps of a query, by their symbolic names.</summary>
internal sealed class KernelMaps : IDisposable
{
    private readonly Dictionary<string, BpfMap> _maps = new(StringComparer.Ordinal);
    private readonly List<BpfMap> _own = [];

    internal IReadOnlyDictionary<string, BpfMap> ByName => _maps;

    internal BpfMap this[string name] => _maps[name];

    /// <param name="specs">The maps.</param>
    /// <param name="sys">The kernel.</param>
    /// <param name="shared">Those that are there already, by name: used, and left to their owner.</param>
    internal static KernelMaps Create(ImmutableArray<MapSpec> specs, SystemCalls sys, KernelMaps? shared = null)
    {
        var maps = new KernelMaps();
        try
        {
            foreach (var spec in specs)
            {
                if (shared is null || !shared._maps.TryGetValue(spec.Name, out var map))
                    maps._own.Add(map = BpfMap.Create(spec, sys));
                maps._maps.Add(spec.Name, map);
            }
            return maps;
        }
        catch
        {
            maps.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        foreach (var map in _own)
            map.Dispose();
    }
}
