namespace StackDepth.Native.Symbols;

/// <summary>What is known of an address.</summary>
/// <param name="Address">The address.</param>
/// <param name="Module">
/// The file's path as its process sees it, <c>[vdso]</c>, <c>[jit]</c> for code that a perf map names, <c>[anon]</c> for other memory without a file, <c>[kernel]</c>, <c>[name]</c> for a
/// kernel module; null where nothing is mapped, or what is is not known. Not escaped.
/// </param>
/// <param name="Symbol">The function's name; null when there is none. Not escaped.</param>
/// <param name="Offset">From the function's start; without a symbol the virtual address in an ELF file, the offset in any other file or mapping, and 0 without a module.</param>
internal readonly record struct SymbolizedAddress(ulong Address, string? Module, string? Symbol, ulong Offset);
