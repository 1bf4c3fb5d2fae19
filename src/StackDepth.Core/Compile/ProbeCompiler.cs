using StackDepth.Compile.Lowering;
using StackDepth.Compile.Passes;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>The way from a query to a program, top to bottom. Pure: no file, no system call, no clock.</summary>
internal static class ProbeCompiler
{
    internal static CompiledQuery Compile(IrQuery query, CompileTarget target) => ProgramLowering.Run(Steps(query, target), target);

    internal static IrProgram Steps(IrQuery query, CompileTarget target)
    {
        TypeCheck.Run(query);
        var named = NameWalks.Run(query, target);
        var folded = FoldConstants.Run(named);
        var ordered = OrderPredicates.Run(folded);
        return Linearize.Run(ordered, target);
    }
}
