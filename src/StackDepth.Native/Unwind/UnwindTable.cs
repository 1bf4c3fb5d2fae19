namespace StackDepth.Native.Unwind;

/// <summary>A stretch of text by file offset in which a step by frame pointer is right at every return address; a length of 0 is none.</summary>
internal readonly record struct PlainText(uint Start, uint Length);

/// <summary>
/// The unwind rules of one file's text by file offset, in pages of 256 bytes, as the walker in the kernel looks them up. File offsets do not depend on where a process
/// has the file mapped, so one table serves all processes. Not changed after it is made.
/// </summary>
internal sealed class UnwindTable
{
    internal const int PageBits = 8;

    /// <summary>The most rules that the 24 bits of a row can tell apart.</summary>
    internal const int MaxRules = 1 << 24;

    /// <summary>From the first to the last executable byte of a file; larger text is refused.</summary>
    internal const ulong MaxText = 1UL << 30;

    private const uint RuleMask = MaxRules - 1;

    /// <summary>By the rule numbers of <see cref="Rows"/>; number 0 is <see cref="CfaKind.None"/>.</summary>
    internal required UnwindRule[] Rules { get; init; }

    /// <summary>By the rule numbers of <see cref="Rows"/>: which sets of functions the text under the rule belongs to; null where nothing is marked. See <see cref="FunctionMarks"/>.</summary>
    internal byte[]? Marks { get; init; }

    /// <summary>Where <see cref="Plain"/> is marked.</summary>
    internal PlainText MarkedPlain { get; init; }

    /// <summary>File offset >> 8 of the first page.</summary>
    internal required uint FirstPage { get; init; }

    /// <summary>The index in <see cref="Rows"/> of each page's first row, and at the end the number of rows.</summary>
    internal required uint[] PageStarts { get; init; }

    /// <summary>Offset in the page &lt;&lt; 24 | rule number. Each page's first row has offset 0; the others ascend.</summary>
    internal required uint[] Rows { get; init; }

    /// <summary>The longest stretch of text in which, at every return address, CFA = rbp + 16 and the caller's rbp is at CFA - 16. See <see cref="FramePointerProof"/>.</summary>
    internal required PlainText Plain { get; init; }

    /// <summary>The GNU build-id, if the file has one.</summary>
    internal required byte[]? BuildId { get; init; }

    internal required UnwindReport Report { get; init; }

    internal int PageCount => PageStarts.Length - 1;

    /// <summary>Whether any text has rules.</summary>
    internal bool HasRules => Rules.Length > 1;

    /// <summary>The table with the result of the proof; the arrays are the same.</summary>
    internal UnwindTable WithProof(TextMap text, FramePointerProof.Filler fill) =>
        new()
        {
            Rules = Rules,
            FirstPage = FirstPage,
            PageStarts = PageStarts,
            Rows = Rows,
            Plain = FramePointerProof.Longest(this, text, fill),
            BuildId = BuildId,
            Report = Report,
        };

    /// <summary>The rule for a file offset; None outside the text.</summary>
    internal UnwindRule Find(ulong fileOffset)
    {
        var page = unchecked((fileOffset >> PageBits) - FirstPage);
        if (page >= (ulong)PageCount)
        {
            return default;
        }

        var row = PageStarts[(int)page + 1] - 1;
        while (OffsetOf(Rows[row]) > (byte)fileOffset)
        {
            row--;
        }

        return Rules[RuleOf(Rows[row])];
    }

    internal static uint Row(uint offsetInPage, uint rule) => (offsetInPage << 24) | rule;

    internal static uint OffsetOf(uint row) => row >> 24;

    internal static uint RuleOf(uint row) => row & RuleMask;
}
