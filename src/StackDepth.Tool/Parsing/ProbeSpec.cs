namespace StackDepth.Tool.Parsing;

/// <summary>A probe as the user named it.</summary>
/// <param name="Text">As it was written.</param>
/// <param name="Binary">The file, program or library.</param>
/// <param name="Symbols">The function, glob, <c>symbol+offset</c> or address.</param>
internal sealed record ProbeSpec(string Text, string Binary, string Symbols);
