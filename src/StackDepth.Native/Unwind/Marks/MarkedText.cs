namespace StackDepth.Native.Unwind;

/// <summary>A stretch of text whose frames are counted.</summary>
/// <param name="Start">The file offset of its first byte.</param>
/// <param name="End">The file offset behind its last one.</param>
/// <param name="Marks">A bit for each set of functions that it belongs to.</param>
internal readonly record struct MarkedText(uint Start, uint End, byte Marks);
