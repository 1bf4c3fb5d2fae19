using System.Collections.Immutable;
using StackDepth.Compile.Lowering;
using StackDepth.Compile.Passes;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>One of the probes of a query, and what its program depends on beside it.</summary>
/// <param name="Query">The query of this probe alone: see <see cref="IrQuery.Branches"/>.</param>
/// <param name="Target">What it is compiled for; the number of sites is that of all probes.</param>
internal sealed record CompileBranch(IrQuery Query, CompileTarget Target);

/// <summary>The way from a query to its programs, top to bottom. Pure: no file, no system call, no clock.</summary>
internal static class ProbeCompiler
{
    internal static CompiledQuery Compile(IrQuery query, CompileTarget target) => Compile(ImmutableArray.CreateRange(query.Branches, branch => new CompileBranch(branch, target)));

    /// <summary>Compiles each probe as the query of one probe that it is; what they share are the maps.</summary>
    internal static CompiledQuery Compile(ImmutableArray<CompileBranch> branches)
    {
        // First each by itself: what is too large to be looked at is refused there.
        var programs = ImmutableArray.CreateRange(branches, static branch => Steps(branch.Query, branch.Target));
        CheckState.Run(ImmutableArray.CreateRange(branches, static branch => branch.Query));
        var numbers = SharedNumbers.Of(programs);
        if (branches is [var single])
            return ProgramLowering.Run(programs[0], single.Target, numbers);
        return JoinPrograms.Run([.. programs.Zip(branches, (program, branch) => ProgramLowering.Run(program, branch.Target, numbers))]);
    }

    /// <summary>The steps at one probe.</summary>
    internal static IrProgram Steps(IrQuery query, CompileTarget target)
    {
        TypeCheck.Run(query);
        var named = NameWalks.Run(query, target);
        var folded = FoldConstants.Run(named);
        var ordered = OrderPredicates.Run(folded);
        return Linearize.Run(ordered, target);
    }
}
