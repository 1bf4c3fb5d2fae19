namespace StackDepth.Native.Unwind;

/// <summary>What became of a file whose unwind table was wanted.</summary>
internal enum UnwindOutcome
{
    /// <summary>Its table is in the maps.</summary>
    Loaded,

    /// <summary>It has no call frame information, or is code that a program made at run time: only frame pointers can be tried.</summary>
    NoTable,

    /// <summary>It cannot be read or parsed, or there is no room for it: stacks through it are broken.</summary>
    Unusable,

    /// <summary>The process or the mapping that needed it is gone: whoever needs it next asks anew.</summary>
    Gone,
}

/// <summary>News of one file, for the log.</summary>
/// <param name="Outcome">What became of it.</param>
/// <param name="File">Its name, from the target: control characters are escaped.</param>
/// <param name="Detail">Why, where it was not loaded.</param>
/// <param name="Rows">Rows of its table.</param>
/// <param name="Error">What was thrown, if it was.</param>
internal readonly record struct UnwindNotice(UnwindOutcome Outcome, string File, string? Detail = null, int Rows = 0, Exception? Error = null);

/// <summary>What a supplier has done.</summary>
/// <param name="Loaded">Files whose tables are in the maps.</param>
/// <param name="NoTable">Files without call frame information.</param>
/// <param name="Unusable">Files that cannot be used, or found no room.</param>
/// <param name="Gone">Requests whose process or mapping was gone.</param>
/// <param name="Requests">Requests of the walker's.</param>
internal readonly record struct UnwindStatistics(long Loaded, long NoTable, long Unusable, long Gone, long Requests);
