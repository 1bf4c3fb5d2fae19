namespace StackDepth.Native.Symbols;

/// <summary>What the processes of one <see cref="Symbolizer"/> share.</summary>
internal sealed class SymbolContext(SymbolFiles files, SymbolMemory memory, SymbolNaming naming)
{
    private readonly Lazy<VdsoSymbols> _vdso = new(() => VdsoSymbols.Load(naming));

    internal SymbolFiles Files { get; } = files;

    internal SymbolMemory Memory { get; } = memory;

    internal SymbolNaming Naming { get; } = naming;

    internal VdsoSymbols Vdso => _vdso.Value;
}

/// <summary>What is known from the addresses of one stack that were named already.</summary>
internal struct StackLookups
{
    /// <summary>The process's mappings were looked at again: what is not there is not looked for at each frame.</summary>
    internal bool HasRefreshedMappings;

    /// <summary>So was its perf map.</summary>
    internal bool HasRefreshedJit;

    /// <summary>Where the last address was: the next one is often there too.</summary>
    internal int LastRegion;
}
