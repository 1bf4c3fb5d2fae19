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

/// <summary>What was looked at again already while one stack is named: what is not there then is not looked for at each of its frames.</summary>
internal struct SymbolRefresh
{
    /// <summary>The process's mappings.</summary>
    internal bool Mappings;

    /// <summary>Its perf map.</summary>
    internal bool Jit;
}
