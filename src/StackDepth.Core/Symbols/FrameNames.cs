using System.Collections.Immutable;
using StackDepth.Native.Symbols;
using StackDepth.Native.Symbols.Demangling;

namespace StackDepth.Symbols;

/// <summary>Names the frames that a session delivers.</summary>
internal sealed class FrameNames : IDisposable
{
    private readonly Symbolizer _symbolizer = new(Demangler.Demangle);

    internal ImmutableArray<StackFrame> Name(int processId, long startedAt, ReadOnlySpan<ulong> addresses, bool leafIsExact) => _symbolizer.NameUser(processId, addresses, leafIsExact);

    internal ImmutableArray<StackFrame> NameKernel(ReadOnlySpan<ulong> addresses) => _symbolizer.NameKernel(addresses, leafIsExact: false);

    public void Dispose() => _symbolizer.Dispose();
}
