namespace StackDepth.Native.Unwind;

/// <summary>What was found in a file's call-frame information.</summary>
/// <param name="Fdes">Frame description entries (FDEs) read that describe executable text of the file.</param>
/// <param name="SkippedFdes">FDEs left out: no bytes, outside the text, or with a common entry or an address that cannot be read.</param>
/// <param name="Rows">Rows of the table.</param>
/// <param name="IsDamaged">The chain of entries is broken somewhere; what follows that place was not read.</param>
/// <param name="Unsupported">Rows of FDEs that became <see cref="CfaKind.Unsupported"/>, by <see cref="UnsupportedReason"/>.</param>
internal sealed record UnwindReport(int Fdes, int SkippedFdes, int Rows, bool IsDamaged, IReadOnlyList<int> Unsupported)
{
    internal const int Reasons = (int)UnsupportedReason.RuleNumbers + 1;

    /// <summary>All rows that cannot be expressed.</summary>
    internal int UnsupportedRows
    {
        get
        {
            var sum = 0;
            foreach (var count in Unsupported)
            {
                sum += count;
            }

            return sum;
        }
    }

    internal int Count(UnsupportedReason reason) => Unsupported[(int)reason];

    public override string ToString()
    {
        var text = $"{Fdes} FDEs ({SkippedFdes} skipped), {Rows} rows, {UnsupportedRows} unsupported";
        for (var reason = 0; reason < Unsupported.Count; reason++)
        {
            text += Unsupported[reason] == 0 ? string.Empty : $", {(UnsupportedReason)reason} {Unsupported[reason]}";
        }

        return IsDamaged ? text + ", damaged" : text;
    }
}
