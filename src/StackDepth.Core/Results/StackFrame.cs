using System.Globalization;
using StackDepth.Native.Elf;

namespace StackDepth;

/// <summary>A frame of a call stack. Names are as the target has them: <see cref="ToString"/> escapes what could steer a terminal.</summary>
/// <param name="Address">The address of the instruction, or where the call returns to.</param>
/// <param name="Module">
/// The file's path as its process sees it; or <c>[vdso]</c>, <c>[jit]</c> for code that a perf map names, <c>[anon]</c> for other memory without a file, <c>[kernel]</c>, <c>[name]</c> for a
/// kernel module. Null where nothing is known to be mapped.
/// </param>
/// <param name="Symbol">The function, demangled; null when no symbol covers the address.</param>
/// <param name="Offset">From the function's start, in bytes. Without a symbol the virtual address in the ELF file, as <c>addr2line</c> takes it, or the offset in what else is mapped; 0 without a module.</param>
public readonly record struct StackFrame(ulong Address, string? Module, string? Symbol, ulong Offset)
{
    /// <summary><c>function+0x2a (file)</c>, <c>file+0x1234</c> without a symbol, or the address.</summary>
    public override string ToString() => Symbol is null || ModuleText is not { } module ? Place : $"{Place} ({module})";

    /// <summary>Without the module, where there is a symbol.</summary>
    internal string Place => (Symbol is null ? ModuleText : PrintableText.Escape(Symbol)) is { } name
        ? string.Create(CultureInfo.InvariantCulture, $"{name}+0x{Offset:x}")
        : string.Create(CultureInfo.InvariantCulture, $"0x{Address:x}");

    /// <summary>The last part of the module's path.</summary>
    internal string? ModuleText => Module is null ? null : PrintableText.Escape(Module[(Module.LastIndexOf('/') + 1)..]);
}
