using System.Buffers.Binary;
using System.Text;
using StackDepth.Compile;
using StackDepth.Ir;

namespace StackDepth.Tests.Generated;

/// <summary>What a program writes, as text that can be compared: in hexadecimal, and each stack as what it is and not as its number.</summary>
internal static class WireText
{
    /// <param name="bytes">A record or key.</param>
    /// <param name="layout">How it lies.</param>
    /// <param name="node">The node of stacks with a number (<see cref="StackNode"/>).</param>
    internal static string Of(byte[] bytes, EventLayout layout, Func<long, byte[]> node)
    {
        var text = new StringBuilder();
        for (var field = 0; field < layout.Fields.Length; field++)
        {
            var value = bytes.AsSpan(layout.Offsets[field], layout.Sizes[field]);
            text.Append(layout.Fields[field] == IrType.Stack ? Stack(BinaryPrimitives.ReadInt64LittleEndian(value), node) : Convert.ToHexString(value));
        }
        return text.ToString();
    }

    internal static string Stack(int process, StackReason reason, IEnumerable<ulong> frames) => $"<{process} {reason} {string.Join(' ', frames)}>";

    /// <summary>The 16 bytes of a thread's name.</summary>
    internal static byte[] Comm(string text)
    {
        var comm = new byte[EventLayout.CommBytes];
        Encoding.UTF8.GetBytes(text, comm);
        return comm;
    }

    /// <summary>The stack with a number, from its chain of nodes.</summary>
    private static string Stack(long number, Func<long, byte[]> node)
    {
        var last = node(number);
        List<ulong> frames = [];
        for (var (left, parent) = (Word(last, StackNode.Length), Word(last, StackNode.Parent)); left > 0; parent = Word(node(parent), StackNode.Parent))
        {
            var count = (int)((left - 1) % StackNode.EntryCount) + 1;
            frames.InsertRange(0, Enumerable.Range(0, count).Select(entry => (ulong)Word(node(parent), StackNode.Entries + (entry * 8))));
            left -= count;
        }
        return Stack((int)Word(last, StackNode.Process), (StackReason)Word(last, StackNode.Reason), frames);

        static long Word(byte[] node, int offset) => BinaryPrimitives.ReadInt64LittleEndian(node.AsSpan(offset));
    }
}
