using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Native.Asm;

/// <summary>
/// What is an instruction of the instruction set at all: known opcode, and zero in every field that the opcode does not use (kernel:
/// <c>Documentation/bpf/standardization/instruction-set.rst</c>). Encoder, decoder and disassembler share it. What the verifier thinks is another matter.
/// </summary>
internal static class InstructionRules
{
    /// <summary>Null for a well-formed instruction, else what is wrong with it.</summary>
    internal static string? Violation(in Instruction i)
    {
        if (i.Dst > Register.R10)
            return $"destination register {(int)i.Dst} does not exist";
        if (i.Code != LoadImmediate64Code)
        {
            if (i.Map is not null)
                return "only a 64-bit immediate load can refer to a map";
            if (i.Immediate is < int.MinValue or > int.MaxValue)
                return $"immediate {i.Immediate} does not fit 32 bits";
            if (i.Src > Register.R10)
                return $"source register {(int)i.Src} does not exist";
        }

        return Class(i.Code) switch
        {
            BPF_ALU or BPF_ALU64 => Arithmetic(i),
            BPF_JMP or BPF_JMP32 => Jump(i),
            BPF_LDX => Mode(i.Code) switch
            {
                BPF_MEM => Reserved(i, immediate: false),
                BPF_MEMSX when Size(i.Code) != MemorySize.DW => Reserved(i, immediate: false),
                _ => UnknownOpcode(i),
            },
            BPF_ST => Mode(i.Code) == BPF_MEM ? Reserved(i, source: false) : UnknownOpcode(i),
            BPF_STX => Mode(i.Code) switch
            {
                BPF_MEM => Reserved(i, immediate: false),
                BPF_ATOMIC => Atomic(i),
                _ => UnknownOpcode(i),
            },
            _ => NonStandardLoad(i),
        };
    }

    private static string? Arithmetic(in Instruction i)
    {
        var wide = Class(i.Code) == BPF_ALU64;
        var register = Source(i.Code) == BPF_X;
        switch (Operation(i.Code))
        {
            case BPF_NEG:
                return register ? UnknownOpcode(i) : Reserved(i, source: false, offset: false, immediate: false);
            case BPF_END when wide && register:
                return UnknownOpcode(i);
            case BPF_END:
                return i.Immediate is 16 or 32 or 64 ? Reserved(i, source: false, offset: false) : $"byte swap of {i.Immediate} bits; 16, 32 and 64 exist";
            case BPF_MOV when register && wide && i.Offset == BPF_ADDR_SPACE_CAST:
                return null;
            case BPF_MOV when register && i.Offset != 0:
                return i.Offset is 8 or 16 || (i.Offset is 32 && wide)
                    ? Reserved(i, immediate: false)
                    : $"sign extension from {i.Offset} bits; 8, 16 and, into 64 bits, 32 exist";
            case BPF_DIV or BPF_MOD when i.Offset == SignedDivision:
                return register ? Reserved(i, immediate: false) : Reserved(i, source: false);
            case <= BPF_ARSH:
                return register ? Reserved(i, offset: false, immediate: false) : Reserved(i, source: false, offset: false);
            default:
                return UnknownOpcode(i);
        }
    }

    private static string? Jump(in Instruction i)
    {
        switch (Operation(i.Code))
        {
            case BPF_JA or BPF_CALL or BPF_EXIT or BPF_JCOND when Source(i.Code) == BPF_X:
            case BPF_CALL or BPF_EXIT or BPF_JCOND when Class(i.Code) == BPF_JMP32:
            case > BPF_JCOND:
                return UnknownOpcode(i);
            case BPF_JA:
                return i.Code == GotoLong
                    ? Reserved(i, destination: false, source: false, offset: false)
                    : Reserved(i, destination: false, source: false, immediate: false);
            case BPF_JCOND or BPF_EXIT:
                return Reserved(i, destination: false, source: false, offset: i.Code == MayGotoCode, immediate: false);
            case BPF_CALL:
                return (byte)i.Src switch
                {
                    0 or BPF_PSEUDO_CALL => Reserved(i, destination: false, offset: false),
                    BPF_PSEUDO_KFUNC_CALL => Reserved(i, destination: false),
                    var kind => $"calls of kind {kind} do not exist",
                };
            default:
                return Source(i.Code) == BPF_X ? Reserved(i, immediate: false) : Reserved(i, source: false);
        }
    }

    private static string? Atomic(in Instruction i)
    {
        var size = Size(i.Code);
        switch (i.Immediate)
        {
            case BPF_LOAD_ACQ or BPF_STORE_REL:
                return null;
            case BPF_XCHG or BPF_CMPXCHG:
            case BPF_ADD or BPF_OR or BPF_AND or BPF_XOR:
            case BPF_ADD | BPF_FETCH or BPF_OR | BPF_FETCH or BPF_AND | BPF_FETCH or BPF_XOR | BPF_FETCH:
                return size is MemorySize.W or MemorySize.DW ? null : "this atomic operation exists for 32 and 64 bits only";
            default:
                return $"atomic operation 0x{(int)i.Immediate:x} does not exist";
        }
    }

    private static string? NonStandardLoad(in Instruction i)
    {
        if (i.Code != LoadImmediate64Code)
        {
            return (Mode(i.Code), Size(i.Code)) switch
            {
                (BPF_ABS, not MemorySize.DW) => Reserved(i, destination: false, source: false, offset: false),
                (BPF_IND, not MemorySize.DW) => Reserved(i, destination: false, offset: false),
                _ => UnknownOpcode(i),
            };
        }

        if (i.Offset != 0)
            return "the offset is not used and must be 0";
        var kind = (byte)i.Src;
        if (kind > BPF_PSEUDO_MAP_IDX_VALUE)
            return $"64-bit immediate loads of kind {kind} do not exist";
        if (kind is BPF_PSEUDO_MAP_FD or BPF_PSEUDO_MAP_IDX or BPF_PSEUDO_FUNC && i.Immediate >>> 32 != 0)
            return "the immediate of the second slot is not used and must be 0";
        if (i.Map is null)
            return null;
        return kind is not (BPF_PSEUDO_MAP_FD or BPF_PSEUDO_MAP_VALUE) ? "a symbolic map needs a load of a map or of a map's value"
            : (int)i.Immediate != 0 ? "the immediate of a symbolic map is filled in at load and must be 0"
            : null;
    }

    /// <summary>Checks that the fields named false, which the opcode does not use, are zero.</summary>
    private static string? Reserved(in Instruction i, bool destination = true, bool source = true, bool offset = true, bool immediate = true)
    {
        var field = !destination && i.Dst != 0 ? "destination register"
            : !source && i.Src != 0 ? "source register"
            : !offset && i.Offset != 0 ? "offset"
            : !immediate && i.Immediate != 0 ? "immediate"
            : null;
        return field is null ? null : $"the {field} is not used and must be 0";
    }

    private static string UnknownOpcode(in Instruction i) => $"unknown opcode 0x{i.Code:x2}";
}
