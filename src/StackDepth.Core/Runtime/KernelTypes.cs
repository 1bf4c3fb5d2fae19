using StackDepth.Compile;
using StackDepth.Native.Btf;
using StackDepth.Native.Link;
using StackDepth.Native.Threads;

namespace StackDepth.Runtime;

/// <summary>The running kernel's types. They do not change while it runs, so they are read once.</summary>
internal static class KernelTypes
{
    private static readonly Lazy<KernelOffsets?> _fields = new(static () => VmlinuxBtf.TryRead() is { } btf ? KernelOffsets.Read(btf) : null);

    private static readonly Lazy<ThreadOffsets?> _threads = new(static () => VmlinuxBtf.TryRead() is { } btf ? ThreadOffsets.Read(btf) : null);

    /// <summary>What the iterators over threads need beside <see cref="Fields"/>; null where the kernel does not describe its types.</summary>
    /// <exception cref="InvalidDataException">The description lacks one of them.</exception>
    internal static ThreadOffsets? Threads => _threads.Value;

    private static readonly Lazy<SessionTarget?> _session = new(static () =>
        VmlinuxBtf.TryRead() is { } btf && SessionFunctions.Find(btf) is { } functions ? new SessionTarget(functions, ReturnNesting.Read(btf)) : null);

    /// <summary>What programs of sessions call; null where the kernel does not describe it, or has no sessions.</summary>
    internal static SessionTarget? Session => _session.Value;

    /// <summary>Where the fields are that our programs read; null where the kernel does not describe its types.</summary>
    /// <exception cref="InvalidDataException">The description lacks one of them.</exception>
    internal static KernelOffsets? Fields => _fields.Value;
}
