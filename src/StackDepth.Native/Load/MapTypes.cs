using StackDepth.Native.Btf;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>
/// The types of a map's key and value, which the kernel wants to know of the storage of tasks (bpf_local_storage_map_alloc_check in kernel/bpf/bpf_local_storage.c): an int, and an array of words.
/// </summary>
internal sealed class MapTypes : IDisposable
{
    private MapTypes(FileDescriptor btf, uint key, uint value) => (Btf, Key, Value) = (btf, key, value);

    internal FileDescriptor Btf { get; }

    internal uint Key { get; }

    internal uint Value { get; }

    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal static MapTypes Describe(MapSpec spec, SystemCalls sys)
    {
        var builder = new BtfBuilder();
        var value = builder.AddArray(builder.UInt64, (uint)(spec.ValueSize / sizeof(long)));
        return new(BtfObject.Load(builder.Build(), sys), builder.Int32, value);
    }

    public void Dispose() => Btf.Dispose();
}
