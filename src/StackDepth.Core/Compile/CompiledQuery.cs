using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Python;
using StackDepth.Native.Spec;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile;

/// <summary>The program of one probe.</summary>
internal sealed record CompiledProgram(IrProgram Ir, ProgramSpec Program)
{
    /// <summary>How the program walks user stacks first; the kernel's walk where it walks none.</summary>
    internal StackWalk UserWalk
    {
        get
        {
            foreach (var statement in Ir.Statements)
            {
                if (statement is Capture { Stack.Kind: StackKind.User } capture)
                    return capture.Walk;
            }
            return StackWalk.Kernel;
        }
    }
}

/// <summary>A query as the kernel gets it: inert and comparable.</summary>
/// <param name="Programs">A program for each probe, in their order.</param>
/// <param name="Maps">The maps, which the programs share.</param>
/// <param name="Results">How the counters and the ungrouped aggregate lie.</param>
/// <param name="Aggregate">What is aggregated; null where nothing is.</param>
/// <param name="Event">A record of the ring buffer; null where there is none.</param>
/// <param name="Key">The key of a group; null where there are no groups.</param>
/// <param name="Kept">The kept hits; null where none are.</param>
internal sealed record CompiledQuery(
    ImmutableArray<CompiledProgram> Programs, ImmutableArray<MapSpec> Maps, ResultLayout Results, AggregateLayout? Aggregate, EventLayout? Event, EventLayout? Key, KeptLayout? Kept = null)
{
    /// <summary>The steps at the first probe.</summary>
    internal IrProgram Ir => Programs[0].Ir;

    /// <summary>The program of the first probe.</summary>
    internal ProgramSpec Program => Programs[0].Program;

    /// <summary>The sets of functions whose frames are counted, in the order of their numbers.</summary>
    internal ImmutableArray<IrFunctions> Counted { get; init; } = [];

    /// <summary>Whether the hits of a command and its descendants count.</summary>
    internal bool FollowsCommand
    {
        get
        {
            foreach (var program in Programs)
            {
                if (program.Ir.Statements is [FilterProcess { Scope: ProcessScope.Followed }, ..])
                    return true;
            }
            return false;
        }
    }

    /// <summary>Whether a program keeps the activations of threads.</summary>
    internal bool CountsActivations => Has(MapNames.Activations);

    /// <summary>Whether a program walks stacks by unwind tables.</summary>
    internal bool NeedsTables => Has(UnwindMaps.FilesName);

    /// <summary>Whether a program counts hits that needed a variable that was not set.</summary>
    internal bool CountsUnset => Has(MapNames.Unset);

    /// <summary>Whether a program counts Python's frames.</summary>
    internal bool UsesPython => Has(PythonMaps.FilesName);

    /// <summary>The folders of the cgroups that the programs ask for, in the order of their numbers.</summary>
    internal ImmutableArray<string> Cgroups { get; init; } = [];

    /// <summary>Whether a program delivers stacks with their frames.</summary>
    internal bool DeliversStacks => Has(MapNames.StackNodes);

    /// <summary>Whether frames of user stacks are to be named.</summary>
    internal bool NamesUserFrames => Kept is { Stack.Kind: StackKind.User }
        || Programs.Any(static program => program.Ir.Statements.Any(static statement => statement is Capture { Stack: { Frames: not null, Kind: StackKind.User } }));

    public bool Equals(CompiledQuery? other) =>
        other is not null && Programs.SequenceEqual(other.Programs) && Maps.SequenceEqual(other.Maps) && Results == other.Results
        && Aggregate == other.Aggregate && Event == other.Event && Key == other.Key && Kept == other.Kept;

    public override int GetHashCode() => HashCode.Combine(Ir, Program, Maps.Length, Results);

    private bool Has(string name)
    {
        foreach (var map in Maps)
        {
            if (map.Name == name)
                return true;
        }
        return false;
    }
}
