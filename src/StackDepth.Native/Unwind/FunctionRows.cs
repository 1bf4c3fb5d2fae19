namespace StackDepth.Native.Unwind;

/// <summary>The text that one FDE describes, and its rows.</summary>
internal readonly record struct FunctionRange(uint Start, uint End, int FirstRow, int RowCount);

/// <summary>
/// The rows of all FDEs as they are read: two arrays, nothing per row or function. Offsets count from the first page of the text.
/// </summary>
internal sealed class FunctionRows(int expectedRows)
{
    private ulong[] _rows = new ulong[Math.Max(16, expectedRows)];
    private FunctionRange[] _functions = new FunctionRange[Math.Max(16, expectedRows / 4)];
    private int _functionStart;

    internal int Count { get; private set; }

    internal int RowCount { get; private set; }

    internal ReadOnlySpan<FunctionRange> Functions => _functions.AsSpan(0, Count);

    internal ReadOnlySpan<ulong> Rows => _rows.AsSpan(0, RowCount);

    internal static ulong Pack(uint offset, uint rule) => ((ulong)offset << 32) | rule;

    internal static uint OffsetOf(ulong row) => (uint)(row >> 32);

    internal static uint RuleOf(ulong row) => (uint)row;

    /// <summary>Adds a row to the function that <see cref="End"/> will end. Offsets do not descend; a second row at the same offset replaces the first.</summary>
    internal void Add(uint offset, uint rule)
    {
        if (RowCount > _functionStart)
        {
            ref var last = ref _rows[RowCount - 1];
            if (RuleOf(last) == rule)
            {
                return;
            }

            if (OffsetOf(last) == offset)
            {
                last = Pack(offset, rule);
                return;
            }
        }

        if (RowCount == _rows.Length)
        {
            Array.Resize(ref _rows, RowCount * 2);
        }

        _rows[RowCount++] = Pack(offset, rule);
    }

    internal void End(uint start, uint end)
    {
        if (Count == _functions.Length)
        {
            Array.Resize(ref _functions, Count * 2);
        }

        _functions[Count++] = new(start, end, _functionStart, RowCount - _functionStart);
        _functionStart = RowCount;
    }
}
