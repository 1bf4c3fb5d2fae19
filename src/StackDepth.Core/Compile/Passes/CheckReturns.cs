using StackDepth.Ir;
using StackDepth.Native.Targets;

namespace StackDepth.Compile.Passes;

/// <summary>Refuses what cannot be had at returns, and what can be had there only.</summary>
internal static class CheckReturns
{
    internal static void Run(IrQuery query)
    {
        if (!query.Probe.IsReturn)
        {
            if (Uses(query, static node => node is IrReturnValue))
                throw new ProbeQueryException($"A result is there at a function's return only, and {query.Probe} is none. Use Probe.URetProbe or Probe.KRetProbe.");
            if (CompileTarget.TakesTime(query))
                throw new ProbeQueryException($"How long a function took is known at its return only, and {query.Probe} is none. Use Probe.URetProbe or Probe.KRetProbe.");
            return;
        }
        if (Uses(query, static node => node is IrArgument))
            throw new ProbeQueryException("At a function's return its arguments are gone: their registers have been used for other things. Ask for them at the entry, by Probe.UProbe or Probe.KProbe.");
        if (CompileTarget.CountsActivations(query))
            throw new ProbeQueryException("Recursion is counted by the stack pointers at a function's entries, and this is a probe of its returns. Use Probe.UProbe.");
        // The kernel takes what lies at the stack pointer for the return address, and replaces it: elsewhere than at an entry that breaks the program.
        if (query.Probe is IrUserReturnProbe user && !SymbolQuery.IsFunction(user.Symbols))
            throw new ProbeQueryException($"A function returns as a whole, and \"{user.Symbols}\" names an instruction. Name the function, without an offset.");
    }

    private static bool Uses(IrQuery query, Func<IrExpression, bool> test) => query.Expressions.Any(expression => expression.Any(test));
}
