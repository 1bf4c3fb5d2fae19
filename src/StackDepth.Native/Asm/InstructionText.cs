using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using StackDepth.Native.Spec;
using static StackDepth.Native.Asm.Opcode;

namespace StackDepth.Native.Asm;

/// <summary>The text of one instruction in the verifier's notation. Two instructions that differ in more than comments have different texts.</summary>
internal static class InstructionText
{
    /// <param name="i">The instruction; a malformed one is shown field by field, with the reason.</param>
    /// <param name="slot">Where it is, for the absolute targets of jumps and calls; null leaves them out.</param>
    /// <param name="functions">Names for the targets of calls.</param>
    internal static string Describe(in Instruction i, int? slot, ImmutableArray<FunctionInfo> functions)
    {
        if (InstructionRules.Violation(i) is { } violation)
            return Malformed(i, violation);
        return Class(i.Code) switch
        {
            BPF_ALU or BPF_ALU64 => Arithmetic(i),
            BPF_JMP or BPF_JMP32 => Jump(i, slot, functions),
            BPF_LDX => $"r{(int)i.Dst} = {Memory(i, i.Src, Mode(i.Code) == BPF_MEMSX ? 's' : 'u')}",
            BPF_ST => $"{Memory(i, i.Dst)} = {(int)i.Immediate}",
            BPF_STX when Mode(i.Code) == BPF_MEM => $"{Memory(i, i.Dst)} = r{(int)i.Src}",
            BPF_STX => Atomic(i),
            _ => NonStandardLoad(i, slot, functions),
        };
    }

    /// <summary>Control characters (names and comments can come from a probed program) as \u escapes, so that nothing leaves its line.</summary>
    internal static string Escape(string text)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            return text;
        var escaped = new StringBuilder(text.Length + 16);
        foreach (var c in text)
        {
            // Format characters (Cf) reorder or hide text; the two separators end lines in some viewers. Lone surrogates have no encoding.
            if (char.GetUnicodeCategory(c) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate)
                escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else
                escaped.Append(c);
        }

