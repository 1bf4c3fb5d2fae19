using System.Collections.Immutable;
using StackDepth.Ir;
using StackDepth.Native.Spec;
using StackDepth.Native.Unwind;

namespace StackDepth.Compile;

/// <summary>A query as the kernel gets it: inert and comparable.</summary>
internal sealed record CompiledQuery(IrProgram Ir, ProgramSpec Program, ImmutableArray<MapSpec> Maps, ResultLayout Results, AggregateLayout? Aggregate, EventLayout? Event, EventLayout? Key, KeptLayout? Kept = null)
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

    /// <summary>Whether the hits of a command and its descendants count.</summary>
    internal bool FollowsCommand => Ir.Statements is [FilterProcess { Scope: ProcessScope.Followed }, ..];

    /// <summary>Whether the program keeps the activations of threads.</summary>
    internal bool CountsActivations
    {
        get
        {
            foreach (var map in Maps)
            {
                if (map.Name == MapNames.Activations)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Whether the program walks stacks by unwind tables.</summary>
    internal bool NeedsTables
    {
        get
        {
            foreach (var map in Maps)
            {
                if (map.Name == UnwindMaps.FilesName)
                    return true;
            }
            return false;
        }
    }

    /// <summary>The folders of the cgroups that the program asks for, in the order of their numbers.</summary>
    internal ImmutableArray<string> Cgroups => [.. Ir.Statements.OfType<LoadInCgroup>().Select(static load => load.Cgroup.Path)];

    /// <summary>Whether the program delivers stacks with their frames.</summary>
    internal bool DeliversStacks => Delivers(static _ => true);

    /// <summary>Whether frames of user stacks are to be named.</summary>
    internal bool NamesUserFrames => Kept is { Stack.Kind: StackKind.User } || Delivers(static stack => stack.Kind == StackKind.User);

    private bool Delivers(Func<IrStack, bool> which)
    {
        foreach (var statement in Ir.Statements)
        {
            if (statement is Capture { Stack: { Frames: not null } stack } && which(stack))
                return true;
        }
        return false;
    }

    /// <summary>Whether the program counts Python's frames.</summary>
    internal bool UsesPython => Ir.Statements.Any(static statement => statement is Capture { Stack.Kind: StackKind.Python });

    public bool Equals(CompiledQuery? other) =>
        other is not null && Ir == other.Ir && Program == other.Program && Maps.SequenceEqual(other.Maps) && Results == other.Results
        && Aggregate == other.Aggregate && Event == other.Event && Key == other.Key && Kept == other.Kept;

    public override int GetHashCode() => HashCode.Combine(Ir, Program, Maps.Length, Results);
}
