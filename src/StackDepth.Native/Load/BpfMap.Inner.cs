using System.Runtime.InteropServices;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Load;

/// <summary>Maps in the slots of a map of maps. A slot holds its map alive: the descriptor may be closed once nobody writes to it any more.</summary>
internal sealed unsafe partial class BpfMap
{
    /// <summary>Creates a map that fits into a slot. It is the caller's.</summary>
    /// <exception cref="KernelException">The kernel refuses.</exception>
    internal BpfMap CreateInner() => Create(InnerSpec, PossibleCpus, _sys);

    /// <summary>
    /// Puts maps into slots, from <paramref name="firstSlot"/> on. The kernel waits for a grace period of RCU at every call that changes such a slot, so that programs see
    /// no map that was taken out (kernel commit 1ae80cf31938): milliseconds, once for all of them where it takes them in a batch.
    /// </summary>
    /// <exception cref="KernelException">The kernel refuses. Some of the slots may be filled.</exception>
    internal void SetInner(uint firstSlot, params ReadOnlySpan<BpfMap> maps)
    {
        _ = InnerSpec;
        var held = new List<SafeHandle>(maps.Length);
        try
        {
            var slots = new uint[maps.Length];
            var descriptors = new uint[maps.Length];
            for (var i = 0; i < maps.Length; i++)
            {
                var added = false;
                maps[i].Handle.DangerousAddRef(ref added);
                held.Add(maps[i].Handle);
                (slots[i], descriptors[i]) = (firstSlot + (uint)i, (uint)maps[i].Fd);
            }

            UpdateAll(MemoryMarshal.AsBytes(slots.AsSpan()), MemoryMarshal.AsBytes(descriptors.AsSpan()));
        }
        finally
        {
            held.ForEach(static map => map.DangerousRelease());
        }
    }

    private MapSpec InnerSpec => Spec.Inner ?? throw new InvalidOperationException($"Map '{Spec.Name}' ({Spec.Type}) holds no maps.");
}
