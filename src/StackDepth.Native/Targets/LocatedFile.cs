namespace StackDepth.Native.Targets;

/// <summary>A file that was found for a target.</summary>
/// <param name="Path">Its path inside the root directory of the process that is meant, links followed.</param>
/// <param name="OpenPath">The path to open from here: below /proc/PID/root, a map_files link, or the same.</param>
/// <param name="Note">What to tell the user about how it was found.</param>
internal sealed record LocatedFile(string Path, string OpenPath, string? Note = null)
{
    internal string FileName => System.IO.Path.GetFileName(Path);

    internal LocatedFile WithNote(string? note) => note is null ? this : this with { Note = Note is null ? note : $"{Note}; {note}" };
}
