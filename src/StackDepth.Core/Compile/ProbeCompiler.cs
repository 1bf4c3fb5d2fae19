using StackDepth.Compile.Lowering;
using StackDepth.Compile.Passes;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>The way from a query to a program, top to bottom. Pure: no file, no system call, no clock.</summary>
internal static class ProbeCompiler
{
    internal static CompiledQuery Compile(IrQuery query, CompileTarget target)
    {
        TypeCheck.Run(query);
        var folded = FoldConstants.Run(query);
        var ordered = OrderPredicates.Run(folded);
        var program = Linearize.Run(ordered, target);
        return ProgramLowering.Run(program, target);
    }
}
