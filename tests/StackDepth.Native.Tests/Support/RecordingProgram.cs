using StackDepth.Native.Asm;
using StackDepth.Native.Load;
using StackDepth.Native.Spec;
using StackDepth.Native.Sys;

namespace StackDepth.Native.Tests.Support;

/// <summary>A program that counts its hits and keeps words of its context, of the last hit, in one map.</summary>
internal sealed class RecordingProgram : IDisposable
{
    private const int MostWords = 15;

    private static readonly MapSpec s_values = new("values", MapType.Array, 4, 8 * (1 + MostWords), 1);

    private readonly BpfMap _map = BpfMap.Create(s_values, SystemCalls.Real);

    internal IReadOnlyDictionary<string, BpfMap> Maps => new Dictionary<string, BpfMap> { [s_values.Name] = _map };

    internal ulong Hits => Read(0);

    internal static ProgramSpec Build(ProgramType type, params ReadOnlySpan<int> contextOffsets)
    {
        var code = new Assembler();
        var end = code.CreateLabel("end");
        code.Mov(Register.R6, Register.R1);
        code.Mov(Register.R0, 0);
        code.Store(MemorySize.W, Register.R10, -4, Register.R0);
        code.LookUp(s_values.Name, -4, end);
        code.AddOne();
        for (var i = 0; i < contextOffsets.Length; i++)
        {
            code.Load(MemorySize.DW, Register.R1, Register.R6, (short)contextOffsets[i]);
            code.Store(MemorySize.DW, Register.R0, (short)(8 * (i + 1)), Register.R1);
        }

        code.Place(end);
        code.Mov(Register.R0, 0);
        code.Exit();
        return new() { Name = "record", Type = type, Instructions = code.Assemble().Instructions };
    }

    /// <summary>The n-th word kept, from 1.</summary>
    internal ulong Read(int word)
    {
        Span<byte> value = stackalloc byte[s_values.ValueSize];
        Span<byte> key = stackalloc byte[4];
        key.Clear();
        Assert.True(_map.TryLookup(key, value));
        return BitConverter.ToUInt64(value[(8 * word)..]);
    }

    public void Dispose() => _map.Dispose();
}
