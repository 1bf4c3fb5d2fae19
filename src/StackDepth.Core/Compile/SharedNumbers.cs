using System.Collections.Immutable;
using StackDepth.Ir;

namespace StackDepth.Compile;

/// <summary>What all programs of a query call by the same numbers.</summary>
/// <param name="Counted">The sets of functions whose frames are counted.</param>
/// <param name="Cgroups">The folders of the cgroups that are asked for.</param>
internal sealed record SharedNumbers(ImmutableArray<IrFunctions> Counted, ImmutableArray<string> Cgroups)
{
    internal static SharedNumbers Of(params ImmutableArray<IrProgram> programs) => new(
        [.. programs.SelectMany(static program => program.Counted).Distinct()],
        [.. programs.SelectMany(static program => program.Statements).OfType<LoadInCgroup>().Select(static load => load.Cgroup.Path).Distinct()]);
}
