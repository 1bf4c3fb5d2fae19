namespace StackDepth.Ir;

/// <summary>
/// A text in memory, up to its NUL, of which at most <paramref name="MaxBytes"/> bytes are taken. On the wire, and in the BPF stack, it is zero-filled behind its end, and its last byte is 1 where the text
/// was cut: texts that are the same have the same bytes. A new kind says in <c>TextLowering.Read</c> where its address is; all else is the same for all kinds.
/// </summary>
internal abstract record IrMemoryText(int MaxBytes) : IrExpression(IrType.Text)
{
    /// <summary>Two of them, and a walk beside them, fit the BPF stack.</summary>
    internal const int MostBytes = 128;

    /// <summary>What is read: one byte more than is taken tells a text that was cut, and the kernel adds a NUL.</summary>
    internal int ReadBytes => MaxBytes + 2;

    /// <summary>What it takes on the wire.</summary>
    internal int WireBytes => (ReadBytes + 7) & ~7;
}

/// <summary>The text that an argument of the probed function points to.</summary>
/// <param name="Index">The argument.</param>
/// <param name="MaxBytes">How much of it is taken.</param>
internal sealed record IrArgumentText(int Index, int MaxBytes) : IrMemoryText(MaxBytes);

/// <summary>The text that a field of the probe is, or points to.</summary>
/// <param name="Name">The field, as in <see cref="IrField"/>.</param>
/// <param name="MaxBytes">How much of it is taken.</param>
internal sealed record IrFieldText(string Name, int MaxBytes) : IrMemoryText(MaxBytes)
{
    /// <summary>By what its place is found: the number of the same name has another one.</summary>
    internal string Place => $"str({Name})";
}
