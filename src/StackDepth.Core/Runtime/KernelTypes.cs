using StackDepth.Native.Btf;

namespace StackDepth.Runtime;

/// <summary>The running kernel's types. They do not change while it runs, so they are read once.</summary>
internal static class KernelTypes
{
    private static readonly Lazy<KernelOffsets?> _fields = new(static () => VmlinuxBtf.TryRead() is { } btf ? KernelOffsets.Read(btf) : null);

    /// <summary>Where the fields are that our programs read; null where the kernel does not describe its types.</summary>
    /// <exception cref="InvalidDataException">The description lacks one of them.</exception>
    internal static KernelOffsets? Fields => _fields.Value;
}
