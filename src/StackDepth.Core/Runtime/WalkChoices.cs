using System.Collections.Immutable;
using StackDepth.Native.Elf;
using StackDepth.Native.Targets;
using StackDepth.Native.Unwind;

namespace StackDepth.Runtime;

/// <summary>How a walk is going to step through files, decided from their unwind information.</summary>
internal static class WalkChoices
{
    /// <summary>The files of a target that its processes have mapped from the start.</summary>
    internal static ImmutableArray<PlannedFile> Files(ProbeTarget target, ResolveOptions resolve)
    {
        var cache = UnwindCache.OfUser();
        var files = ImmutableArray.CreateBuilder<PlannedFile>();
        foreach (var path in LibraryClosure.Of([target.Path], resolve))
            files.Add(Describe(path, cache));
        return files.ToImmutable();
    }

    /// <summary>How <paramref name="walk"/> steps from a frame at a file offset of a file with this entry.</summary>
    internal static FrameStep Step(StackWalk walk, UnwindFileEntry? entry, ulong offset) => walk switch
    {
        StackWalk.Auto or StackWalk.FramePointer when entry is { PlainLength: > 0 } file && offset - file.PlainStart < file.PlainLength => FrameStep.FramePointer,
        StackWalk.Kernel => FrameStep.Unknown,
        StackWalk.FramePointer => FrameStep.Guess,
        _ => entry?.Flags switch
        {
            UnwindFileFlags.Ready => FrameStep.UnwindRows,
            UnwindFileFlags.NoTable => FrameStep.Guess,
            UnwindFileFlags.Unusable => FrameStep.None,
            _ => FrameStep.Unknown,
        },
    };

    /// <summary>What the entry of a file would be that is not in the kernel's maps.</summary>
    internal static UnwindFileEntry? EntryOf(string path)
    {
        try
        {
            var table = UnwindTables.Load(path, UnwindCache.OfUser()).Table;
            return table.HasRules ? new(0, 0, 0, UnwindFileFlags.Ready, table.Plain.Start, table.Plain.Length) : UnwindFileEntry.Without(UnwindFileFlags.NoTable);
        }
        catch (Exception error) when (error is ElfException or IOException)
        {
            return UnwindFileEntry.Without(UnwindFileFlags.Unusable);
        }
    }

    private static PlannedFile Describe(string path, UnwindCache cache)
    {
        try
        {
            var table = UnwindTables.Load(path, cache).Table;
            return new(path, table.HasRules ? table.Rows.Length : 0, table.Report.UnsupportedRows, table.Plain.Length, null);
        }
        catch (Exception error) when (error is ElfException or IOException)
        {
            return new(path, 0, 0, 0, error.Message);
        }
    }
}
