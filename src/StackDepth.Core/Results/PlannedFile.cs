namespace StackDepth;

/// <summary>A file whose code is on the stacks from the start, and what its unwind information is worth.</summary>
/// <param name="Path">The file.</param>
/// <param name="Rows">Its unwind rows.</param>
/// <param name="UnsupportedRows">Those of them that a walk cannot express: stacks through them are broken.</param>
/// <param name="PlainBytes">How many bytes of its text, in one stretch, provably have their caller at the frame pointer at every call: there <see cref="StackWalk.Auto"/> steps by it, elsewhere by the rows.</param>
/// <param name="Problem">Why it cannot be used; null where it can.</param>
public sealed record PlannedFile(string Path, int Rows, int UnsupportedRows, long PlainBytes, string? Problem)
{
    /// <summary>One line for people.</summary>
    public override string ToString() => Problem is not null ? $"{Path}: {Problem}"
        : Rows == 0 ? $"{Path}: no unwind rows, so a step through it is a guess by frame pointer"
        : $"{Path}: {Rows} unwind rows{(UnsupportedRows > 0 ? $", {UnsupportedRows} of them not expressible" : "")}{(PlainBytes > 0 ? $"; by frame pointer in {PlainBytes} bytes of text" : "")}";
}
