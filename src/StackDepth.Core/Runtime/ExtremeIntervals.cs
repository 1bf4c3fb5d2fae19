using System.Buffers.Binary;
using StackDepth.Compile;
using StackDepth.Native.Load;

namespace StackDepth.Runtime;

/// <summary>Takes extremes and last values out of the kernel (<see cref="ExtremeTaker"/>).</summary>
internal sealed class ExtremeIntervals(ExtremeTaker taker, BpfProgram program, int cpus) : IDisposable
{
    /// <summary>Replaces the extremes and last values of an aggregate by those that are taken out of the kernel.</summary>
    /// <param name="key">The group's key; of the total, the index in the results.</param>
    /// <param name="value">The aggregate as it was read.</param>
    internal void Take(ReadOnlySpan<byte> key, AggregateValue value)
    {
        value.ClearExtremes();
        var context = new byte[taker.ContextBytes];
        for (var cpu = 0; cpu < cpus; cpu++)
        {
            context.AsSpan().Clear();
            BinaryPrimitives.WriteInt64LittleEndian(context.AsSpan(ExtremeTaker.Cpu), cpu);
            key.CopyTo(context.AsSpan(ExtremeTaker.Key));
            program.Run(context);
            value.MergeExtremes(taker.Words(), context.AsSpan(taker.Taken));
        }
    }

    public void Dispose() => program.Dispose();
}
