using StackDepth.Native.Elf;

namespace StackDepth.Tool.Output;

/// <summary>Names come from the target: what could steer the terminal is escaped.</summary>
internal static class PrintableName
{
    /// <summary>The name with control, format and separator characters as <c>\xNN</c> or <c>\u{NNNN}</c>.</summary>
    internal static string Of(string name) => PrintableText.EscapeAll(name);
}
