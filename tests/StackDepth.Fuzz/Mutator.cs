using System.Buffers.Binary;

namespace StackDepth.Fuzz;

/// <summary>Makes inputs out of others.</summary>
internal sealed class Mutator(Random random, FuzzTarget target)
{
    private static readonly long[] s_edges = [0, 1, -1, 2, 7, 8, 16, 127, 128, 255, 256, 4095, 4096, 65535, 65536, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue, long.MinValue];

    internal byte[] Next(IReadOnlyList<byte[]> corpus)
    {
        var input = Pick(corpus).ToList();
        for (var changes = 1 << random.Next(5); changes > 0; changes--)
            Change(input, corpus);
        if (input.Count > target.MostBytes)
            input.RemoveRange(target.MostBytes, input.Count - target.MostBytes);
        return [.. input];
    }

    private void Change(List<byte> input, IReadOnlyList<byte[]> corpus)
    {
        var at = random.Next(input.Count + 1);
        var length = int.Min(1 << random.Next(7), input.Count - at);
        switch (random.Next(10))
        {
            case 0 when length > 0:
                input[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when length > 0:
                input[at] = (byte)random.Next(256);
                break;
            case 2 when length > 0:
                input[at] += (byte)random.Next(-8, 9);
                break;
            case 3:
                input.RemoveRange(at, length);
                break;
            case 4:
                input.InsertRange(random.Next(input.Count + 1), input.GetRange(at, length));
                break;
            case 5:
                Overwrite(input, at, Number(sizeof(int)));
                break;
            case 6:
                Overwrite(input, at, Number(1 << random.Next(4)));
                break;
            case 7:
                var other = Pick(corpus);
                var from = random.Next(other.Length + 1);
                input.InsertRange(at, other.AsSpan(from, int.Min(1 << random.Next(10), other.Length - from)).ToArray());
                break;
            case 8 when target.Words.Length > 0:
                input.InsertRange(at, Pick(target.Words));
                break;
            case 9 when target.Words.Length > 0:
                Overwrite(input, at, Pick(target.Words));
                break;
            default:
                input.InsertRange(at, Enumerable.Repeat((byte)random.Next(256), random.Next(1, 9)).ToArray());
                break;
        }
    }

    private byte[] Number(int bytes)
    {
        var number = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(number, s_edges[random.Next(s_edges.Length)]);
        return number[..bytes];
    }

    private static void Overwrite(List<byte> input, int at, byte[] bytes)
    {
        for (var index = 0; index < bytes.Length && at + index < input.Count; index++)
            input[at + index] = bytes[index];
    }

    private T Pick<T>(IReadOnlyList<T> choices) => choices[random.Next(choices.Count)];
}
