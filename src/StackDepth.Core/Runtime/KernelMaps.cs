using System.Collections.Immutable;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Runtime;

/// <summary>The maps of a query, by their symbolic names.</summary>
internal sealed class KernelMaps : IDisposable
{
    private readonly Dictionary<string, BpfMap> _maps = new(StringComparer.Ordinal);

    internal IReadOnlyDictionary<string, BpfMap> ByName => _maps;

    internal BpfMap this[string name] => _maps[name];

    internal static KernelMaps Create(ImmutableArray<MapSpec> specs, SystemCalls sys)
    {
        var maps = new KernelMaps();
        try
        {
            foreach (var spec in specs)
                maps._maps.Add(spec.Name, BpfMap.Create(spec, sys));
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
        foreach (var map in _maps.Values)
            map.Dispose();
    }
}
