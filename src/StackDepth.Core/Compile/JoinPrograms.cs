using System.Collections.Immutable;
using System.Globalization;
using StackDepth.Ir;
using StackDepth.Native.Spec;

namespace StackDepth.Compile;

/// <summary>
/// Makes one query of programs that were compiled by themselves. Maps of one name are one map, as large as the largest. Only the memory that a program works in stays its own: one can interrupt
/// another on a CPU, and each lays it out as it needs it.
/// </summary>
internal static class JoinPrograms
{
    private static readonly ImmutableArray<string> s_own = [MapNames.Scratch, MapNames.Walks, MapNames.Python];

    internal static CompiledQuery Run(ImmutableArray<CompiledQuery> queries)
    {
        var programs = ImmutableArray.CreateBuilder<CompiledProgram>(queries.Length);
        List<MapSpec> maps = [];
        for (var index = 0; index < queries.Length; index++)
        {
            var query = queries[index];
            var suffix = index == 0 ? "" : (index + 1).ToString(CultureInfo.InvariantCulture);
            foreach (var map in query.Maps)
                Add(maps, s_own.Contains(map.Name) ? map with { Name = map.Name + suffix } : map);
            programs.Add(new(query.Ir, Rename(query.Program, suffix)));
        }
        // A silent program has no result of its own.
        return queries.First(static query => query.Ir.Statements[^1] is not Deliver { Sink: IrDiscard }) with { Programs = programs.MoveToImmutable(), Maps = [.. maps] };
    }

    private static void Add(List<MapSpec> maps, MapSpec map)
    {
        var index = maps.FindIndex(other => other.Name == map.Name);
        if (index < 0)
        {
            maps.Add(map);
            return;
        }
        var other = maps[index];
        if (other.Type != map.Type || other.KeySize != map.KeySize)
            throw new InvalidOperationException($"Two programs of a query mean different maps by {map.Name}. Please report this.");
        maps[index] = other with { ValueSize = int.Max(other.ValueSize, map.ValueSize), MaxEntries = int.Max(other.MaxEntries, map.MaxEntries), Flags = other.Flags | map.Flags };
    }

    private static ProgramSpec Rename(ProgramSpec program, string suffix) => suffix.Length == 0 ? program : program with
    {
        Instructions = [.. program.Instructions.Select(instruction => instruction.Map is { } name && s_own.Contains(name) ? instruction with { Map = name + suffix } : instruction)],
    };
}
