using System.Buffers.Binary;
using System.Runtime.InteropServices;
using StackDepth.Compile;
using StackDepth.Native.Load;
using StackDepth.Symbols;

namespace StackDepth.Runtime;

/// <summary>
/// The stacks of a session by the numbers that the kernel gave them (<see cref="StackNode"/>), named when they are first asked for, and remembered. What a target can make of it is bounded: of a deep stack the ends are
/// delivered, and of later ones less once there are very many. Thread-safe.
/// </summary>
internal sealed class StackTable(BpfMap nodes, FrameNames names)
{
    /// <summary>The most frames of a stack that are delivered.</summary>
    internal const int MostFrames = 4096;

    /// <summary>So many once those that are remembered have <see cref="ManyFrames"/> together.</summary>
    internal const int FewFrames = 64;

    private const int ManyFrames = 1 << 21;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, CallStack> _stacks = [];
    private long _frames;

    internal CallStack this[long number]
    {
        get
        {
            lock (_gate)
            {
                if (_stacks.TryGetValue(number, out var stack))
                    return stack;
                stack = Read(number, _frames < ManyFrames ? MostFrames : FewFrames);
                _frames += stack.Span.Length;
                _stacks.Add(number, stack);
                return stack;
            }
        }
    }

    /// <summary>Forgets what it remembers once that is much: for streams, whose values nobody asks for again.</summary>
    internal void Trim()
    {
        lock (_gate)
        {
            if (_frames < ManyFrames / 8)
                return;
            _stacks.Clear();
            _frames = 0;
        }
    }

    private CallStack Read(long number, int most)
    {
        var last = Node(number);
        var process = (int)Word(last, StackNode.Process);
        var trail = StackTrail.Expand(Entries(last), most);
        var head = Name(trail.Head, isLeaf: true);
        var tail = Name(trail.Tail, isLeaf: false);
        return new CallStack([.. head, .. tail], (StackReason)Word(last, StackNode.Reason))
        {
            ProcessId = process,
            Omitted = (int)trail.Omitted,
            OmittedAt = head.Length,
            OmittedDigest = trail.Omitted > 0 ? trail.Digest : 0,
        };

        ReadOnlySpan<StackFrame> Name(ulong[] addresses, bool isLeaf) => addresses.Length == 0 ? []
            : (process == 0 ? names.NameKernel(addresses, leafIsExact: false) : names.Name(process, Word(last, StackNode.Started), addresses, isLeaf && Word(last, StackNode.Skipped) == 0, Word(last, StackNode.Time))).AsSpan();
    }

    /// <summary>The entries of a stack's trail, the innermost first.</summary>
    private ulong[] Entries(byte[] last)
    {
        var entries = new ulong[long.Min(Word(last, StackNode.Length), (long)nodes.Spec.MaxEntries * StackNode.EntryCount)];
        var number = Word(last, StackNode.Parent);
        for (var end = entries.Length; end > 0 && number != 0;)
        {
            var node = Node(number);
            var first = (end - 1) & ~(StackNode.EntryCount - 1);
            for (var index = first; index < end; index++)
                entries[index] = (ulong)Word(node, StackNode.Entries + ((index - first) * sizeof(long)));
            end = first;
            number = Word(node, StackNode.Parent);
        }
        return entries;
    }

    private byte[] Node(long number)
    {
        var node = new byte[nodes.ValueStride];
        return number > 0 && number < nodes.Spec.MaxEntries && nodes.TryLookup(MemoryMarshal.AsBytes([(int)number]), node)
            ? node
            : throw new InvalidOperationException($"The kernel named node {number} of a stack, and there is none. Please report this.");
    }

    private static long Word(byte[] node, int offset) => BinaryPrimitives.ReadInt64LittleEndian(node.AsSpan(offset));
}
