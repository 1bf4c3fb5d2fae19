using System.Collections.Immutable;

namespace StackDepth.Native.Asm;

/// <summary>Code that cannot be assembled. It is a fault of the code's author, never of a target: all errors are listed at once.</summary>
internal sealed class AssemblyException : InvalidOperationException
{
    internal AssemblyException(ImmutableArray<string> errors)
        : base($"The eBPF program has {errors.Length} assembly error{(errors.Length == 1 ? "" : "s")}:\n  {string.Join("\n  ", errors)}") =>
        Errors = errors;

    /// <summary>Every error, in the order of the instructions.</summary>
    internal ImmutableArray<string> Errors { get; }
}
