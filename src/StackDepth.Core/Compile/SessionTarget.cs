using StackDepth.Native.Link;

namespace StackDepth.Compile;

/// <summary>How one program is at the entries of functions and at the returns of the same activations: what it calls, and how it knows which returns are lost.</summary>
/// <param name="Functions">The kernel functions that it calls.</param>
/// <param name="Nesting">Tells which returns the kernel will not report; null at functions of the kernel, and where the kernel does not describe its types.</param>
internal sealed record SessionTarget(SessionFunctions Functions, ReturnNesting? Nesting);
