using System.Collections.Immutable;
using StackDepth.Compile;
using StackDepth.Compile.Lowering;
using StackDepth.Ir;
using StackDepth.Native.Usdt;

namespace StackDepth.Tests.Generated;

/// <summary>Fields for random queries: of every size and sign, loaded as they are or out of slots, and one that is elsewhere at each site. They lie in the registers that hits have.</summary>
internal static class RandomFields
{
    private const ushort X64 = 62;

    private static readonly ImmutableArray<(string Name, IrType Type, FieldPlace Place, Func<Hit, long> Value)> s_all =
    [
        ("u8", IrType.Int32, At(0, 1, false, inSlot: false), static hit => (byte)hit.Arguments[0]),
        ("s8", IrType.Int32, At(0, 1, true, inSlot: true), static hit => (sbyte)hit.Arguments[0]),
        ("u16", IrType.UInt32, At(1, 2, false, inSlot: true), static hit => (ushort)hit.Arguments[1]),
        ("s16", IrType.Int32, At(1, 2, true, inSlot: false), static hit => (short)hit.Arguments[1]),
        ("u32", IrType.UInt32, At(2, 4, false, inSlot: true), static hit => (uint)hit.Arguments[2]),
        ("u32 of a record", IrType.UInt32, At(2, 4, false, inSlot: false), static hit => (uint)hit.Arguments[2]),
        ("s32", IrType.Int32, At(2, 4, true, inSlot: false), static hit => (int)hit.Arguments[2]),
        ("s32 of a slot", IrType.Int64, At(2, 4, true, inSlot: true), static hit => (int)hit.Arguments[2]),
        ("u64", IrType.UInt64, At(3, 8, false, inSlot: true), static hit => hit.Arguments[3]),
        ("s64", IrType.Int64, At(4, 8, true, inSlot: false), static hit => hit.Arguments[4]),
        ("flag", IrType.Boolean, At(5, 1, false, inSlot: true), static hit => (hit.Arguments[5] & 255) != 0 ? 1 : 0),
        ("argument", IrType.Int64, Sites("-4@$-7", "-1@%dil", "2@%si"), static hit => hit.Cookie switch { 0 => -7, 1 => (sbyte)hit.Arguments[0], _ => (ushort)hit.Arguments[1] }),
        ("constant", IrType.Int64, Sites("1@$300", "1@$300", "1@$300"), static _ => 44),
    ];

    internal static ImmutableDictionary<string, FieldPlace> Named { get; } = s_all.ToImmutableDictionary(static field => field.Name, static field => field.Place, StringComparer.Ordinal);

    internal static ImmutableArray<IrField> Of(IrType type) => [.. s_all.Where(field => field.Type == type).Select(static field => new IrField(field.Name, field.Type))];

    internal static long ValueOf(IrField field, Hit hit) => s_all.Single(candidate => candidate.Name == field.Name).Value(hit);

    private static ContextPlace At(int argument, int bytes, bool isSigned, bool inSlot) => new([ContextLowering.ArgumentOffset(argument)], bytes, isSigned) { InSlot = inSlot };

    private static ArgumentPlace Sites(params string[] operands) => new([.. operands.Select(static operand => UsdtArgumentParser.Parse(operand, X64)[0])]);
}
