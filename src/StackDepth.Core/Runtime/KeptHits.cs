using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Ir;
using StackDepth.Native.Load;
using StackDepth.Symbols;

namespace StackDepth.Runtime;

/// <summary>A hit that was kept, its frames named.</summary>
internal sealed record KeptHit(long Value, int ProcessId, int ThreadId, string Comm, ProbeFunction Function, CallStack Stack);

/// <summary>The hits that were kept of a key, the best first.</summary>
internal sealed record KeptGroup(byte[] Key, ImmutableArray<KeptHit> Hits);

/// <summary>Reads the kept hits out of the maps, the best first.</summary>
internal static class KeptHits
{
    // A place is written within a walk's time; whoever writes it can be preempted there.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    /// <summary>The hits that are kept over all; with <paramref name="taking"/> they no longer are.</summary>
    /// <exception cref="StackDepthException">A hit is being written for longer than any walk takes.</exception>
    internal static ImmutableArray<KeptHit> Read(KernelMaps maps, KeptLayout layout, SiteTable sites, FrameNames names, KeptIntervals? taking) => Read(maps, [], 0, layout, sites, names, taking);

    /// <summary>The hits of each key; with <paramref name="taking"/> they no longer are kept.</summary>
    /// <exception cref="StackDepthException">A hit is being written for longer than any walk takes.</exception>
    internal static ImmutableArray<KeptGroup> ReadGroups(KernelMaps maps, KeptLayout layout, SiteTable sites, FrameNames names, KeptIntervals? taking)
    {
        List<(byte[] Key, int First)> keys = [];
        maps[MapNames.KeptOrder].ReadAll((key, order) => keys.Add((key.ToArray(), (int)BinaryPrimitives.ReadInt64LittleEndian(order[layout.OrderFirst..]))));
        return [.. keys.Where(static key => key.First != 0).Select(key => new KeptGroup(key.Key, Read(maps, key.Key, key.First, layout, sites, names, taking)))];
    }

    private static ImmutableArray<KeptHit> Read(KernelMaps maps, byte[] key, int first, KeptLayout layout, SiteTable sites, FrameNames names, KeptIntervals? taking)
    {
        List<byte[]> places = [];
        for (var index = 0; index < layout.Places; index++)
        {
            var number = first + index;
            var place = taking is null ? ReadPlace(maps[MapNames.Kept], number) : taking.Take(key, index, number, () => ReadPlace(maps[MapNames.Kept], number));
            if (place is not null && Value(place) != 0)
                places.Add(place);
        }
        // Of equal ones any: which came first is not known.
        return [.. places.OrderByDescending(Value).Take(layout.Keep.Count).Select(place => Decode(place, layout, sites, names))];
    }

    private static ulong Value(byte[] place) => BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Value));

    /// <summary>A place as it was at one moment: a copy whose version is even, and still the place's when the copy is complete. Null where it is not there yet.</summary>
    private static byte[]? ReadPlace(BpfMap kept, int index)
    {
        var began = Stopwatch.GetTimestamp();
        var (before, after) = (new byte[kept.ValueStride], new byte[kept.ValueStride]);
        var wait = default(SpinWait);
        while (true)
        {
            if (!kept.TryLookup(MemoryMarshal.AsBytes([index]), before) || !kept.TryLookup(MemoryMarshal.AsBytes([index]), after))
                return null;
            if (Version(before) is var version && (version & 1) == 0 && version == Version(after))
                return before;
            if (Stopwatch.GetElapsedTime(began) > s_patience)
                throw new StackDepthException("A hit is being kept in the kernel for longer than a second: the thread that is to write it does not run. Read the result again.");
            wait.SpinOnce();
        }

        static ulong Version(byte[] place) => BinaryPrimitives.ReadUInt64LittleEndian(place.AsSpan(KeptLayout.Version));
    }

    private static KeptHit Decode(byte[] place, KeptLayout layout, SiteTable sites, FrameNames names)
    {
        var encoded = Value(place);
        var value = layout.Keep.Maximum ? AggregateLayout.DecodeMaximum(encoded) : AggregateLayout.DecodeMinimum(encoded);
        var process = BinaryPrimitives.ReadInt32LittleEndian(place.AsSpan(KeptLayout.Ids + sizeof(int)));
        var thread = BinaryPrimitives.ReadInt32LittleEndian(place.AsSpan(KeptLayout.Ids));
        var comm = new EventReader(place.AsSpan(KeptLayout.Comm), sites).Next<string>();
        var function = sites[BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Site))];
        var started = BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Started));
        var time = BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Time));
        var reason = (StackReason)BinaryPrimitives.ReadInt64LittleEndian(place.AsSpan(KeptLayout.Reason));
        var trail = FrameTrail.Read(place, layout.Frames);
        var stack = new CallStack([.. Name(trail.Head, isLeaf: true), .. Name(trail.Tail, isLeaf: false)], reason) { Omitted = (int)trail.Omitted, OmittedAt = trail.Head.Length };
        return new(value!.Value, process, thread, comm, function, stack);

        ImmutableArray<StackFrame> Name(ulong[] addresses, bool isLeaf) =>
            layout.Stack.Kind == StackKind.Kernel ? names.NameKernel(addresses, leafIsExact: false) : names.Name(process, started, addresses, isLeaf, time);
    }
}