        return escaped.ToString();
    }

    private static string Arithmetic(in Instruction i)
    {
        var wide = Class(i.Code) == BPF_ALU64;
        var prefix = wide ? 'r' : 'w';
        var destination = $"{prefix}{(int)i.Dst}";
        var operation = Operation(i.Code);
        switch (operation)
        {
            case BPF_NEG:
                return $"{destination} = -{destination}";
            case BPF_END:
                var swap = wide ? "bswap" : Source(i.Code) == BPF_TO_BE ? "be" : "le";
                return $"r{(int)i.Dst} = {swap}{i.Immediate} r{(int)i.Dst}";
            case BPF_MOV when Source(i.Code) == BPF_X && wide && i.Offset == BPF_ADDR_SPACE_CAST:
                return $"{destination} = addr_space_cast(r{(int)i.Src}, {(int)i.Immediate >>> 16}, {i.Immediate & 0xffff})";
            case BPF_MOV when Source(i.Code) == BPF_X && i.Offset != 0:
                return $"{destination} = (s{i.Offset}){prefix}{(int)i.Src}";
        }

        var operand = Source(i.Code) == BPF_X ? $"{prefix}{(int)i.Src}" : i.Immediate.ToString(CultureInfo.InvariantCulture);
        var signed = operation is BPF_DIV or BPF_MOD && i.Offset == SignedDivision ? "s" : "";
        return $"{destination} {signed}{ArithmeticSymbol(operation)} {operand}";
    }

    private static string ArithmeticSymbol(byte operation) => operation switch
    {
        BPF_ADD => "+=",
        BPF_SUB => "-=",
        BPF_MUL => "*=",
        BPF_DIV => "/=",
        BPF_OR => "|=",
        BPF_AND => "&=",
        BPF_LSH => "<<=",
        BPF_RSH => ">>=",
        BPF_MOD => "%=",
        BPF_XOR => "^=",
        BPF_MOV => "=",
        _ => "s>>=",
    };

    private static string Jump(in Instruction i, int? slot, ImmutableArray<FunctionInfo> functions)
    {
        switch (i.Code)
        {
            case Goto:
                return $"goto {Target(i.Offset, slot)}";
            case GotoLong:
                return $"gotol {Target(i.Immediate, slot)}";
            case MayGotoCode:
                return $"may_goto {Target(i.Offset, slot)}";
            case ExitCode:
                return "exit";
            case CallCode:
                return (byte)i.Src switch
                {
                    BPF_PSEUDO_CALL => $"call pc{Function(i.Immediate, slot, functions)}",
                    BPF_PSEUDO_KFUNC_CALL => $"call kfunc#{(int)i.Immediate}{(i.Offset == 0 ? "" : $" fd_array[{i.Offset}]")}",
                    _ => $"call {((HelperId)(int)i.Immediate).KernelName()}#{(int)i.Immediate}",
                };
        }

        var prefix = Class(i.Code) == BPF_JMP ? 'r' : 'w';
        var operand = Source(i.Code) == BPF_X ? $"{prefix}{(int)i.Src}" : $"0x{(int)i.Immediate:x}";
        return $"if {prefix}{(int)i.Dst} {JumpSymbol((JumpOp)Operation(i.Code))} {operand} goto {Target(i.Offset, slot)}";
    }

    private static string JumpSymbol(JumpOp operation) => operation switch
    {
        JumpOp.JEQ => "==",
        JumpOp.JNE => "!=",
        JumpOp.JGT => ">",
        JumpOp.JGE => ">=",
        JumpOp.JLT => "<",
        JumpOp.JLE => "<=",
        JumpOp.JSET => "&",
        JumpOp.JSGT => "s>",
        JumpOp.JSGE => "s>=",
        JumpOp.JSLT => "s<",
        _ => "s<=",
    };

    private static string Target(long distance, int? slot) =>
        slot is { } at ? $"{distance:+0;-0;+0} <{at + 1 + distance}>" : $"{distance:+0;-0;+0}";

    private static string Function(long distance, int? slot, ImmutableArray<FunctionInfo> functions)
    {
        if (slot is not { } at)
            return Target(distance, slot);
        foreach (var function in functions)
        {
            if (function.Slot == at + 1 + distance)
                return $"{distance:+0;-0;+0} <{Escape(function.Name)}>";
        }

        return Target(distance, slot);
    }

    private static string Memory(in Instruction i, Register address, char sign = 'u') => $"*{Pointer(i, address, sign)}";

    private static string Pointer(in Instruction i, Register address, char sign = 'u')
    {
        var bits = Size(i.Code) switch { MemorySize.B => 8, MemorySize.H => 16, MemorySize.W => 32, _ => 64 };
        return $"({sign}{bits} *)(r{(int)address} {i.Offset:+0;-0;+0})";
    }

    private static string Atomic(in Instruction i)
    {
        var pointer = Pointer(i, i.Dst);
        var source = $"r{(int)i.Src}";
        var width = Size(i.Code) == MemorySize.DW ? "64" : "";
        return i.Immediate switch
        {
            BPF_LOAD_ACQ => $"r{(int)i.Dst} = load_acquire({Pointer(i, i.Src)})",
            BPF_STORE_REL => $"store_release({pointer}, {source})",
            BPF_XCHG => $"{source} = atomic{width}_xchg({pointer}, {source})",
            BPF_CMPXCHG => $"r0 = atomic{width}_cmpxchg({pointer}, r0, {source})",
            var fetch when (fetch & BPF_FETCH) != 0 => $"{source} = atomic{width}_fetch_{FetchName(fetch)}({pointer}, {source})",
            _ => $"lock *{pointer} {ArithmeticSymbol((byte)i.Immediate)} {source}",
        };
    }

    private static string FetchName(long operation) => (operation & ~BPF_FETCH) switch
    {
        BPF_ADD => "add",
        BPF_OR => "or",
        BPF_AND => "and",
        _ => "xor",
    };

    private static string NonStandardLoad(in Instruction i, int? slot, ImmutableArray<FunctionInfo> functions)
    {
        if (i.Code != LoadImmediate64Code)
        {
            var bits = Size(i.Code) switch { MemorySize.B => 8, MemorySize.H => 16, _ => 32 };
            var index = Mode(i.Code) == BPF_IND ? $"r{(int)i.Src} + " : "";
            return $"r0 = *(u{bits} *)skb[{index}{(int)i.Immediate}]";
        }

        var low = (int)i.Immediate;
        var high = (int)(i.Immediate >> 32);
        var map = i.Map is null ? $"fd:{low}" : Escape(i.Map);
        var value = (byte)i.Src switch
        {
            BPF_PSEUDO_MAP_FD => $"map[{map}]",
            BPF_PSEUDO_MAP_VALUE => $"map[{map}][0]{high:+0;-0;+0}",
            BPF_PSEUDO_BTF_ID => $"btf_id[{low}]{(high == 0 ? "" : $" fd:{high}")}",
            BPF_PSEUDO_FUNC => $"func[{Function(low, slot, functions)}]",
            BPF_PSEUDO_MAP_IDX => $"map[idx:{low}]",
            BPF_PSEUDO_MAP_IDX_VALUE => $"map[idx:{low}][0]{high:+0;-0;+0}",
            _ => $"0x{i.Immediate:x}",
        };
        return $"r{(int)i.Dst} = {value}";
    }

    private static string Malformed(in Instruction i, string violation)
    {
        var map = i.Map is null ? "" : $" map={Escape(i.Map)}";
        return $".insn code=0x{i.Code:x2} dst={(int)i.Dst} src={(int)i.Src} off={i.Offset} imm={i.Immediate}{map} ({violation})";
    }
}
