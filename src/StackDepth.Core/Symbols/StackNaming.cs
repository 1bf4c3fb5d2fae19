using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using StackDepth.Native.Symbols;

namespace StackDepth.Symbols;

/// <summary>Addresses that a walk delivered become frames.</summary>
internal static class StackNaming
{
    extension(Symbolizer symbolizer)
    {
        /// <summary>Names a user stack, the innermost address first.</summary>
        /// <param name="processId">The process, by its number in our pid namespace; see <see cref="Symbolizer.Observe(int)"/> for one that may have ended.</param>
        /// <param name="stack">The addresses.</param>
        /// <param name="leafIsExact">Whether the first address is an instruction's own, and not where a call returns to.</param>
        internal ImmutableArray<StackFrame> NameUser(int processId, ReadOnlySpan<ulong> stack, bool leafIsExact = true)
        {
            var names = ArrayPool<SymbolizedAddress>.Shared.Rent(stack.Length);
            symbolizer.Resolve(processId, stack, names, leafIsExact);
            return Take(names, stack.Length);
        }

        /// <summary>Names a user stack of a process that was observed, and may have ended.</summary>
        internal ImmutableArray<StackFrame> NameUser(ProcessSymbols process, ReadOnlySpan<ulong> stack, bool leafIsExact = true)
        {
            var names = ArrayPool<SymbolizedAddress>.Shared.Rent(stack.Length);
            symbolizer.Resolve(process, stack, names, leafIsExact);
            return Take(names, stack.Length);
        }

        /// <summary>Names a kernel stack, the innermost address first.</summary>
        internal ImmutableArray<StackFrame> NameKernel(ReadOnlySpan<ulong> stack, bool leafIsExact = true)
        {
            var names = ArrayPool<SymbolizedAddress>.Shared.Rent(stack.Length);
            symbolizer.ResolveKernel(stack, names, leafIsExact);
            return Take(names, stack.Length);
        }
    }

    private static ImmutableArray<StackFrame> Take(SymbolizedAddress[] names, int count)
    {
        var frames = new StackFrame[count];
        for (var i = 0; i < count; i++)
            frames[i] = new(names[i].Address, names[i].Module, names[i].Symbol, names[i].Offset);
        ArrayPool<SymbolizedAddress>.Shared.Return(names, clearArray: true);
        return ImmutableCollectionsMarshal.AsImmutableArray(frames);
    }
}
